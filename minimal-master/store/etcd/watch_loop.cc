// SPDX-License-Identifier: Apache-2.0
// What EtcdStore hears: the watch that feeds subscribers, and those of the past.
#include <grpcpp/grpcpp.h>

#include "lib/base/log.h"
#include "minimal-master/store/etcd/etcd_store.h"
#include "minimal-master/store/etcd/rpc.grpc.pb.h"
#include "minimal-master/store/etcd/wire.h"

namespace keelson::store {

namespace pb = ::etcdserverpb;

namespace {

constexpr auto kPause = std::chrono::milliseconds(200);

// Every key: then each revision has an event, and what was seen is known exactly.
pb::WatchRequest WatchAll(Revision from) {
  pb::WatchRequest request;
  pb::WatchCreateRequest& create = *request.mutable_create_request();
  SetRange(create, "", "");
  create.set_start_revision(from + 1);
  create.set_prev_kv(true);
  create.set_progress_notify(true);
  return request;
}

}  // namespace

base::Result<std::vector<Event>> EtcdStore::Past(Revision from, Revision target) {
  const auto deadline = std::chrono::steady_clock::now() + client_->options().total_timeout;
  for (;;) {
    const std::shared_ptr<grpc::Channel> channel = client_->Current();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + client_->options().call_timeout);
    const auto stub = pb::Watch::NewStub(channel);
    const auto stream = stub->Watch(&context);
    std::vector<Event> events;
    pb::WatchResponse answer;
    if (stream->Write(WatchAll(from))) {
      while (stream->Read(&answer)) {
        if (answer.canceled()) {
          context.TryCancel();
          (void)stream->Finish();
          if (answer.compact_revision() == 0) {
            return base::Unavailable("etcd: watch: {}", answer.cancel_reason());
          }
          std::lock_guard lock(state_);
          compacted_ = std::max(compacted_, answer.compact_revision());
          return MakeCompacted(from, answer.compact_revision());
        }
        for (const mvccpb::Event& event : answer.events()) {
          if (event.kv().mod_revision() <= target) events.push_back(ToEvent(event));
        }
        if (answer.events_size() > 0 &&
            answer.events(answer.events_size() - 1).kv().mod_revision() >= target) {
          context.TryCancel();
          (void)stream->Finish();
          return events;
        }
      }
    }
    const grpc::Status status = stream->Finish();
    if (std::chrono::steady_clock::now() >= deadline) {
      return ErrorOfStatus(status).WithContext("etcd: watch of what has passed");
    }
    client_->Failed(*channel);
    std::unique_lock lock(state_);
    if (advanced_.wait_for(lock, kPause, [this] { return stop_; })) {
      return base::Unavailable("the store ends");
    }
  }
}

void EtcdStore::Publish(std::vector<Event> events, Revision seen) {
  std::lock_guard publishing(publish_);
  std::erase_if(events, [&](const Event& event) { return !event.key.starts_with(prefix_); });
  for (Subscriber* subscriber : subscribers_) {
    if (!events.empty()) subscriber->OnEvents(events);
    subscriber->OnProgress(seen);
  }
  {
    std::lock_guard lock(state_);
    seen_ = std::max(seen_, seen);
  }
  advanced_.notify_all();
}

void EtcdStore::WatchLoop() {
  for (;;) {
    const std::shared_ptr<grpc::Channel> channel = client_->Current();
    const auto context = std::make_shared<grpc::ClientContext>();
    Revision from;
    {
      std::lock_guard lock(state_);
      if (stop_) return;
      stream_ = context;
      from = seen_;
    }
    const auto stub = pb::Watch::NewStub(channel);
    const auto stream = stub->Watch(context.get());
    pb::WatchResponse answer;
    Revision compacted = 0;
    if (stream->Write(WatchAll(from))) {
      while (stream->Read(&answer)) {
        if (answer.canceled()) {
          compacted = answer.compact_revision();
          context->TryCancel();
          break;
        }
        if (answer.events_size() == 0) continue;
        std::vector<Event> events;
        events.reserve(static_cast<size_t>(answer.events_size()));
        for (const mvccpb::Event& event : answer.events()) events.push_back(ToEvent(event));
        const Revision seen = events.back().revision;
        Publish(std::move(events), seen);
      }
    }
    const grpc::Status status = stream->Finish();
    {
      std::unique_lock lock(state_);
      stream_ = nullptr;
      if (stop_) return;
    }
    if (compacted != 0) {
      // What came while nobody could be watched is gone.
      const auto current = CurrentRevision();
      if (current.ok()) {
        std::set<Subscriber*> lost;
        std::lock_guard publishing(publish_);
        lost.swap(subscribers_);
        {
          std::lock_guard lock(state_);
          seen_ = *current;
          compacted_ = std::max(compacted_, compacted);
        }
        for (Subscriber* subscriber : lost) subscriber->OnLost(MakeCompacted(from, compacted));
        advanced_.notify_all();
        continue;
      }
    }
    base::LogDebug("etcd's watch ended, going on with another member",
                   {{"revision", from}, {"error", status.error_message()}});
    client_->Failed(*channel);
    std::unique_lock lock(state_);
    if (advanced_.wait_for(lock, kPause, [this] { return stop_; })) return;
  }
}

}  // namespace keelson::store
