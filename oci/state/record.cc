// SPDX-License-Identifier: Apache-2.0
#include "oci/state/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using json::Value;

namespace {

constexpr char kState[] = "state.json";
constexpr char kConfig[] = "config.json";

Error DoesNotExist(const std::string& id) {
  return base::NotFound("container \"{}\" does not exist", id);
}

Value Pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Value out = Value::Object();
  for (const auto& [name, value] : pairs) out.Set(name, Value(value));
  return out;
}

}  // namespace

bool IsGroupFrozen(const std::string& path) {
  if (path.empty()) return false;
  const Result<cgroup::Layout> layout = cgroup::DetectLayout();
  if (!layout.ok()) return false;
  if (layout->v2) {
    const Result<std::string> text = os::ReadFile(layout->unified + path + "/cgroup.freeze", 64);
    return text.ok() && base::Trim(*text) == "1";
  }
  const auto freezer = layout->hierarchies.find("freezer");
  if (freezer == layout->hierarchies.end()) return false;
  const Result<std::string> text = os::ReadFile(freezer->second + path + "/freezer.state", 64);
  return text.ok() && base::Trim(*text) != "THAWED";
}

const char* NameOf(Status status) {
  switch (status) {
    case Status::kCreating:
      return "creating";
    case Status::kCreated:
      return "created";
    case Status::kRunning:
      return "running";
    case Status::kPaused:
      return "paused";
    case Status::kStopped:
      return "stopped";
  }
  return "unknown";
}

base::Status CheckId(std::string_view id) {
  if (id.empty()) return base::InvalidArgument("a container's id must not be empty");
  const bool plain =
      id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.") ==
      std::string_view::npos;
  if (!plain || id == "." || id == ".." || id.size() > 255)
    return base::InvalidArgument("invalid container id {}: letters, digits and _+-. are allowed",
                                 base::QuoteIfNeeded(id.substr(0, 100)));
  return base::Ok();
}

base::Status Store::Claim(const std::string& id) const {
  RETURN_IF_ERROR(os::MakeDirs(root_, 0700));
  if (mkdir(FolderOf(id).c_str(), 0700) == 0) return base::Ok();
  if (errno == EEXIST)
    return base::AlreadyExists("container with given ID \"{}\" already exists", id);
  return Error::FromErrno(errno, "make '{}'", FolderOf(id));
}

Result<os::UniqueFd> Store::Lock(const std::string& id) const {
  Result<os::UniqueFd> file = os::Open(FolderOf(id) + "/lock", O_RDWR | O_CREAT, 0600);
  if (!file.ok() && file.error().os_errno() == ENOENT) return DoesNotExist(id);
  if (!file.ok()) return file;
  while (flock(file->get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Error::FromErrno(errno, "lock container \"{}\"", id);
  }
  return file;
}

base::Status Store::Write(const Record& record) const {
  Value out = Value::Object();
  out.Set("ociVersion", Value(record.version));
  out.Set("id", Value(record.id));
  out.Set("pid", Value(static_cast<int64_t>(record.pid)));
  out.Set("startTime", Value(static_cast<int64_t>(record.start_time)));
  out.Set("bundle", Value(record.bundle));
  out.Set("rootfs", Value(record.rootfs));
  out.Set("created", Value(record.created));
  out.Set("owner", Value(record.owner));
  out.Set("annotations", Pairs(record.annotations));
  out.Set("cgroup", Value(record.cgroup));
  out.Set("scope", Value(record.scope));
  out.Set("ownPids", Value(record.own_pids));
  out.Set("userNamespace", Value(record.user_namespace));
  out.Set("ownKeyring", Value(record.own_keyring));
  return os::WriteFileAtomic(FolderOf(record.id) + "/" + kState, json::WriteJson(out), 0600);
}

Result<Record> Store::Read(const std::string& id) const {
  RETURN_IF_ERROR(CheckId(id));
  Result<std::string> text = os::ReadFile(FolderOf(id) + "/" + kState);
  Record record;
  record.id = id;
  if (!text.ok() && text.error().os_errno() == ENOENT) {
    // Claimed a moment ago: it is being made.
    if (os::Exists(FolderOf(id))) return record;
    return DoesNotExist(id);
  }
  if (!text.ok()) return text.error();
  const Result<Value> value = json::ParseJson(*text);
  if (!value.ok()) return value.error().WithContext("state of container \"" + id + "\"");
  const auto string = [&](const char* name) { return value->At({name}).AsString(); };
  record.version = string("ociVersion");
  record.pid = static_cast<pid_t>(value->At({"pid"}).AsInt());
  record.start_time = static_cast<uint64_t>(value->At({"startTime"}).AsInt());
  record.bundle = string("bundle");
  record.rootfs = string("rootfs");
  record.created = string("created");
  record.owner = string("owner");
  for (const auto& [name, item] : value->At({"annotations"}).members())
    record.annotations.emplace_back(name, item.AsString());
  record.cgroup = string("cgroup");
  record.scope = string("scope");
  record.own_pids = value->At({"ownPids"}).AsBool();
  record.user_namespace = value->At({"userNamespace"}).AsBool();
  record.own_keyring = value->At({"ownKeyring"}).AsBool();
  return record;
}

base::Status Store::KeepConfig(const std::string& id, std::string_view text) const {
  return os::WriteFileAtomic(FolderOf(id) + "/" + kConfig, text, 0600);
}

Result<std::string> Store::ReadConfig(const std::string& id) const {
  return os::ReadFile(FolderOf(id) + "/" + kConfig);
}

base::Status Store::Remove(const std::string& id) const { return os::RemoveTree(FolderOf(id)); }

Result<std::vector<std::string>> Store::List() const {
  std::vector<std::string> out;
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(root_);
  if (!entries.ok()) {
    if (entries.error().os_errno() == ENOENT) return out;
    return entries.error();
  }
  for (const os::DirEntry& entry : *entries) {
    if (entry.type == DT_DIR && CheckId(entry.name).ok()) out.push_back(entry.name);
  }
  return out;
}

bool IsAlive(pid_t pid, uint64_t start_time) {
  if (pid <= 0) return false;
  const Result<std::string> stat = os::ReadFile(fmt::format("/proc/{}/stat", pid), 4096);
  if (!stat.ok()) return false;
  const size_t paren = stat->rfind(") ");
  if (paren == std::string::npos || paren + 2 >= stat->size()) return false;
  const char state = (*stat)[paren + 2];
  if (state == 'Z' || state == 'X') return false;
  const Result<uint64_t> now = os::StartTimeOf(pid);
  return now.ok() && *now == start_time;
}

Status Store::StatusOf(const Record& record) const {
  if (record.pid == 0) return Status::kCreating;
  if (!IsAlive(record.pid, record.start_time)) return Status::kStopped;
  if (IsGroupFrozen(record.cgroup)) return Status::kPaused;
  return os::Exists(FolderOf(record.id) + "/" + kStartSocket) ? Status::kCreated : Status::kRunning;
}

std::string StateText(const Record& record, Status status, bool more) {
  Value out = Value::Object();
  out.Set("ociVersion", Value(record.version));
  out.Set("id", Value(record.id));
  if (status == Status::kStopped) {
    // Of the runtime-spec's own optional member, others print a zero.
    if (more) out.Set("pid", Value(0));
  } else {
    out.Set("pid", Value(static_cast<int64_t>(record.pid)));
  }
  out.Set("status", Value(NameOf(status)));
  out.Set("bundle", Value(record.bundle));
  if (more) {
    out.Set("rootfs", Value(record.rootfs));
    out.Set("created", Value(record.created));
    out.Set("owner", Value(record.owner));
  }
  if (!record.annotations.empty()) out.Set("annotations", Pairs(record.annotations));
  return json::WriteJson(out, more);
}

}  // namespace keelson::oci
