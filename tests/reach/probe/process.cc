// SPDX-License-Identifier: Apache-2.0
// What the process itself was given: rights, limits, descriptors, variables, namespaces, mounts,
// and the keys of who started it.
#include <dirent.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "tests/reach/probe/report.h"

extern char** environ;

namespace keelson::reach {
namespace {

void TellStatus() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const size_t colon = line.find(":\t");
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(0, colon);
    for (const char* wanted : {"Uid", "Gid", "Groups", "Umask", "CapInh", "CapPrm", "CapEff",
                               "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"}) {
      if (name == wanted) Tell("status", name, "is", line.substr(colon + 2));
    }
  }
  Tell("status", "dumpable", "is", std::to_string(prctl(PR_GET_DUMPABLE)));
  Tell("status", "securebits", "is", std::to_string(prctl(PR_GET_SECUREBITS)));
  Tell("status", "parent", "is", std::to_string(getppid()));
  char place[4096];
  Tell("status", "folder", "is", getcwd(place, sizeof place) != nullptr ? place : "?");
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    struct rlimit limit{};
    getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    Tell("limit", std::to_string(resource), "hard", std::to_string(limit.rlim_max));
  }
}

void TellNamespaces(std::string_view host) {
  for (const char* name : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
    struct stat st{};
    if (stat((std::string("/proc/self/ns/") + name).c_str(), &st) != 0) continue;
    const bool same =
        (std::string(",") + std::string(host) + ",").find("," + std::to_string(st.st_ino) + ",") !=
        std::string::npos;
    Tell("namespace", name, "shared with the host", same ? "ok" : "ENONE");
  }
}

void TellDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return;
  const std::string own = std::to_string(dirfd(folder));
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == own) continue;
    char target[4096];
    const ssize_t size = readlink(("/proc/self/fd/" + name).c_str(), target, sizeof target);
    std::string what(target, size > 0 ? static_cast<size_t>(size) : 0);
    if (const size_t number = what.find(":["); number != std::string::npos) what.resize(number);
    if (what.starts_with("/out/")) continue;  // the report itself
    if (what.starts_with('/') && !what.starts_with("/dev/")) what = "a file";
    Tell("descriptor", name, "is", "ok " + what);
    // A device of another's: its owner and mode are everybody's.
    struct stat st{}, inside{};
    if (fstat(std::stoi(name), &st) != 0 || !S_ISCHR(st.st_mode)) continue;
    const bool same = what.starts_with("/dev/") && stat(what.c_str(), &inside) == 0 &&
                      inside.st_dev == st.st_dev && inside.st_ino == st.st_ino;
    struct statvfs place{};
    const bool fixed = fstatvfs(std::stoi(name), &place) == 0 && (place.f_flag & ST_RDONLY) != 0;
    Tell("descriptor", name, "is a device from outside", same || fixed ? "ENONE" : "ok");
  }
  closedir(folder);
}

// Mount point, kind, what is forbidden there, and whether events go in or out.
void TellMounts() {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, place, options, word, ways;
    words >> id >> parent >> device >> root >> place >> options;
    while (words >> word && word != "-") ways += " " + word.substr(0, word.find(':'));
    std::string kind, source, inner;
    words >> kind >> source >> inner;
    if (place == "/out" || place.starts_with("/out/")) continue;
    Tell("mount", place, "kind", "ok " + kind);
    for (const char* right : {"ro", "nosuid", "nodev", "noexec"}) {
      const bool forbidden =
          ("," + options + ",").find("," + std::string(right) + ",") != std::string::npos;
      Tell("mount", place, std::string("not ") + right, forbidden ? "EFORBIDDEN" : "ok");
    }
    Tell("mount", place, "propagates", ways.empty() ? "ENONE" : "ok" + ways);
  }
}

void TellKeys(const std::string& marker) {
  const long found =
      syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", marker.c_str(), 0);
  Tell("key", "session keyring of who started it", "search", Outcome(found));
}

}  // namespace

void TellProcess(const std::string& marker, std::string_view host_namespaces) {
  TellStatus();
  TellNamespaces(host_namespaces);
  TellDescriptors();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    Tell("variable", text.substr(0, text.find('=')), "is set", "ok");
  }
  TellMounts();
  TellKeys(marker);
}

}  // namespace keelson::reach
