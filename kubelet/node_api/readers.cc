// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/readers.h"

#include <algorithm>
#include <condition_variable>

namespace keelson::node_api {

// What the exchange's callbacks and the reader's thread share.
struct Readers::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool room = true;    // guarded by mutex, as all below
  bool over = false;   // the client has gone, or all are to end
  bool ended = false;  // all is written, the thread is about to be done

  void End() {
    const std::lock_guard lock(mutex);
    over = true;
    changed.notify_all();
  }
};

class Readers::Writer final : public http::BodyWriter {
 public:
  Writer(std::shared_ptr<service::Exchange> exchange, std::shared_ptr<Shared> shared)
      : exchange_(std::move(exchange)), shared_(std::move(shared)) {}

  bool Write(std::string_view piece) override {
    if (piece.empty()) return !over();
    const service::Buffer bytes{std::string(piece)};
    while (true) {
      {
        // Before the try: room that comes while it fails is not overlooked.
        const std::lock_guard lock(shared_->mutex);
        if (shared_->over) return false;
        shared_->room = false;
      }
      const service::Sent sent = exchange_->Write(bytes);
      if (sent != service::Sent::kFull) return sent == service::Sent::kTaken;
      std::unique_lock lock(shared_->mutex);
      shared_->changed.wait(lock, [this] { return shared_->room || shared_->over; });
    }
  }
  bool Wait(std::chrono::milliseconds time) override {
    std::unique_lock lock(shared_->mutex);
    return !shared_->changed.wait_for(lock, time, [this] { return shared_->over; });
  }

 private:
  bool over() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->over;
  }

  const std::shared_ptr<service::Exchange> exchange_;
  const std::shared_ptr<Shared> shared_;
};

Readers::~Readers() {
  std::list<Reader> last;
  {
    const std::lock_guard lock(mutex_);
    last.swap(readers_);
  }
  for (const Reader& reader : last) reader.shared->End();
  for (Reader& reader : last) reader.thread.join();
}

bool Readers::Begin(const std::shared_ptr<service::Exchange>& exchange, http::Response response) {
  const std::lock_guard lock(mutex_);
  Reap();
  if (readers_.size() >= most_) return false;
  const auto shared = std::make_shared<Shared>();
  exchange->OnGone([shared] { shared->End(); });
  exchange->OnDrain([shared] {
    const std::lock_guard guard(shared->mutex);
    shared->room = true;
    shared->changed.notify_all();
  });
  service::Fields headers = response.headers;
  headers.emplace_back("Content-Type", response.content_type);
  exchange->Begin(response.status, std::move(headers));
  readers_.push_back({shared, std::thread([exchange, shared, stream = std::move(response.stream)] {
                        Writer writer(exchange, shared);
                        stream(writer);
                        {
                          // Before the client sees the end: who asks again then finds room.
                          const std::lock_guard guard(shared->mutex);
                          shared->ended = true;
                        }
                        exchange->End();
                      })});
  return true;
}

void Readers::Reap() {
  for (auto it = readers_.begin(); it != readers_.end();) {
    bool ended = false;
    {
      const std::lock_guard lock(it->shared->mutex);
      ended = it->shared->ended;
    }
    if (ended) it->thread.join();
    it = ended ? readers_.erase(it) : std::next(it);
  }
}

size_t Readers::open() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::count_if(readers_.begin(), readers_.end(), [](const Reader& reader) {
        const std::lock_guard guard(reader.shared->mutex);
        return !reader.shared->ended;
      }));
}

}  // namespace keelson::node_api
