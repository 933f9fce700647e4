// SPDX-License-Identifier: Apache-2.0
// Our terms in etcd's messages and back. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "minimal-master/store/etcd/rpc.pb.h"
#include "minimal-master/store/store.h"

namespace keelson::store {

// Keys from `from` to below `end`; "" is the beginning and the end of all keys.
template <typename Request>
void SetRange(Request& request, std::string_view from, std::string_view end) {
  const std::string_view zero("\0", 1);
  request.set_key(std::string(from.empty() ? zero : from));
  request.set_range_end(std::string(end.empty() ? zero : end));
}
etcdserverpb::TxnRequest ToTxn(const std::vector<Change>& changes);
// Of a transaction whose comparisons did not hold: which of the changes is in conflict.
base::Error ConflictOfAnswer(const std::vector<Change>& changes,
                             const etcdserverpb::TxnResponse& answer);
Event ToEvent(const mvccpb::Event& event);

}  // namespace keelson::store
