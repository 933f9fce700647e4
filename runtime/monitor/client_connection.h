// SPDX-License-Identifier: Apache-2.0
// A client's connection to one monitor: who waits for which answer, which sessions are open, and
// what the reader's thread does with what comes. Private to this folder.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "lib/os/event_loop.h"
#include "runtime/monitor/client.h"
#include "runtime/monitor/protocol.h"

namespace keelson::monitor {

// One thread reads for all pods: 110 pods are not 110 threads.
class ReaderThread {
 public:
  static base::Result<std::shared_ptr<ReaderThread>> Create() {
    ASSIGN_OR_RETURN(std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
    return std::shared_ptr<ReaderThread>(new ReaderThread(std::move(loop)));
  }
  ~ReaderThread() {
    loop_->Stop();
    thread_.join();
  }
  os::EventLoop& loop() { return *loop_; }
  bool OnThread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  explicit ReaderThread(std::unique_ptr<os::EventLoop> loop)
      : loop_(std::move(loop)), thread_([this] { loop_->Run(); }) {}
  std::unique_ptr<os::EventLoop> loop_;
  std::thread thread_;
};

struct Waiter {
  uint64_t id = 0;
  std::condition_variable done;
  std::function<void(const base::Result<Packet>&)> then;  // nobody waits; must not block
  std::optional<base::Result<Packet>> answer;  // its payload is what follows the answer's bool
  os::UniqueFd answered;                       // an eventfd, where somebody polls
  void Tell(base::Result<Packet> what) {
    answer = std::move(what);
    if (then) then(*answer);
    done.notify_all();
    const uint64_t one = 1;
    if (answered) (void)!write(answered.get(), &one, sizeof one);
  }
};

// A session that has not been told its end.
struct Live {
  MonitorClient::EndHandler ended;
  std::string attached;             // the container; empty: a command
  bool opened = false;              // the monitor has said so
  std::optional<SessionEnd> early;  // the end that came before that
};

// Shared with the reader thread's callbacks, which may still run while the client object goes.
struct Connection {
  os::UniqueFd socket;
  MonitorClient::ExitHandler on_exit;
  MonitorClient::LostHandler on_lost;
  os::EventLoop::WatchId watch = 0;
  std::mutex mutex;
  uint64_t next_id = 1;                              // guarded by mutex
  std::map<uint64_t, std::shared_ptr<Waiter>> open;  // guarded by mutex
  std::map<uint64_t, Live> live;                     // guarded by mutex
  std::map<uint64_t, std::string> given_up;          // starts, their containers; guarded by mutex
  bool lost = false;                                 // guarded by mutex
  bool closing = false;                              // guarded by mutex
};

// Told its end, outside the lock; one that the monitor has not confirmed yet, once it has.
void EndSession(Connection& connection, uint64_t id, const SessionEnd& end);
void EndAllSessions(Connection& connection, const SessionEnd& end);
// The monitor is to become the program given, unless it is that already. Nobody waits for it: what
// is asked next is answered by whoever it is by then.
void AskForUpgrade(Connection& connection, const std::string& pod,
                   const std::vector<int>& programs);
// One packet, or the connection's end. On the reader's thread.
void OnReadable(ReaderThread& reader, const std::shared_ptr<Connection>& connection);

}  // namespace keelson::monitor
