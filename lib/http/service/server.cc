// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/server.h"

#include <condition_variable>
#include <mutex>
#include <vector>

#include "lib/async/executor.h"
#include "lib/base/log.h"
#include "lib/http/service/listener.h"
#include "lib/http/service/loop.h"
#include "lib/http/service/stream.h"

namespace keelson::service {

using base::Result;

struct Server::State {
  State(ServerOptions options, Handler h)
      : handler(std::move(h)), core(std::make_shared<Core>(std::move(options))) {
    for (Pool* pool : {&readers, &writers})
      pool->executor = std::make_unique<async::Executor>(core->options.workers);
  }

  struct Pool {
    std::atomic<size_t> waiting{0};  // given to it and not back
    std::unique_ptr<async::Executor> executor;
  };

  Pool& PoolOf(const Request& request) {
    const std::string& method = request.method;
    return method == "GET" || method == "HEAD" || method == "OPTIONS" ? readers : writers;
  }

  bool Dispatch(std::shared_ptr<Stream> stream) {
    Pool& pool = PoolOf(stream->request());
    if (pool.waiting.fetch_add(1) >= core->options.max_waiting + core->options.workers) {
      --pool.waiting;
      return false;
    }
    stream->set_handler_running(true);
    pool.executor->Post([this, &pool, stream = std::move(stream)]() mutable {
      const std::shared_ptr<Stream> own = std::move(stream);
      if (!own->gone()) {
        try {
          handler(own->MakeHandle());
        } catch (const std::exception& e) {  // a library's; ours throws nothing
          base::LogError("a request's handler threw", {{"error", std::string(e.what())}});
        }
      }
      own->set_handler_running(false);
      --pool.waiting;
    });
    return true;
  }

  Result<std::shared_ptr<Loop>> NextLoop() {
    const std::lock_guard lock(mutex);
    if (loops.size() < core->options.loops) {
      ASSIGN_OR_RETURN(auto loop, Loop::Start(core));
      loops.push_back(loop);
      return loop;
    }
    return loops[next++ % loops.size()];
  }

  // `own`: this machine alone.
  Result<int> ListenWithoutTls(const std::string& endpoint, bool own) {
    ASSIGN_OR_RETURN(auto listener, Listener::Open(endpoint, own));
    const int port = listener->port();
    listener->Start([this](os::UniqueFd socket, std::string remote) {
      if (core->connections >= core->options.max_connections) return;
      const auto loop = NextLoop();
      if (loop.ok()) (*loop)->Add(std::move(socket), nullptr, std::move(remote));
    });
    const std::lock_guard lock(mutex);
    listeners.push_back(std::move(listener));
    return port;
  }

  Handler handler;
  const std::shared_ptr<Core> core;
  Pool readers;
  Pool writers;
  std::mutex mutex;
  std::vector<std::shared_ptr<Loop>> loops;          // guarded by mutex
  size_t next = 0;                                   // guarded by mutex
  TlsContext tls;                                    // guarded by mutex
  std::vector<std::unique_ptr<Listener>> listeners;  // guarded by mutex
};

Server::Server(ServerOptions options, Handler handler)
    : state_(std::make_unique<State>(std::move(options), std::move(handler))) {
  state_->core->dispatch = [state = state_.get()](std::shared_ptr<Stream> stream) {
    return state->Dispatch(std::move(stream));
  };
}

Server::~Server() {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::shared_ptr<Loop>> loops;
  {
    const std::lock_guard lock(state_->mutex);
    listeners.swap(state_->listeners);
    loops.swap(state_->loops);
  }
  listeners.clear();
  for (const auto& loop : loops) loop->Join();
  state_->readers.executor.reset();
  state_->writers.executor.reset();
}

Result<int> Server::ListenPlain(const std::string& endpoint) {
  return state_->ListenWithoutTls(endpoint, true);
}

Result<int> Server::ListenForAnybody(const std::string& endpoint) {
  return state_->ListenWithoutTls(endpoint, false);
}

Result<int> Server::ListenTls(const std::string& endpoint) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->tls) return base::FailedPrecondition("there is no serving certificate yet");
  }
  ASSIGN_OR_RETURN(auto listener, Listener::Open(endpoint, false));
  const int port = listener->port();
  listener->Start([state = state_.get()](os::UniqueFd socket, std::string remote) {
    if (state->core->connections >= state->core->options.max_connections) return;
    TlsContext tls;
    {
      const std::lock_guard lock(state->mutex);
      tls = state->tls;
    }
    const auto loop = state->NextLoop();
    if (loop.ok()) (*loop)->Add(std::move(socket), std::move(tls), std::move(remote));
  });
  const std::lock_guard lock(state_->mutex);
  state_->listeners.push_back(std::move(listener));
  return port;
}

base::Status Server::SetTls(const TlsMaterial& material) {
  ASSIGN_OR_RETURN(TlsContext made, MakeTlsContext(material));
  const std::lock_guard lock(state_->mutex);
  state_->tls = std::move(made);
  return base::Ok();
}

void Server::Stop() {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::shared_ptr<Loop>> loops;
  {
    const std::lock_guard lock(state_->mutex);
    listeners.swap(state_->listeners);
    loops = state_->loops;
  }
  listeners.clear();
  for (const auto& loop : loops) loop->Drain();
  state_->core->WaitForConnections(state_->core->options.drain_timeout);
  {
    const std::lock_guard lock(state_->mutex);
    state_->loops.clear();
  }
  for (const auto& loop : loops) loop->Join();
}

size_t Server::connections() const { return state_->core->connections; }

}  // namespace keelson::service
