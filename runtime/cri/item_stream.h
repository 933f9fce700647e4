// SPDX-License-Identifier: Apache-2.0
// A list as a stream of batches: each item once, a batch of one item at least and of a bounded
// size, the end after the last. What is sent next is asked for when the client has taken what was
// sent before, so a slow client costs one batch. Ends with its client.
#pragma once

#include <grpcpp/server.h>

#include <functional>
#include <mutex>

#include "runtime/cri/call.h"
#include "runtime/cri/raw.h"

namespace keelson::cri_server {

class ItemStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // The next item, nullptr after the last. Called by one thread at a time.
  using Next = std::function<Bytes()>;
  static constexpr size_t kMostBytes = 1u << 20;  // of a batch, unless one item is larger

  ItemStream(Context* context, size_t most_items, std::function<void(ItemStream*)> gone)
      : context_(context), most_items_(most_items), gone_(std::move(gone)) {}

  // Either, once, from any thread; the stream may be gone when it returns.
  void Begin(Next next) {
    next_ = std::move(next);
    Proceed();
  }
  void Fail(const grpc::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      busy_ = true;
    }
    Finish(status);
  }
  void Stop() { context_->TryCancel(); }

  void OnWriteDone(bool ok) override {
    if (!ok) next_ = nullptr;
    Proceed();
  }
  void OnCancel() override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      if (busy_) return;  // whoever is busy sees it next
      busy_ = true;
    }
    Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    gone_(this);
    delete this;
  }

 private:
  // By whoever is busy: the beginner at first, then the end of each write.
  void Proceed() {
    {
      const std::lock_guard lock(mutex_);
      busy_ = true;
      if (cancelled_) next_ = nullptr;
    }
    if (!next_) return Finish(grpc::Status::CANCELLED);
    ItemList batch;
    for (size_t count = 0; count < most_items_ && batch.size() < kMostBytes; ++count) {
      Bytes item = held_ ? std::move(held_) : next_();
      held_.reset();
      if (!item) break;
      if (count > 0 && batch.size() + item->size() > kMostBytes) {
        held_ = std::move(item);
        break;
      }
      batch.Add(*item);
    }
    if (batch.size() == 0) return Finish(grpc::Status::OK);
    buffer_ = batch.Take();
    StartWrite(&buffer_);
  }

  Context* const context_;  // lives until OnDone
  const size_t most_items_;
  const std::function<void(ItemStream*)> gone_;
  Next next_;   // of whoever is busy, as are the following
  Bytes held_;  // did not fit into the batch before
  grpc::ByteBuffer buffer_;
  std::mutex mutex_;
  bool busy_ = true;        // somebody will write or finish; guarded by mutex_
  bool cancelled_ = false;  // guarded by mutex_
};

}  // namespace keelson::cri_server
