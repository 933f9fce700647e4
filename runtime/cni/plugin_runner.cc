// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/plugin_runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"

namespace keelson::cni {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMostErrors = 64 << 10;  // of standard error; what follows is dropped
constexpr std::chrono::milliseconds kVersionTimeout{10'000};

struct Ended {
  os::ExitStatus status;
  std::string out;
  std::string err;
};

// Reads until the program has ended and what it wrote is there. A grandchild may hold the pipes
// longer: then only what is there already counts. Every way out but the ordinary one kills the
// group, while its leader is not reaped yet, so that the number is still ours.
class Conversation {
 public:
  Conversation(os::ChildProcess child, os::Pipe in, os::Pipe out, os::Pipe err)
      : child_(std::move(child)), in_(std::move(in)), out_(std::move(out)), err_(std::move(err)) {}

  Result<Ended> Hold(std::string_view input, std::chrono::milliseconds timeout, int stop,
                     const std::string& what) {
    Result<Ended> ended = Converse(input, timeout, stop, what);
    if (!ended.ok() && child_.pid() > 0) (void)kill(-child_.pid(), SIGKILL);
    return ended;
  }

 private:
  Result<Ended> Converse(std::string_view input, std::chrono::milliseconds timeout, int stop,
                         const std::string& what) {
    const base::SteadyTime deadline = base::SystemClock().Steady() + timeout;
    Ended ended;
    bool exited = false;
    while (!exited || out_.read_end || err_.read_end) {
      const int64_t left = std::chrono::duration_cast<std::chrono::milliseconds>(
                               deadline - base::SystemClock().Steady())
                               .count();
      if (left <= 0 && !exited) {
        return base::DeadlineExceeded("{} did not end within {} s and was killed", what,
                                      std::chrono::duration<double>(timeout).count());
      }
      pollfd items[5] = {{out_.read_end.get(), POLLIN, 0},
                         {err_.read_end.get(), POLLIN, 0},
                         {in_.write_end.get(), POLLOUT, 0},
                         {exited ? -1 : child_.pidfd(), POLLIN, 0},
                         {stop, POLLIN, 0}};
      const int ready = poll(items, 5, exited ? 0 : static_cast<int>(left));
      if (ready < 0 && errno != EINTR) return Error::FromErrno(errno, "poll");
      if (exited && ready == 0) break;
      if (items[4].revents != 0 && !exited)
        return base::Cancelled("{} was killed: the runtime is stopping", what);
      if (items[0].revents != 0) Read(out_.read_end, ended.out, kMostOutput + 1);
      if (items[1].revents != 0) Read(err_.read_end, ended.err, kMostErrors);
      if (ended.out.size() > kMostOutput)
        return base::ResourceExhausted("{} wrote more than {} bytes and was killed", what,
                                       kMostOutput);
      if (items[2].revents != 0) {
        const ssize_t n = write(in_.write_end.get(), input.data(), input.size());
        if (n > 0) input.remove_prefix(static_cast<size_t>(n));
        if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in_.write_end.reset();
      }
      if (items[3].revents != 0) {
        ASSIGN_OR_RETURN(ended.status, child_.Wait());
        exited = true;
      }
    }
    return ended;
  }

  static void Read(os::UniqueFd& from, std::string& into, size_t most) {
    char buffer[65536];
    const ssize_t n = read(from.get(), buffer, sizeof buffer);
    if (n > 0)
      into.append(buffer, std::min(static_cast<size_t>(n), most - std::min(most, into.size())));
    if (n == 0 || (n < 0 && errno != EINTR)) from.reset();
  }

  os::ChildProcess child_;
  os::Pipe in_, out_, err_;
};

}  // namespace

Result<std::unique_ptr<PluginRunner>> PluginRunner::Create(std::vector<std::string> bin_dirs,
                                                           ResultReader reader,
                                                           const base::Clock& clock) {
  os::UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return Error::FromErrno(errno, "eventfd");
  return std::unique_ptr<PluginRunner>(
      new PluginRunner(std::move(bin_dirs), std::move(reader), clock, std::move(stop)));
}

void PluginRunner::Stop() {
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof one);
}

Result<std::string> PluginRunner::Find(const std::string& type) const {
  for (const std::string& dir : bin_dirs_) {
    const std::string path = dir + "/" + type;
    struct stat info{};
    if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0)
      return path;
  }
  return base::NotFound("there is no network plugin '{}' in {}", type, base::Join(bin_dirs_, ", "));
}

Result<std::string> PluginRunner::Run(const Call& call) {
  ASSIGN_OR_RETURN(const std::string program, Find(call.type));
  const std::string what = fmt::format("network plugin '{}' ({}{}{})", call.type, call.command,
                                       call.subject.empty() ? "" : ", ", call.subject);
  uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = next_++;
    running_[number] = {
        call.command + " by " + call.type + (call.subject.empty() ? "" : " for " + call.subject),
        clock_.Steady()};
  }
  Result<std::string> result = RunProgram(call, program, what);
  const std::lock_guard lock(mutex_);
  running_.erase(number);
  return result;
}

Result<std::string> PluginRunner::RunProgram(const Call& call, const std::string& program,
                                             const std::string& what) {
  ASSIGN_OR_RETURN(os::Pipe in, os::CreatePipe());
  ASSIGN_OR_RETURN(os::Pipe out, os::CreatePipe());
  ASSIGN_OR_RETURN(os::Pipe err, os::CreatePipe());
  os::SpawnOptions options;
  options.argv = {program};
  options.env = call.environment;
  options.new_session = true;
  options.fds = {{in.read_end.get(), 0}, {out.write_end.get(), 1}, {err.write_end.get(), 2}};
  Result<os::ChildProcess> child = os::ChildProcess::Spawn(options);
  if (!child.ok()) return child.error().WithContext(what);
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  RETURN_IF_ERROR(os::SetNonBlocking(in.write_end.get(), true));
  if (call.input.empty()) in.write_end.reset();
  Conversation conversation(std::move(child).value(), std::move(in), std::move(out),
                            std::move(err));
  ASSIGN_OR_RETURN(Ended ended, conversation.Hold(call.input, call.timeout, stop_.get(), what));
  if (ended.status.code() == 0) return std::move(ended.out);
  const PluginError error = reader_.Failed(ended.out, ended.err);
  const std::string how = ended.status.exited_normally()
                              ? fmt::format("failed with code {}", error.code)
                              : fmt::format("was ended by signal {}", ended.status.signal());
  // Codes 11 (try again later), 50 and 51 (not available now) are the plugin's own "not yet".
  const bool later = error.code == 11 || error.code == 50 || error.code == 51;
  return Error(later ? base::Code::kUnavailable : base::Code::kInternal,
               fmt::format("{} {}: {}", what, how, error.text));
}

Result<std::vector<std::string>> PluginRunner::Versions(const std::string& type) {
  ASSIGN_OR_RETURN(const std::string program, Find(type));
  struct stat info{};
  if (stat(program.c_str(), &info) != 0) return Error::FromErrno(errno, "look at '{}'", program);
  const std::string identity = fmt::format("{} {} {} {}.{}", program, info.st_ino, info.st_size,
                                           info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = versions_.find(identity); known != versions_.end()) return known->second;
  }
  Call call;
  call.type = type;
  call.command = "VERSION";
  call.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                      "CNI_COMMAND=VERSION",
                      "CNI_PATH=" + base::Join(bin_dirs_, ":"),
                      "CNI_NETNS=dummy",
                      "CNI_IFNAME=dummy",
                      "CNI_CONTAINERID=dummy"};
  call.input = R"({"cniVersion":"1.1.0"})";
  call.timeout = kVersionTimeout;
  ASSIGN_OR_RETURN(const std::string out, Run(call));
  Result<std::vector<std::string>> versions = reader_.Versions(out);
  if (!versions.ok())
    return versions.error().WithContext(fmt::format("network plugin '{}' (VERSION)", type));
  const std::lock_guard lock(mutex_);
  constexpr size_t kMostKept = 256;
  if (versions_.size() >= kMostKept) versions_.clear();
  versions_[identity] = *versions;
  return versions;
}

std::vector<std::string> PluginRunner::UnderWay() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [number, running] : running_) {
    const auto age =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.Steady() - running.since);
    out.push_back(fmt::format("{}, for {} s", running.what, age.count()));
  }
  return out;
}

}  // namespace keelson::cni
