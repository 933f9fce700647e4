// SPDX-License-Identifier: Apache-2.0
// The reading half of keelson-log: what the monitor asks for, the containers' pipes and terminals,
// each read in bites so that none starves another, and their attached clients. Loop thread only;
// never waits for a disk. `socket`: the connection to the monitor.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "lib/os/event_loop.h"
#include "runtime/log/attachments.h"
#include "runtime/log/line_splitter.h"
#include "runtime/log/log_writer.h"
#include "runtime/log/rate.h"
#include "runtime/monitor/protocol.h"

namespace keelson::log {

class LogProcess {
 public:
  LogProcess(os::EventLoop& loop, int socket);
  void OnMonitor();  // readable

 private:
  // Of a container, for both of its streams.
  struct Limit {
    Rate rate;
    bool drop = false;    // what is more is lost and said so; otherwise the program waits
    bool to_say = false;  // something was lost, a time is set at which it is said
  };
  struct Stream {
    Stream(std::string stream_name, std::shared_ptr<Limit> its)
        : name(std::move(stream_name)), limit(std::move(its)), splitter(name) {}
    const std::string name;
    const std::shared_ptr<Limit> limit;
    LineSplitter splitter;
    os::UniqueFd fd;
    os::UniqueFd peer;  // of a terminal: open, so that it hangs up only when its session has ended
    os::EventLoop::WatchId watch = 0;  // 0: it waits for its rate
    os::EventLoop::TimerId timer = 0;
  };
  using StreamPtr = std::shared_ptr<Stream>;

  base::Status Add(const std::string& id, base::Reader& r, std::vector<os::UniqueFd>& fds,
                   const LogWriter::Reply& reply);
  base::Status Attach(const std::string& id, base::Reader& r, std::vector<os::UniqueFd>& fds);
  void Watch(const std::string& id, const StreamPtr& stream);
  // Whether it has to wait for its rate; it is watched again when it is time.
  bool Waits(const std::string& id, const StreamPtr& stream);
  void Emit(const std::string& id, const Stream& stream, std::string entry);
  void SaySoon(const std::string& id, const std::string& stream,
               const std::shared_ptr<Limit>& limit);
  // `all`: until nothing waits, otherwise one bite.
  void Read(const StreamPtr& stream, const std::string& id, bool all);
  void ReadAll(const std::string& id);
  void Close(const std::string& id, const std::string& name);
  void Tell(monitor::Type type, const std::string& payload);

  os::EventLoop& loop_;
  const int socket_;
  std::mutex send_mutex_;
  LogWriter writer_;
  Attachments attachments_;
  std::map<std::string, StreamPtr> streams_;  // "<container>/<stream>"
};

}  // namespace keelson::log
