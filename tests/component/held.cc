// SPDX-License-Identifier: Apache-2.0
#include "tests/component/held.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "lib/base/strings.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"

namespace keelson::node_test {
namespace {

constexpr size_t kMoreThreads = 4;
constexpr long kMemoryMargin = 3 * 1024;

void Tree(const std::string& path, std::multiset<std::string>& into) {
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(path);
  if (!entries.ok()) return;
  for (const os::DirEntry& entry : *entries) {
    const std::string below = path + "/" + entry.name;
    struct stat st{};
    if (lstat(below.c_str(), &st) != 0) continue;
    into.insert(below);
    if (S_ISDIR(st.st_mode)) Tree(below, into);
  }
}
void Groups(const std::string& path, std::multiset<std::string>& into) {
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(path);
  if (!entries.ok()) return;
  for (const os::DirEntry& entry : *entries) {
    const std::string below = path + "/" + entry.name;
    struct stat st{};
    if (lstat(below.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) continue;
    into.insert(below);
    Groups(below, into);
  }
}
// Numbers that only tell one of a kind from another: of sockets, pipes, mounts.
std::string WithoutNumbers(std::string text) {
  const size_t at = text.find(":[");
  return at == std::string::npos ? text : text.substr(0, at);
}
void OfProcess(pid_t pid, const std::string& name, Held& held) {
  const std::string proc = "/proc/" + std::to_string(pid);
  auto& descriptors = held.things[name + ": descriptors"];
  for (const os::DirEntry& entry : os::ListDir(proc + "/fd").ValueOr({})) {
    char target[4096];
    const ssize_t size = readlink((proc + "/fd/" + entry.name).c_str(), target, sizeof target);
    if (size > 0) descriptors.insert(WithoutNumbers({target, static_cast<size_t>(size)}));
  }
  auto& threads = held.things[name + ": threads"];
  for (const os::DirEntry& entry : os::ListDir(proc + "/task").ValueOr({}))
    threads.insert(os::ReadFile(proc + "/task/" + entry.name + "/comm").ValueOr(""));
  auto& mounts = held.things[name + ": mounts"];
  const std::string table = os::ReadFile(proc + "/mountinfo").ValueOr("");
  for (const std::string_view line : base::Split(table, '\n')) {
    const std::vector<std::string_view> fields = base::Split(line, ' ');
    if (fields.size() > 4) mounts.insert(std::string(fields[4]));
  }
  const std::string sizes = os::ReadFile(proc + "/smaps_rollup").ValueOr("");
  for (const std::string_view line : base::Split(sizes, '\n')) {
    if (line.starts_with("Anonymous:"))
      held.kilobytes[name] = std::strtol(std::string(line.substr(10)).c_str(), nullptr, 10);
  }
}

}  // namespace

Held LookAt(const Places& places) {
  Held held;
  OfProcess(places.daemon, "daemon", held);
  for (const auto& [pid, arguments] : places.small) {
    held.things["processes"].insert(arguments);
    if (arguments.find("keelson-anchor") != std::string::npos) OfProcess(pid, "anchor", held);
  }
  Tree(places.state, held.things["files: state"]);
  Tree(places.run, held.things["files: run"]);
  for (const os::DirEntry& hierarchy : os::ListDir("/sys/fs/cgroup").ValueOr({}))
    Groups("/sys/fs/cgroup/" + hierarchy.name + places.cgroup_root, held.things["cgroups"]);
  Groups("/sys/fs/cgroup" + places.cgroup_root, held.things["cgroups"]);
  for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value())
    held.things["links"].insert(link.name);
  // Those of any process, a pinned one included: what nobody holds is gone.
  const std::string lines = os::ReadFile("/proc/self/mountinfo").ValueOr("");
  for (const std::string_view line : base::Split(lines, '\n')) {
    if (line.find(" nsfs ") != std::string_view::npos)
      held.things["pinned namespaces"].insert(std::string(line));
  }
  return held;
}

std::string More(const Held& before, const Held& now) {
  std::string text;
  for (const auto& [kind, things] : now.things) {
    std::vector<std::string> more;
    const auto found = before.things.find(kind);
    const std::multiset<std::string> none;
    const std::multiset<std::string>& old = found == before.things.end() ? none : found->second;
    std::set_difference(things.begin(), things.end(), old.begin(), old.end(),
                        std::back_inserter(more));
    // A library's pool grows and shrinks by threads of several names.
    if (kind.ends_with(": threads") && things.size() <= old.size() + kMoreThreads) continue;
    if (!more.empty())
      text += kind + ": " + std::to_string(things.size()) + ", were " + std::to_string(old.size()) +
              ", more: " + base::Join(more, ", ") + "\n";
  }
  return text;
}
void Print(const char* when, const Held& held) {
  std::string text;
  for (const auto& [kind, things] : held.things)
    text += ", " + kind + " " + std::to_string(things.size());
  for (const auto& [name, size] : held.kilobytes)
    text += ", " + name + " memory " + std::to_string(size) + " KB";
  std::fprintf(stderr, "%s: %s\n", when, text.substr(2).c_str());
}

bool Lean(const Held& before, const Held& now) {
  for (const auto& [name, size] : now.kilobytes) {
    const auto old = before.kilobytes.find(name);
    if (old == before.kilobytes.end() || size > old->second + kMemoryMargin) return false;
  }
  return true;
}

}  // namespace keelson::node_test
