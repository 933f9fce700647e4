// SPDX-License-Identifier: Apache-2.0
// GetContainerEvents towards one client.
#pragma once

#include <grpcpp/server.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "cri-api/cri.h"
#include "runtime/cri/call.h"

namespace keelson::cri_server {

constexpr size_t kMaxWaitingEvents = 1000;

// One client's stream of events. A client too slow for its bounded queue is cut off and lists anew;
// nothing is dropped silently.
class EventStream final : public grpc::ServerWriteReactor<cri::ContainerEventResponse> {
 public:
  EventStream(Context* context, std::function<void(EventStream*)> gone)
      : context_(context), gone_(std::move(gone)) {
    StartSendInitialMetadata();  // tells the client that it misses nothing from now on
  }
  void Push(const std::shared_ptr<const cri::ContainerEventResponse>& event) {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (queue_.size() >= kMaxWaitingEvents) {
      finished_ = true;
      Finish(grpc::Status(grpc::RESOURCE_EXHAUSTED,
                          "the client reads events too slowly: list and subscribe anew"));
      return;
    }
    queue_.push_back(event);
    if (queue_.size() == 1) StartWrite(queue_.front().get());
  }
  // The server stops: an event that the client does not take is not waited for.
  void Stop() {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!queue_.empty()) context_->TryCancel();
    finished_ = true;
    Finish(grpc::Status(grpc::UNAVAILABLE, "the runtime is stopping"));
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    queue_.pop_front();
    if (finished_) return;
    if (!ok) {
      finished_ = true;
      Finish(grpc::Status::OK);
    } else if (!queue_.empty()) {
      StartWrite(queue_.front().get());
    }
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    gone_(this);
    delete this;
  }

 private:
  Context* const context_;  // lives until OnDone
  const std::function<void(EventStream*)> gone_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<const cri::ContainerEventResponse>> queue_;  // guarded by mutex_
  bool finished_ = false;                                                 // guarded by mutex_
};

}  // namespace keelson::cri_server
