// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/loop.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>

#include "lib/http/service/connection.h"
#include "lib/http/service/stream.h"

namespace keelson::service {

base::Result<std::shared_ptr<Loop>> Loop::Start(std::shared_ptr<Core> core) {
  ASSIGN_OR_RETURN(auto events, os::EventLoop::Create());
  std::shared_ptr<Loop> loop(new Loop(std::move(core), std::move(events)));
  loop->Sweep();
  loop->thread_ = std::thread([raw = loop.get()] {
    // OpenSSL writes with write(2): a client that has gone is an error, not a signal.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    raw->events_->Run();
  });
  return loop;
}

Loop::~Loop() = default;

void Loop::Ready(std::shared_ptr<Stream> stream) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ready_.push_back(std::move(stream));
    if (ready_.size() > 1) return;
  }
  events_->Post([this] { SendReady(); });
}

void Loop::SendReady() {
  std::vector<std::shared_ptr<Stream>> ready;
  {
    const std::lock_guard lock(mutex_);
    ready.swap(ready_);
  }
  for (const std::shared_ptr<Stream>& stream : ready) {
    stream->clear_ready();
    if (const auto connection = stream->connection()) connection->OnReady(*stream);
  }
}

void Loop::Add(os::UniqueFd socket, TlsContext tls, std::string remote) {
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket),
                                                 std::move(tls), std::move(remote));
  events_->Post([this, connection = std::move(connection)] {
    if (draining_ || !connection->Start()) return;
    connections_.insert(connection);
  });
}

void Loop::Forget(Connection* connection) { connections_.erase(connection->shared_from_this()); }

void Loop::Drain() {
  events_->Post([this] {
    draining_ = true;
    const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
    for (const auto& connection : all) connection->Drain();
  });
}

void Loop::Join() {
  events_->Post([this] {
    draining_ = true;
    const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
    for (const auto& connection : all) connection->Close();
    events_->Stop();
  });
  thread_.join();
  std::vector<std::shared_ptr<Stream>> left;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    left.swap(ready_);
  }
}

void Loop::Sweep() {
  const ServerOptions& options = core_->options;
  const auto shortest =
      std::min({options.handshake_timeout, options.header_timeout, options.body_timeout,
                options.idle_timeout, options.write_timeout});
  const Time now = std::chrono::steady_clock::now();
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->Sweep(now);
  events_->After(
      std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(500)),
      [this] { Sweep(); });
}

}  // namespace keelson::service
