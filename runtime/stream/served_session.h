// SPDX-License-Identifier: Apache-2.0
// What the daemon knows of one client of keelson-stream: what its token stood for, and the
// backend's session once it is open. Its work is done in order, on worker threads, never two at a
// time; connections of a port-forward aside, which are made side by side. Any thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "lib/async/executor.h"
#include "runtime/stream/backend.h"
#include "runtime/stream/link.h"
#include "runtime/stream/token_table.h"

namespace keelson::stream {

class ServedSession : public std::enable_shared_from_this<ServedSession> {
 public:
  ServedSession(uint64_t id, Asked asked, Backend& backend, std::shared_ptr<Link> link,
                async::Executor& workers, async::Executor& connectors)
      : id_(id),
        asked_(std::move(asked)),
        backend_(backend),
        link_(std::move(link)),
        workers_(workers),
        connectors_(connectors) {}

  Grant MakeGrant() const;
  void Open();
  void Resize(Size size);
  void Connect(stream::Connect connect);
  void Close();  // nothing is done afterwards

 private:
  void Post(std::function<void()> work);
  void RunPosted();
  void DoOpen();

  const uint64_t id_;
  const Asked asked_;
  Backend& backend_;
  const std::shared_ptr<Link> link_;
  async::Executor& workers_;
  async::Executor& connectors_;
  std::unique_ptr<Session> session_;  // touched by posted work alone
  bool opened_ = false;               // likewise

  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;  // guarded by mutex_
  bool running_ = false;                      // guarded by mutex_
  bool closed_ = false;                       // guarded by mutex_
};

}  // namespace keelson::stream
