// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/connection.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/log.h"

namespace keelson::systemd {

using base::Code;
using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr char kService[] = "org.freedesktop.systemd1";
constexpr char kOwnerChanged[] =
    "type='signal',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',member="
    "'NameOwnerChanged',arg0='org.freedesktop.systemd1'";
constexpr size_t kEndedJobs = 64;

int64_t MicrosUntil(base::SteadyTime deadline) {
  return std::max<int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(deadline - base::SystemClock().Steady())
          .count(),
      1);
}

Code CodeOf(std::string_view name, bool late) {
  constexpr std::string_view kSystemd = "org.freedesktop.systemd1.";
  constexpr std::string_view kBus = "org.freedesktop.DBus.Error.";
  if (name.starts_with(kSystemd)) {
    name.remove_prefix(kSystemd.size());
    if (name == "UnitExists") return Code::kAlreadyExists;
    if (name == "NoSuchUnit") return Code::kNotFound;
    return Code::kFailedPrecondition;
  }
  if (name.starts_with(kBus)) name.remove_prefix(kBus.size());
  if (name == "NoReply" || name == "Timeout" || name == "TimedOut")
    return late ? Code::kDeadlineExceeded : Code::kUnavailable;
  if (name == "ServiceUnknown" || name == "NameHasNoOwner" || name == "Disconnected")
    return Code::kUnavailable;
  if (name == "LimitsExceeded") return Code::kResourceExhausted;
  if (name == "AccessDenied" || name == "InteractiveAuthorizationRequired")
    return Code::kPermissionDenied;
  if (name == "InvalidArgs" || name == "PropertyReadOnly" || name == "UnknownProperty")
    return Code::kInvalidArgument;
  return Code::kInternal;
}

}  // namespace

void BusFree::operator()(sd_bus* bus) const {
  library->sd_bus_close(bus);
  library->sd_bus_unref(bus);
}

Connection::Connection(const Library& library, BusOptions options, os::UniqueFd wake)
    : library_(library),
      options_(std::move(options)),
      wake_(std::move(wake)),
      thread_([this] { Run(); }) {}

Connection::~Connection() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  (void)eventfd_write(wake_.get(), 1);
  thread_.join();
}

Result<std::string> Connection::Perform(const Call& call, base::SteadyTime deadline) {
  std::future<Result<std::string>> result;
  {
    const std::lock_guard lock(mutex_);
    Pending& pending = asked_.emplace_back();
    pending.connection = this;
    pending.call = &call;
    pending.deadline = deadline;
    result = pending.done.get_future();
  }
  (void)eventfd_write(wake_.get(), 1);
  return result.get();  // the thread ends each at its deadline
}

void Connection::Run() {
  while (true) {
    PendingList asked;
    {
      const std::lock_guard lock(mutex_);
      if (ending_) break;
      asked.swap(asked_);
    }
    while (!asked.empty()) {
      under_way_.splice(under_way_.end(), asked, asked.begin());
      Send(under_way_.back());
    }
    Process();
    EndLate();
    Wait();
  }
  EndAll(base::Error(Code::kCancelled, "the connection to systemd is being closed"));
}

Status Connection::Open() {
  if (bus_) return {};
  sd_bus* made = nullptr;
  if (const int done = library_.sd_bus_new(&made); done < 0)
    return Error::FromErrno(-done, "sd_bus_new");
  BusPtr bus(made, {&library_});
  int done = library_.sd_bus_set_address(made, options_.address.c_str());
  if (done >= 0) done = library_.sd_bus_set_bus_client(made, options_.direct ? 0 : 1);
  if (done >= 0) done = library_.sd_bus_start(made);
  if (done >= 0) {
    done = library_.sd_bus_match_signal_async(
        made, nullptr, options_.direct ? nullptr : kService, "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager", "JobRemoved",
        [](sd_bus_message* signal, void* self, sd_bus_error*) {
          static_cast<Connection*>(self)->OnJobRemoved(signal);
          return 0;
        },
        [](sd_bus_message* reply, void* self, sd_bus_error*) {
          const Library& library = static_cast<Connection*>(self)->library_;
          if (library.sd_bus_message_is_method_error(reply, nullptr) != 0) {
            base::LogWarn("the bus does not tell us when jobs end",
                          {{"error", library.sd_bus_message_get_error(reply)->message}});
          }
          return 0;
        },
        this);
  }
  if (done >= 0) {
    // A manager that executes itself anew leaves the bus and comes back; what it told meanwhile
    // reached nobody.
    done = library_.sd_bus_add_match_async(
        made, nullptr,
        (std::string(options_.direct ? "" : "sender='org.freedesktop.DBus',") + kOwnerChanged)
            .c_str(),
        [](sd_bus_message* signal, void* self, sd_bus_error*) {
          static_cast<Connection*>(self)->OnOwnerChanged(signal);
          return 0;
        },
        [](sd_bus_message*, void*, sd_bus_error*) { return 0; }, this);
  }
  if (done < 0) {
    return Error::FromErrno(-done, "reach systemd at '{}'", options_.address)
        .WithCode(Code::kUnavailable);
  }
  ++connections_;
  ended_jobs_.clear();
  bus_ = std::move(bus);
  return {};
}

void Connection::Send(Pending& pending) {
  if (const Status open = Open(); !open.ok()) return End(pending, open.error());
  const Call& call = *pending.call;
  sd_bus_message* made = nullptr;
  int done = library_.sd_bus_message_new_method_call(
      bus_.get(), &made, options_.direct ? nullptr : kService, call.path.c_str(),
      call.interface.c_str(), call.member.c_str());
  const MessagePtr message(made, {&library_});
  if (done >= 0) done = library_.sd_bus_message_set_auto_start(made, 0);
  if (done >= 0) done = call.fill(made);
  if (done < 0) {  // such as a text that is no UTF-8
    return End(pending,
               Error::FromErrno(-done, "write a message").WithCode(Code::kInvalidArgument));
  }
  done = library_.sd_bus_call_async(
      bus_.get(), nullptr, made,
      [](sd_bus_message* reply, void* data, sd_bus_error*) {
        Pending& of = *static_cast<Pending*>(data);
        of.connection->OnReply(of, reply);
        return 0;
      },
      &pending, static_cast<uint64_t>(MicrosUntil(pending.deadline)));
  if (done < 0) {
    return End(pending, Error::FromErrno(-done, "send a message").WithCode(Code::kUnavailable));
  }
  ++calls_;
}

void Connection::Process() {
  while (bus_) {
    const int done = library_.sd_bus_process(bus_.get(), nullptr);
    if (done > 0) continue;
    if (done == 0) return;
    // Whoever still waits is told; the next call connects anew.
    bus_.reset();
    EndAll(Error::FromErrno(-done, "the connection is lost").WithCode(Code::kUnavailable));
  }
}

void Connection::Wait() {
  base::SteadyTime until = base::SystemClock().Steady() + std::chrono::hours(1);
  for (const Pending& pending : under_way_) until = std::min(until, pending.deadline);
  int64_t micros = MicrosUntil(until);
  std::array<pollfd, 2> watched = {pollfd{wake_.get(), POLLIN, 0}, pollfd{-1, 0, 0}};
  if (bus_) {
    const int events = library_.sd_bus_get_events(bus_.get());
    watched[1] = {library_.sd_bus_get_fd(bus_.get()), static_cast<int16_t>(std::max(events, 0)), 0};
    uint64_t at = 0;  // of CLOCK_MONOTONIC
    if (library_.sd_bus_get_timeout(bus_.get(), &at) >= 0 && at != UINT64_MAX) {
      timespec now{};
      (void)clock_gettime(CLOCK_MONOTONIC, &now);
      const int64_t current = now.tv_sec * int64_t{1000000} + now.tv_nsec / 1000;
      micros = std::min(micros, std::max<int64_t>(static_cast<int64_t>(at) - current, 0));
    }
  }
  (void)poll(watched.data(), bus_ ? 2 : 1,
             static_cast<int>(std::min<int64_t>((micros + 999) / 1000, 3600 * 1000)));
  eventfd_t count = 0;
  (void)eventfd_read(wake_.get(), &count);
}

// A job that does not end; calls without an answer are ended by the library.
void Connection::EndLate() {
  const base::SteadyTime now = base::SystemClock().Steady();
  for (auto at = under_way_.begin(); at != under_way_.end();) {
    Pending& pending = *at++;
    if (pending.job.empty() || pending.deadline > now) continue;
    End(pending, base::DeadlineExceeded("the job has not ended in time"));
  }
}

void Connection::EndAll(const Error& error) {
  bus_.reset();  // so that no callback comes for what is gone
  while (!under_way_.empty()) End(under_way_.front(), error);
  PendingList asked;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) asked.swap(asked_);
  }
  for (Pending& pending : asked) pending.done.set_value(error);
}

void Connection::End(Pending& pending, Result<std::string> result) {
  pending.done.set_value(std::move(result));
  under_way_.remove_if([&](const Pending& other) { return &other == &pending; });
}

int Connection::Read(sd_bus_message* reply, Reply kind, std::string& out) const {
  const auto read = [&](const char* type, auto value) {
    const int done = library_.sd_bus_message_read(reply, "v", type, &value);
    if (done >= 0) out = fmt::format("{}", value);
    return done;
  };
  switch (kind) {
    case Reply::kNothing:
      return 0;
    case Reply::kJob: {
      const char* path = "";
      const int done = library_.sd_bus_message_read(reply, "o", &path);
      if (done >= 0) out = path;
      return done;
    }
    case Reply::kText:
      return read("s", "");
    case Reply::kBool:
      return read("b", 0);
    case Reply::kUint32:
      return read("u", uint32_t{0});
    case Reply::kInt32:
      return read("i", int32_t{0});
    case Reply::kUint64:
      return read("t", uint64_t{0});
  }
  return -EBADMSG;
}

void Connection::OnReply(Pending& pending, sd_bus_message* reply) {
  if (library_.sd_bus_message_is_method_error(reply, nullptr) != 0) {
    const sd_bus_error* error = library_.sd_bus_message_get_error(reply);
    const bool late =
        base::SystemClock().Steady() + std::chrono::milliseconds(5) >= pending.deadline;
    const Code code = CodeOf(error->name, late);
    return End(pending,
               code == Code::kDeadlineExceeded
                   ? base::DeadlineExceeded("no answer in time")
                   : Error(code, error->message == nullptr ? error->name : error->message));
  }
  std::string text;
  if (const int done = Read(reply, pending.call->reply, text); done < 0) {
    return End(pending, Error::FromErrno(-done, "read the answer").WithCode(Code::kInternal));
  }
  if (pending.call->reply != Reply::kJob) return End(pending, std::move(text));
  pending.job = std::move(text);
  const auto ended =
      std::ranges::find(ended_jobs_, pending.job, [](const auto& e) { return e.first; });
  if (ended != ended_jobs_.end()) End(pending, ResultOf(*pending.call, ended->second));
}

void Connection::OnJobRemoved(sd_bus_message* signal) {
  uint32_t id = 0;
  const char *job = nullptr, *unit = nullptr, *result = nullptr;
  if (library_.sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result) < 0) return;
  const auto waiting = std::ranges::find(under_way_, std::string_view(job),
                                         [](const Pending& p) { return std::string_view(p.job); });
  if (waiting != under_way_.end()) return End(*waiting, ResultOf(*waiting->call, result));
  ended_jobs_.emplace_back(job, result);
  if (ended_jobs_.size() > kEndedJobs) ended_jobs_.pop_front();
}

void Connection::OnOwnerChanged(sd_bus_message* signal) {
  const char *name = nullptr, *former = nullptr, *now = nullptr;
  if (library_.sd_bus_message_read(signal, "sss", &name, &former, &now) < 0 || *former == '\0')
    return;
  for (auto at = under_way_.begin(); at != under_way_.end();) {
    Pending& pending = *at++;
    if (!pending.job.empty()) End(pending, base::Unavailable("systemd has left the bus"));
  }
}

Result<std::string> Connection::ResultOf(const Call& call, const std::string& job_result) {
  if (job_result == "done" || job_result == "skipped") return std::string();
  return Error(Code::kAborted,
               fmt::format("the job for '{}' ended with '{}'", call.unit, job_result));
}

}  // namespace keelson::systemd
