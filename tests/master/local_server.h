// SPDX-License-Identifier: Apache-2.0
// The API of the control plane in this process, over a store in memory and without sockets: for
// tests that ask it many questions. Whoever asks has a certificate of system:masters unless the
// request says otherwise. Roles that a request changed count for the next one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "lib/base/clock.h"
#include "minimal-master/api/engine.h"
#include "minimal-master/pki/key.h"
#include "minimal-master/watch/cache.h"
#include "tests/master/golden.h"

namespace keelson::golden {

// A watch that is going on: what it has sent so far.
class LocalWatch {
 public:
  virtual ~LocalWatch() = default;
  virtual int code() const = 0;
  virtual std::string text() const = 0;
  // Until `enough` is true of what was sent, it has ended, or `patience` is over.
  virtual void WaitForText(const std::function<bool(const std::string&)>& enough,
                           std::chrono::seconds patience) = 0;
  virtual void WaitForEnd() = 0;
};

class LocalServer {
 public:
  struct Options {
    const base::Clock* clock = nullptr;  // null: the system's
    watch::HistoryLimits history;
  };
  LocalServer() : LocalServer(Options()) {}
  explicit LocalServer(const Options& options);
  ~LocalServer();
  LocalServer(const LocalServer&) = delete;

  // Blocks until the answer is whole; a watch must have a timeoutSeconds.
  Answer Ask(const Request& request);
  std::shared_ptr<LocalWatch> Watch(const Request& request);
  // The bytes of it.
  std::string AskText(const Request& request, int& code);
  api::Engine& engine();
  const pki::Key& token_key() const;  // that of service accounts

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::golden
