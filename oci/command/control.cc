// SPDX-License-Identifier: Apache-2.0
// state, kill, pause, resume, ps, list.
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "oci/command/command.h"
#include "oci/container/group.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using json::Value;

Result<int> ParseSignal(std::string_view text) {
  const auto bad = [&] {
    return base::InvalidArgument("unknown signal {}", base::QuoteIfNeeded(text.substr(0, 50)));
  };
  if (const std::optional<uint64_t> number = base::ParseUint64(text)) {
    if (*number > 64) return bad();
    return static_cast<int>(*number);
  }
  std::string name(text);
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int number = 1; number < 32; ++number) {
    const char* known = sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  if (name == "CLD") return SIGCHLD;
  if (name == "IOT") return SIGABRT;
  if (name == "POLL") return SIGIO;
  const bool from_start = name.starts_with("RTMIN"), from_end = name.starts_with("RTMAX");
  if (from_start || from_end) {
    const std::string rest = name.substr(5);
    int offset = 0;
    if (!rest.empty()) {
      const auto value = base::ParseUint64(std::string_view(rest).substr(1));
      if (!value || *value > 30 || rest[0] != (from_start ? '+' : '-')) return bad();
      offset = static_cast<int>(*value);
    }
    return from_start ? 34 + offset : 64 - offset;
  }
  return bad();
}

Outcome RunState(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  ASSIGN_OR_RETURN(const Record record, store.Read(arguments.rest()[0]));
  std::printf("%s\n", StateText(record, store.StatusOf(record), true).c_str());
  return 0;
}

namespace {

Error NotRunning(const Record& record) {
  return base::FailedPrecondition("container not running: \"{}\"", record.id);
}

// Every process of the group, until none comes any more that was not signalled.
base::Status SignalAll(const Record& record, int number) {
  ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(record.cgroup));
  if (number == SIGKILL) return group.Kill();
  ASSIGN_OR_RETURN(const std::vector<int> processes, group.Processes());
  for (const int pid : processes) {
    if (::kill(pid, number) != 0 && errno != ESRCH)
      return Error::FromErrno(errno, "signal process {}", pid);
  }
  return base::Ok();
}

}  // namespace

Outcome RunKill(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  const std::vector<std::string>& words = arguments.rest();
  ASSIGN_OR_RETURN(const int number, ParseSignal(words.size() > 1 ? words[1] : "TERM"));
  ASSIGN_OR_RETURN(const Record record, store.Read(words[0]));
  const Status status = store.StatusOf(record);
  if (arguments.Is("all") && !record.cgroup.empty()) {
    RETURN_IF_ERROR(SignalAll(record, number));
    return 0;
  }
  // What shares the host's PIDs may live on without the first process.
  if (status == Status::kStopped && number == SIGKILL && !record.own_pids &&
      !record.cgroup.empty()) {
    ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(record.cgroup));
    const Result<std::vector<int>> left = group.Processes();
    if (left.ok() && !left->empty()) {
      RETURN_IF_ERROR(group.Kill());
      return 0;
    }
  }
  if (status == Status::kStopped || status == Status::kCreating) return NotRunning(record);
  const Result<os::UniqueFd> pidfd = os::OpenPidfd(record.pid);
  // The number could be another process's by now: looked at again while it is held.
  if (!pidfd.ok() || !IsAlive(record.pid, record.start_time)) return NotRunning(record);
  RETURN_IF_ERROR(os::SignalPidfd(pidfd->get(), number));
  // What shares the host's PIDs does not end with its first process.
  if (number == SIGKILL && !record.own_pids && !record.cgroup.empty())
    RETURN_IF_ERROR(SignalAll(record, number));
  if (number == SIGKILL && status == Status::kPaused) {
    ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(record.cgroup));
    RETURN_IF_ERROR(group.Freeze(false));
  }
  return 0;
}

namespace {

Outcome Freeze(const Global& global, const Arguments& arguments, bool on) {
  const Store store(global.root);
  ASSIGN_OR_RETURN(const Record record, store.Read(arguments.rest()[0]));
  const Status status = store.StatusOf(record);
  const bool fits =
      on ? status == Status::kRunning || status == Status::kCreated : status == Status::kPaused;
  if (!fits) {
    return base::FailedPrecondition("container \"{}\" is {}: it cannot be {}", record.id,
                                    NameOf(status), on ? "paused" : "resumed");
  }
  ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(record.cgroup));
  RETURN_IF_ERROR(group.Freeze(on));
  return 0;
}

}  // namespace

Outcome RunPause(const Global& global, const Arguments& arguments) {
  return Freeze(global, arguments, true);
}

Outcome RunResume(const Global& global, const Arguments& arguments) {
  return Freeze(global, arguments, false);
}

namespace {

// `ps` in its own words, of the container's processes alone.
Outcome PrintTable(const std::vector<std::string>& words, const std::vector<int>& pids) {
  os::SpawnOptions options;
  options.argv = {"ps"};
  if (words.empty()) {
    options.argv.push_back("-ef");
  } else {
    options.argv.insert(options.argv.end(), words.begin(), words.end());
  }
  options.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  ASSIGN_OR_RETURN(const os::CommandResult result,
                   os::RunCommand(options, "", std::chrono::seconds(60)));
  if (result.status.code() != 0) return base::Aborted("ps: {}", base::Trim(result.err));
  const std::vector<std::string_view> lines = base::Split(std::string_view(result.out), '\n');
  const auto fields = [](std::string_view line) {
    std::vector<std::string> out;
    for (const std::string_view word : base::Split(line, ' ')) {
      if (!word.empty()) out.emplace_back(word);
    }
    return out;
  };
  const std::vector<std::string> head = fields(lines[0]);
  const auto column = std::find(head.begin(), head.end(), "PID");
  if (column == head.end()) return base::InvalidArgument("ps: its answer has no column PID");
  const auto index = static_cast<size_t>(column - head.begin());
  std::printf("%.*s\n", static_cast<int>(lines[0].size()), lines[0].data());
  for (const std::string_view line : lines) {
    const std::vector<std::string> parts = fields(line);
    if (parts.size() <= index) continue;
    const auto pid = base::ParseUint64(parts[index]);
    if (pid && std::find(pids.begin(), pids.end(), static_cast<int>(*pid)) != pids.end())
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  }
  return 0;
}

}  // namespace

Outcome RunPs(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  ASSIGN_OR_RETURN(const Record record, store.Read(arguments.rest()[0]));
  std::vector<int> pids;
  if (store.StatusOf(record) != Status::kStopped) {
    if (record.cgroup.empty()) {
      pids = {record.pid};
    } else {
      ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(record.cgroup));
      ASSIGN_OR_RETURN(pids, group.Processes());
      std::sort(pids.begin(), pids.end());
    }
  }
  const std::string format = arguments.Get("format", "table");
  if (format == "json") {
    std::vector<Value> items;
    for (const int pid : pids) items.emplace_back(static_cast<int64_t>(pid));
    std::printf("%s\n", json::WriteJson(Value::Array(std::move(items))).c_str());
    return 0;
  }
  if (format != "table") return base::InvalidArgument("invalid format option");
  return PrintTable({arguments.rest().begin() + 1, arguments.rest().end()}, pids);
}

Outcome RunList(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  if (global.root_given && !os::Exists(global.root))
    return base::NotFound("open {}: no such file or directory", global.root);
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, store.List());
  const std::string format = arguments.Get("format", "table");
  if (format != "table" && format != "json") return base::InvalidArgument("invalid format option");
  std::vector<Value> items;
  std::string table;
  for (const std::string& id : ids) {
    const Result<Record> record = store.Read(id);
    if (!record.ok()) continue;  // deleted meanwhile
    if (arguments.Is("quiet")) {
      std::printf("%s\n", id.c_str());
      continue;
    }
    const Status status = store.StatusOf(*record);
    const Result<Value> item = json::ParseJson(StateText(*record, status, true));
    if (item.ok()) items.push_back(*item);
    table += fmt::format("{:<12} {:<11} {:<11} {:<19} {:<30} {}\n", id,
                         status == Status::kStopped ? 0 : record->pid, NameOf(status),
                         record->bundle, record->created, record->owner);
  }
  if (arguments.Is("quiet")) return 0;
  if (format == "json") {
    std::printf("%s\n",
                items.empty() ? "null" : json::WriteJson(Value::Array(std::move(items))).c_str());
    return 0;
  }
  std::printf("%-12s %-11s %-11s %-19s %-30s %s\n%s", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
              "OWNER", table.c_str());
  return 0;
}

}  // namespace keelson::oci
