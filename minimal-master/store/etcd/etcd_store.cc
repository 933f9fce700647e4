// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/etcd/etcd_store.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "lib/base/log.h"
#include "lib/os/files.h"
#include "minimal-master/store/etcd/rpc.grpc.pb.h"
#include "minimal-master/store/etcd/wire.h"

namespace keelson::store {

namespace pb = ::etcdserverpb;

class EtcdStore::Entry final : public Subscription {
 public:
  Entry(EtcdStore& store, Subscriber& subscriber) : store_(store), subscriber_(subscriber) {}
  ~Entry() override {
    std::lock_guard lock(store_.publish_);
    store_.subscribers_.erase(&subscriber_);
  }

 private:
  EtcdStore& store_;
  Subscriber& subscriber_;
};

EtcdStore::EtcdStore(std::unique_ptr<EtcdClient> client, std::string prefix)
    : client_(std::move(client)), prefix_(std::move(prefix)) {}

base::Result<std::unique_ptr<EtcdStore>> EtcdStore::Open(const EtcdOptions& options,
                                                         std::string prefix,
                                                         std::chrono::milliseconds compact_every) {
  ASSIGN_OR_RETURN(std::unique_ptr<EtcdClient> client, EtcdClient::Create(options));
  std::unique_ptr<EtcdStore> store(new EtcdStore(std::move(client), std::move(prefix)));
  ASSIGN_OR_RETURN(store->seen_, store->CurrentRevision());
  store->thread_ = std::thread([&self = *store] { self.WatchLoop(); });
  if (compact_every.count() > 0) {
    store->compact_thread_ =
        std::thread([&self = *store, compact_every] { self.CompactLoop(compact_every); });
  }
  return store;
}

EtcdStore::~EtcdStore() {
  {
    std::lock_guard lock(state_);
    stop_ = true;
    if (stream_) stream_->TryCancel();
  }
  advanced_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (compact_thread_.joinable()) compact_thread_.join();
}

base::Result<EtcdStore::Page> EtcdStore::Range(std::string_view from, std::string_view end,
                                               size_t limit, Revision revision, bool count_only) {
  pb::RangeRequest request;
  SetRange(request, from, end);
  request.set_limit(static_cast<int64_t>(limit));
  request.set_revision(revision);
  request.set_count_only(count_only);
  pb::RangeResponse answer;
  RETURN_IF_ERROR(client_->Call("range", [&](const auto& channel, grpc::ClientContext& context) {
    return pb::KV::NewStub(channel)->Range(&context, request, &answer);
  }));
  Page page;
  page.count = answer.count();
  page.list.revision = answer.header().revision();
  page.list.more = answer.more();
  page.list.items.reserve(static_cast<size_t>(answer.kvs_size()));
  for (const mvccpb::KeyValue& kv : answer.kvs()) {
    page.list.items.push_back({kv.key(), kv.mod_revision(), Bytes::Copy(kv.value())});
  }
  return page;
}

base::Result<KeyValue> EtcdStore::Get(std::string_view key) {
  const std::string end = std::string(key) + '\0';
  ASSIGN_OR_RETURN(Page page, Range(key, end, 1, 0, false));
  if (page.list.items.empty()) return base::NotFound("no key '{}'", key);
  return std::move(page.list.items.front());
}

base::Result<ListResult> EtcdStore::List(std::string_view prefix, std::string_view from,
                                         size_t limit) {
  ASSIGN_OR_RETURN(Page page, Range(std::max(prefix, from), PrefixEnd(prefix), limit, 0, false));
  return std::move(page.list);
}

base::Result<Revision> EtcdStore::Scan(std::string_view prefix,
                                       const std::function<void(KeyValue)>& row) {
  constexpr size_t kRows = 1'000;
  const std::string end = PrefixEnd(prefix);
  std::string from(prefix);
  for (Revision revision = 0;;) {
    ASSIGN_OR_RETURN(Page page, Range(from, end, kRows, revision, false));
    if (revision == 0) revision = page.list.revision;
    if (page.list.more) from = page.list.items.back().key + '\0';
    for (KeyValue& item : page.list.items) row(std::move(item));
    if (!page.list.more) return revision;
  }
}

base::Result<Revision> EtcdStore::CurrentRevision() {
  ASSIGN_OR_RETURN(const Page page, Range("/", std::string("/") + '\0', 1, 0, true));
  return page.list.revision;
}

// Whether every key is as `changes` leave it: the revision of that, or 0.
base::Result<Revision> EtcdStore::IsAsWanted(const std::vector<Change>& changes) {
  Revision revision = 0;
  for (const Change& change : changes) {
    const auto found = Get(change.key);
    if (!found.ok() && found.error().code() != base::Code::kNotFound) return found.error();
    if (found.ok() != static_cast<bool>(change.value)) return Revision{0};
    if (!found.ok()) continue;
    if (found->value.view() != change.value.view()) return Revision{0};
    revision = std::max(revision, found->revision);
  }
  if (revision == 0) return CurrentRevision();  // deletions alone leave no revision behind
  return revision;
}

base::Result<Revision> EtcdStore::Commit(std::vector<Change> changes, Durability) {
  RETURN_IF_ERROR(CheckChanges(changes));
  const pb::TxnRequest request = ToTxn(changes);
  pb::TxnResponse answer;
  // An attempt without an answer may have been carried out: then the next one finds a conflict with
  // what it wrote itself.
  bool unsure = false;
  const base::Status done = client_->Call(
      "txn",
      [&](const auto& channel, grpc::ClientContext& context) {
        answer.Clear();
        return pb::KV::NewStub(channel)->Txn(&context, request, &answer);
      },
      &unsure);
  {
    std::lock_guard lock(state_);
    full_ = !done.ok() && done.error().code() == base::Code::kResourceExhausted;
  }
  if (!done.ok()) return done.error();
  Revision revision = answer.header().revision();
  if (!answer.succeeded()) {
    if (unsure) {
      ASSIGN_OR_RETURN(const Revision ours, IsAsWanted(changes));
      if (ours == 0) return ConflictOfAnswer(changes, answer);
      revision = ours;
    } else {
      return ConflictOfAnswer(changes, answer);
    }
  }
  RETURN_IF_ERROR(AwaitSeen(revision));
  std::lock_guard lock(state_);
  ++commits_;
  return revision;
}

base::Status EtcdStore::AwaitSeen(Revision revision) {
  std::unique_lock lock(state_);
  // It is committed; only if no member can be watched for so long its caller is told so.
  const bool seen = advanced_.wait_for(lock, 2 * client_->options().total_timeout,
                                       [&] { return seen_ >= revision || stop_; });
  if (seen) return base::Ok();
  return base::Unavailable("revision {} is committed, but its event does not come", revision);
}

base::Result<std::unique_ptr<Subscription>> EtcdStore::Subscribe(Revision from,
                                                                 Subscriber& subscriber) {
  // What is committed when this is called is to be delivered when it returns.
  ASSIGN_OR_RETURN(const Revision current, CurrentRevision());
  if (from > current) return base::InvalidArgument("revision {} is ahead of {}", from, current);
  RETURN_IF_ERROR(AwaitSeen(current));
  std::lock_guard publishing(publish_);
  Revision target;
  {
    std::lock_guard lock(state_);
    target = seen_;
  }
  if (from < target) {
    ASSIGN_OR_RETURN(std::vector<Event> past, Past(from, target));
    std::erase_if(past, [&](const Event& event) { return !event.key.starts_with(prefix_); });
    if (!past.empty()) subscriber.OnEvents(past);
  }
  KEELSON_CHECK(subscribers_.insert(&subscriber).second);
  return std::unique_ptr<Subscription>(std::make_unique<Entry>(*this, subscriber));
}

base::Result<Revision> EtcdStore::RevisionBefore(size_t events) {
  ASSIGN_OR_RETURN(const Revision current, CurrentRevision());
  const Revision from = std::max(Revision{1}, current - static_cast<Revision>(events));
  if (from == current) return current;
  const auto past = Past(from, from + 1);
  if (past.ok()) return from;
  const Compacted* compacted = CompactedOf(past.error());
  if (compacted == nullptr) return past.error();
  return std::min(current, compacted->oldest);
}

base::Status EtcdStore::Compact(Revision revision) {
  pb::CompactionRequest request;
  request.set_revision(revision);
  pb::CompactionResponse answer;
  const base::Status done =
      client_->Call("compact", [&](const auto& channel, grpc::ClientContext& context) {
        return pb::KV::NewStub(channel)->Compact(&context, request, &answer);
      });
  if (!done.ok()) {
    // Somebody else was there first.
    if (done.error().message().find("has been compacted") != std::string::npos) return base::Ok();
    return done;
  }
  std::lock_guard lock(state_);
  compacted_ = std::max(compacted_, revision);
  return base::Ok();
}

void EtcdStore::CompactLoop(std::chrono::milliseconds every) {
  for (Revision then = 0;;) {
    Revision now;
    {
      std::unique_lock lock(state_);
      if (advanced_.wait_for(lock, every, [this] { return stop_; })) return;
      now = seen_;
    }
    if (then != 0) {
      const base::Status done = Compact(then);
      if (!done.ok()) {
        base::LogWarn("compacting etcd, will be tried again", {{"error", done.error()}});
      }
    }
    then = now;
  }
}

base::Status EtcdStore::Backup(const std::string& path) {
  if (os::Exists(path)) return base::AlreadyExists("back up to '{}': it is there already", path);
  const std::string partial = path + ".partial";
  RETURN_IF_ERROR(os::RemoveFile(partial));
  ASSIGN_OR_RETURN(const os::UniqueFd out, os::Open(partial, O_WRONLY | O_CREAT | O_EXCL, 0600));
  const std::shared_ptr<grpc::Channel> channel = client_->Current();
  grpc::ClientContext context;
  const auto stub = pb::Maintenance::NewStub(channel);
  const auto stream = stub->Snapshot(&context, pb::SnapshotRequest());
  pb::SnapshotResponse piece;
  base::Status written;
  while (written.ok() && stream->Read(&piece)) written = os::WriteAll(out.get(), piece.blob());
  if (!written.ok()) context.TryCancel();
  const grpc::Status status = stream->Finish();
  if (written.ok() && !status.ok()) written = ErrorOfStatus(status);
  if (written.ok() && ::fsync(out.get()) != 0) written = base::Error::FromErrno(errno, "fsync");
  if (written.ok() && ::rename(partial.c_str(), path.c_str()) != 0) {
    written = base::Error::FromErrno(errno, "rename '{}'", partial);
  }
  if (!written.ok()) {
    (void)os::RemoveFile(partial);
    return std::move(written).WithContext(fmt::format("back up to '{}'", path));
  }
  std::lock_guard lock(state_);
  last_backup_ = std::time(nullptr);
  return base::Ok();
}

base::Result<Stats> EtcdStore::GetStats() {
  pb::StatusResponse answer;
  RETURN_IF_ERROR(client_->Call("status", [&](const auto& channel, grpc::ClientContext& context) {
    return pb::Maintenance::NewStub(channel)->Status(&context, pb::StatusRequest(), &answer);
  }));
  ASSIGN_OR_RETURN(const Page page, Range(prefix_, PrefixEnd(prefix_), 0, 0, true));
  Stats stats;
  stats.backend = "etcd " + answer.version();
  stats.revision = page.list.revision;
  stats.keys = page.count;
  stats.file_bytes = answer.dbsize();
  std::lock_guard lock(state_);
  stats.oldest = compacted_;
  stats.commits = stats.groups = commits_;
  stats.last_backup = last_backup_;
  stats.full = full_;
  for (const std::string& alarm : answer.errors()) {
    stats.full = stats.full || alarm.find("NOSPACE") != std::string::npos;
  }
  return stats;
}

}  // namespace keelson::store
