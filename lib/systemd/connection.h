// SPDX-License-Identifier: Apache-2.0
// The connection behind BusUnits: a thread, the calls that are under way and the jobs they wait
// for. Only bus.cc and connection.cc include this. Perform() from any thread; everything else
// happens on the thread that the object owns.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/clock.h"
#include "lib/os/unique_fd.h"
#include "lib/systemd/bus.h"
#include "lib/systemd/library.h"

namespace keelson::systemd {

struct BusFree {
  const Library* library = nullptr;
  void operator()(sd_bus* bus) const;
};
struct MessageFree {
  const Library* library = nullptr;
  void operator()(sd_bus_message* message) const { library->sd_bus_message_unref(message); }
};
using BusPtr = std::unique_ptr<sd_bus, BusFree>;
using MessagePtr = std::unique_ptr<sd_bus_message, MessageFree>;

// A job is waited for; the rest are variants of one type each, told as text.
enum class Reply { kNothing, kJob, kText, kBool, kUint32, kInt32, kUint64 };

struct Call {
  std::string unit;  // for messages
  std::string path;
  std::string interface;
  std::string member;
  std::function<int(sd_bus_message*)> fill;  // arguments; below 0: an errno
  Reply reply = Reply::kNothing;
};

class Connection {
 public:
  Connection(const Library& library, BusOptions options, os::UniqueFd wake);
  ~Connection();

  // Blocks. Unavailable: it was not answered and may be asked again.
  base::Result<std::string> Perform(const Call& call, base::SteadyTime deadline);
  uint64_t calls() const { return calls_; }
  uint64_t connections() const { return connections_; }

 private:
  struct Pending {
    Connection* connection = nullptr;
    const Call* call = nullptr;  // its caller waits, so it lives
    base::SteadyTime deadline;
    std::promise<base::Result<std::string>> done;
    std::string job;  // waited for
  };
  using PendingList = std::list<Pending>;

  void Run();
  base::Status Open();
  void Send(Pending& pending);
  void Process();
  void Wait();
  void EndLate();
  void EndAll(const base::Error& error);
  void End(Pending& pending, base::Result<std::string> result);
  int Read(sd_bus_message* reply, Reply kind, std::string& out) const;  // below 0: an errno
  void OnReply(Pending& pending, sd_bus_message* reply);
  void OnJobRemoved(sd_bus_message* signal);
  void OnOwnerChanged(sd_bus_message* signal);
  static base::Result<std::string> ResultOf(const Call& call, const std::string& job_result);

  const Library library_;
  const BusOptions options_;
  const os::UniqueFd wake_;
  std::atomic<uint64_t> calls_{0}, connections_{0};
  std::mutex mutex_;
  PendingList asked_;    // guarded by mutex_
  bool ending_ = false;  // guarded by mutex_
  // Of the thread:
  PendingList under_way_;
  // Jobs that ended before the reply that names them was read; the last ones.
  std::deque<std::pair<std::string, std::string>> ended_jobs_;
  BusPtr bus_;
  std::thread thread_;
};

struct Answer {
  base::Status status;
  std::string text;
};
// A connection and a deadline: asks until it is answered or the deadline is over.
class Caller {
 public:
  Caller(const Library& library, const BusOptions& options, os::UniqueFd wake)
      : library_(library),
        deadline_(options.deadline),
        connection_(library, options, std::move(wake)) {}

  // `again`: it was asked more than once.
  Answer Ask(const Call& call, bool& again);
  Answer Ask(const Call& call) {
    bool again = false;
    return Ask(call, again);
  }
  // A property of a unit; `interface` as "Unit" or "Service".
  base::Result<std::string> Property(const std::string& unit, const char* interface,
                                     const char* name, Reply type);
  const Library& sd() const { return library_; }
  const Connection& connection() const { return connection_; }

 private:
  const Library library_;
  const std::chrono::milliseconds deadline_;
  Connection connection_;
};

inline constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
inline constexpr char kManager[] = "org.freedesktop.systemd1.Manager";

}  // namespace keelson::systemd
