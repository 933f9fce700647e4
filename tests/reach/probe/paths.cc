// SPDX-License-Identifier: Apache-2.0
// Every file and folder that can be found: listed, opened for reading and for writing, its mode set
// to what it is, something made in it. Nothing is written to, nothing of /sys is read.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <vector>

#include "tests/reach/probe/report.h"

namespace keelson::reach {
namespace {

constexpr int kMaxDepth = 14;
constexpr size_t kMaxEntries = 4096;  // of one folder
constexpr int kQuiet = O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW;

bool IsNumber(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); });
}

// What differs with each run and is told by other means: processes, threads, descriptors.
bool PassedOver(const std::string& path, const std::string& name) {
  if (path == "/out") return true;
  if (path.starts_with("/proc/") && path.find('/', 6) == std::string::npos)
    return IsNumber(name) || name == "thread-self";
  return path == "/proc/self/fd" || path == "/proc/self/fdinfo" || path == "/proc/self/task" ||
         path == "/proc/self/map_files";
}

std::string OpenedFor(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | kQuiet);
  const std::string said = Outcome(fd);
  if (fd >= 0) close(fd);
  return said;
}

// One byte of what does not wait; "ok nothing" is an empty file or a mask.
std::string ReadFrom(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | kQuiet);
  if (fd < 0) return ErrorName(errno);
  char byte;
  const ssize_t size = read(fd, &byte, 1);
  const std::string said = size < 0 ? ErrorName(errno) : size == 0 ? "E nothing" : "ok";
  close(fd);
  return said;
}

std::string Kind(const struct stat& st) {
  if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
    return std::string("ok ") + (S_ISCHR(st.st_mode) ? "c" : "b") +
           std::to_string(major(st.st_rdev)) + ":" + std::to_string(minor(st.st_rdev));
  return S_ISDIR(st.st_mode)    ? "ok folder"
         : S_ISLNK(st.st_mode)  ? "ok link"
         : S_ISREG(st.st_mode)  ? "ok file"
         : S_ISSOCK(st.st_mode) ? "ok socket"
                                : "ok pipe";
}

void TryFolder(const std::string& path) {
  const std::string made = path + "/keelson-reach";
  const int result = mkdir(made.c_str(), 0700);
  Tell("path", path, "make", Outcome(result));
  if (result == 0) rmdir(made.c_str());
}

void TryFile(const std::string& path, const struct stat& st) {
  Tell("path", path, "write", OpenedFor(path, O_WRONLY));
  // Of /sys only the opening: a read asks the hardware.
  if (S_ISREG(st.st_mode) && path.starts_with("/proc/") && path != "/proc/kmsg")
    Tell("path", path, "read", ReadFrom(path));
  else
    Tell("path", path, "read", OpenedFor(path, O_RDONLY));
}

void Walk(const std::string& path, int depth) {
  struct stat st{};
  if (lstat(path.c_str(), &st) != 0) {
    Tell("path", path, "see", ErrorName(errno));
    return;
  }
  Tell("path", path, "see", Kind(st));
  if (S_ISLNK(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode)) return;
  Tell("path", path, "mode", Outcome(chmod(path.c_str(), st.st_mode & 07777)));
  if (!S_ISDIR(st.st_mode)) {
    TryFile(path, st);
    return;
  }
  TryFolder(path);
  DIR* folder = opendir(path.c_str());
  Tell("path", path, "list", folder != nullptr ? "ok" : ErrorName(errno));
  if (folder == nullptr) return;
  std::vector<std::string> names;
  for (const dirent* entry = readdir(folder); entry != nullptr && names.size() < kMaxEntries;
       entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(folder);
  if (depth == kMaxDepth) return;
  for (const std::string& name : names) {
    const std::string below = (path == "/" ? "" : path) + "/" + name;
    if (!PassedOver(below, name)) Walk(below, depth + 1);
  }
}

}  // namespace

void TellPaths() {
  Walk("/", 0);
  Walk("/proc/self/", 1);  // the link is not followed otherwise
}

}  // namespace keelson::reach
