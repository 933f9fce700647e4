// SPDX-License-Identifier: Apache-2.0
#include "kubelet/source/file_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubelet/source/manifest.h"
#include "lib/os/files.h"

namespace keelson::source {
namespace {

constexpr std::chrono::milliseconds kMoment{20};
constexpr int kMoments = 25;  // a writer that never stops does not keep its file from being read

constexpr uint32_t kChanges = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                              IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

std::string Parent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

bool Is(mode_t kind, const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && (status.st_mode & S_IFMT) == kind;
}
bool IsDirectory(const std::string& path) { return Is(S_IFDIR, path); }

// Not of a pipe or a device: reading those may never end.
base::Result<std::string> ReadManifest(const std::string& file, size_t limit) {
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::Open(file, O_RDONLY | O_NONBLOCK));
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return base::Error::FromErrno(errno, "stat {}", file);
  if (!S_ISREG(status.st_mode)) return base::InvalidArgument("{}: not a regular file", file);
  return os::ReadAll(fd.get(), limit).WithContext(file);
}

}  // namespace

FileSource::FileSource(std::string path, std::string node_name, std::chrono::seconds period,
                       base::Clock& clock, Handler handler)
    : path_(std::move(path)),
      node_name_(std::move(node_name)),
      period_(period),
      clock_(clock),
      handler_(std::move(handler)),
      wake_(eventfd(0, EFD_CLOEXEC)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

FileSource::~FileSource() {
  thread_.request_stop();
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void FileSource::ReadOne(const std::string& file, FileSet& set, std::map<std::string, Known>& now) {
  const auto known = known_.find(file);
  base::Result<std::string> text = ReadManifest(file, kLargestFile);
  if (text.ok() && known != known_.end() && known->second.text == *text) {
    now.insert(*known);
    return;
  }
  base::Result<kube::Pod> pod = text.ok() ? StaticPod(file, *text, node_name_, clock_.WallNanos())
                                          : base::Result<kube::Pod>(text.error());
  if (pod.ok()) {
    now.insert_or_assign(file, Known{std::move(text).value(), std::move(pod).value()});
    return;
  }
  // A slip in an edit ends no pod.
  set.errors[file] = pod.error().message();
  if (known != known_.end()) now.insert(*known);
}

FileSet FileSource::Read() {
  FileSet set;
  std::map<std::string, Known> now;
  if (IsDirectory(path_)) {
    const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(path_);
    if (!entries.ok()) set.errors[path_] = entries.error().message();
    if (entries.ok()) {
      for (const os::DirEntry& entry : *entries) {
        const std::string file = path_ + "/" + entry.name;
        if (!entry.name.starts_with('.') && !IsDirectory(file)) ReadOne(file, set, now);
      }
    } else {
      now = known_;
    }
  } else if (os::Exists(path_)) {
    ReadOne(path_, set, now);
  }
  std::map<std::string, std::string> owners;  // of names and of uids
  for (const auto& [file, known] : now) {
    const std::string name = known.pod.metadata.namespace_name + "/" + known.pod.metadata.name;
    const auto named = owners.find(name), identified = owners.find("uid " + known.pod.metadata.uid);
    if (named == owners.end() && identified == owners.end()) {
      owners[name] = owners["uid " + known.pod.metadata.uid] = file;
      set.pods.push_back(known.pod);
    } else if (named != owners.end()) {
      set.errors[file] = file + ": pod " + name + " is already defined by " + named->second;
    } else {
      set.errors[file] = file + ": a pod of uid " + known.pod.metadata.uid +
                         " is already defined by " + identified->second;
    }
  }
  known_ = std::move(now);
  return set;
}

void FileSource::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    // Watched before it is read, so that nothing falls between. A path that is not there yet is
    // awaited in its folder.
    const os::UniqueFd changes(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (inotify_add_watch(changes.get(), path_.c_str(), kChanges) < 0)
      (void)inotify_add_watch(changes.get(), Parent(path_).c_str(), kChanges);
    bool watched = true;
    while (watched && !stop.stop_requested()) {
      handler_(Read());
      pollfd waits[2] = {{changes.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      (void)poll(waits, 2, static_cast<int>(std::chrono::milliseconds(period_).count()));
      // Writers often touch a file several times: what comes within a moment is one change.
      for (int i = 0; i < kMoments && poll(waits, 1, static_cast<int>(kMoment.count())) > 0 &&
                      !stop.stop_requested();
           ++i) {
        alignas(inotify_event) char buffer[4096];
        const ssize_t length = read(changes.get(), buffer, sizeof buffer);
        for (ssize_t at = 0; at < length;) {
          const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
          watched = watched && (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) == 0;
          at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        }
      }
      watched = watched && (IsDirectory(path_) || os::Exists(path_) || known_.empty());
      if (!os::Exists(path_) || inotify_add_watch(changes.get(), path_.c_str(), kChanges) >= 0)
        continue;
      watched = false;
    }
  }
}

}  // namespace keelson::source
