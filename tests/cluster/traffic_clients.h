// SPDX-License-Identifier: Apache-2.0
// Threads that keep asking, until they go: an HTTP server, a new connection for each request; a
// name server, a new socket for each question. What was not answered is kept, with the reason.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/os/unique_fd.h"

namespace keelson::cluster_test {

// Of the machine's steady clock, as keelson-traffic-server tells it.
int64_t SteadyNow();

struct Tally {
  uint64_t asked = 0, answered = 0;
  int64_t slowest = 0;                      // milliseconds until an answer
  std::map<std::string, uint64_t> answers;  // by their text
  std::vector<std::string> failures;        // the first hundred, and when
};

class Clients {
 public:
  struct Target {
    std::string address;
    uint16_t port = 80;
    std::string name;  // ask `address` for this name over UDP instead
  };
  // `threads` of them in the network namespace `netns`; -1: in that of the caller.
  Clients(Target target, int netns, int threads);
  ~Clients() { Stop(); }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  // Requests under way are waited for.
  void Stop();
  Tally Now() const;

 private:
  void Run(int netns, int number);
  // "": answered with `text`; else why not. With `lingers` the request comes a moment after the
  // connection.
  std::string Ask(bool lingers, std::string& text) const;
  std::string AskName(std::string& text) const;

  const Target target_;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  Tally tally_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace keelson::cluster_test
