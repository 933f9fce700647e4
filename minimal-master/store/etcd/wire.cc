// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/etcd/wire.h"

namespace keelson::store {

namespace pb = ::etcdserverpb;

pb::TxnRequest ToTxn(const std::vector<Change>& changes) {
  pb::TxnRequest request;
  for (const Change& change : changes) {
    if (change.expected != kAny || !change.value) {
      pb::Compare& compare = *request.add_compare();
      compare.set_key(change.key);
      compare.set_target(pb::Compare::MOD);
      if (change.expected == kAny) {  // a deletion: it must be there
        compare.set_result(pb::Compare::GREATER);
        compare.set_mod_revision(0);
      } else {
        compare.set_result(pb::Compare::EQUAL);
        compare.set_mod_revision(change.expected);
      }
    }
    if (change.value) {
      pb::PutRequest& put = *request.add_success()->mutable_request_put();
      put.set_key(change.key);
      put.set_value(std::string(change.value.view()));
    } else {
      request.add_success()->mutable_request_delete_range()->set_key(change.key);
    }
    pb::RangeRequest& now = *request.add_failure()->mutable_request_range();
    now.set_key(change.key);
    now.set_keys_only(true);
  }
  return request;
}

base::Error ConflictOfAnswer(const std::vector<Change>& changes, const pb::TxnResponse& answer) {
  for (size_t i = 0; i < changes.size(); ++i) {
    if (static_cast<int>(i) >= answer.responses_size()) break;
    const pb::RangeResponse& now = answer.responses(static_cast<int>(i)).response_range();
    const Revision current = now.kvs_size() == 0 ? kAbsent : now.kvs(0).mod_revision();
    const Change& change = changes[i];
    if (change.expected != kAny && change.expected != current) {
      return MakeConflict(change.key, change.expected, current);
    }
    if (!change.value && current == kAbsent) return base::NotFound("no key '{}'", change.key);
  }
  return base::Aborted("etcd refused the transaction and names no conflict");
}

Event ToEvent(const mvccpb::Event& event) {
  Event out;
  out.revision = event.kv().mod_revision();
  out.key = event.kv().key();
  if (event.type() == mvccpb::Event::PUT) out.value = Bytes::Copy(event.kv().value());
  if (event.has_prev_kv()) {
    out.previous = Bytes::Copy(event.prev_kv().value());
    out.previous_revision = event.prev_kv().mod_revision();
  }
  return out;
}

}  // namespace keelson::store
