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

constexpr uint32_t kChanges = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

std::string Parent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

bool IsDirectory(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

FileSource::FileSource(std::string path, std::string node_name, std::chrono::seconds period, base::Clock& clock, Handler handler)
    : path_(std::move(path)), node_name_(std::move(node_name)), period_(period), clock_(clock), handler_(std::move(handler)),
      wake_(eventfd(0, EFD_CLOEXEC)), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

FileSource::~FileSource() {
  thread_.request_stop();
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void FileSource::ReadOne(const std::string& file, FileSet& set, std::map<std::string, Known>& now) {
  const auto known = known_.find(file);
  base::Result<std::string> text = os::ReadFile(file, kLargestFile);
  if (text.ok() && known != known_.end() && known->second.text == *text) {
    now.insert(*known);
    return;
  }
  base::Result<kube::Pod> pod = text.ok() ? StaticPod(file, *text, node_name_, clock_.WallNanos()) : base::Result<kube::Pod>(text.error());
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
  std::map<std::string, std::string> owners;
  for (const auto& [file, known] : now) {
    const std::string name = known.pod.metadata.namespace_name + "/" + known.pod.metadata.name;
    const auto [owner, first] = owners.try_emplace(name, file);
    if (first) {
      set.pods.push_back(known.pod);
    } else {
      set.errors[file] = file + ": pod " + name + " is already defined by " + owner->second;
    }
  }
  known_ = std::move(now);
  return set;
}

void FileSource::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    // Watched before it is read, so that nothing falls between. A path that is not there yet is awaited in its folder.
    const os::UniqueFd changes(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (inotify_add_watch(changes.get(), path_.c_str(), kChanges) < 0) (void)inotify_add_watch(changes.get(), Parent(path_).c_str(), kChanges);
    bool watched = true;
    while (watched && !stop.stop_requested()) {
      handler_(Read());
      pollfd waits[2] = {{changes.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      (void)poll(waits, 2, static_cast<int>(std::chrono::milliseconds(period_).count()));
      // Writers often touch a file several times: what comes within a moment is one change.
      while (poll(waits, 1, 20) > 0 && !stop.stop_requested()) {
        alignas(inotify_event) char buffer[4096];
        const ssize_t length = read(changes.get(), buffer, sizeof buffer);
        for (ssize_t at = 0; at < length;) {
          const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
          watched = watched && (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) == 0;
          at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        }
      }
      watched = watched && (IsDirectory(path_) || os::Exists(path_) || known_.empty());
      if (!os::Exists(path_) || inotify_add_watch(changes.get(), path_.c_str(), kChanges) >= 0) continue;
      watched = false;
    }
  }
}

}  // namespace keelson::source
