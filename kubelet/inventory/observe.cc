// SPDX-License-Identifier: Apache-2.0
#include "kubelet/inventory/observe.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <set>

#include "cri-api/client/runtime_client.h"
#include "kubelet/pod/names.h"
#include "kubelet/volume/mounts.h"
#include "lib/base/strings.h"
#include "lib/http/client/client.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"

namespace keelson::node_inventory {

using base::Result;

namespace {

constexpr char kDefaultRoot[] = "/var/lib/kubelet";

// Blocks taken, of this file system alone. Depth is bounded: pods shape what lies there.
void AddTree(const os::RootedDir& directory, dev_t device, int depth, uint64_t& bytes) {
  constexpr int kDeepest = 64;
  const Result<os::UniqueFd> listing = os::OpenAt(directory.fd(), ".", O_RDONLY | O_DIRECTORY);
  if (!listing.ok()) return;
  for (const os::DirEntry& entry : os::ListDir(listing->get()).ValueOr({})) {
    struct stat info{};
    if (fstatat(directory.fd(), entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) !=
            0 ||
        info.st_dev != device)
      continue;
    bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    if (!S_ISDIR(info.st_mode) || depth == kDeepest) continue;
    Result<os::UniqueFd> below = directory.OpenAt(entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                                  0, {.no_xdev = true, .no_symlinks = true});
    if (below.ok()) AddTree(os::RootedDir(std::move(*below)), device, depth + 1, bytes);
  }
}

uint64_t TakenBy(const std::string& path) {
  Result<os::UniqueFd> top = os::Open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  struct stat info{};
  if (!top.ok() || fstat(top->get(), &info) != 0) return 0;
  uint64_t bytes = static_cast<uint64_t>(info.st_blocks) * 512;
  AddTree(os::RootedDir(std::move(*top)), info.st_dev, 0, bytes);
  return bytes;
}

// The root directory that a kubelet's command line names.
std::string RootOf(const std::vector<std::string_view>& words) {
  constexpr std::string_view kFlag = "--root-dir";
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == kFlag && i + 1 < words.size()) return std::string(words[i + 1]);
    if (words[i].starts_with(kFlag) && words[i].size() > kFlag.size() &&
        words[i][kFlag.size()] == '=')
      return std::string(words[i].substr(kFlag.size() + 1));
  }
  return kDefaultRoot;
}

// Upstream's counts as well: what is in its root is not ours to judge.
std::string FindDaemon(const std::string& root) {
  for (const os::DirEntry& entry : os::ListDir("/proc").ValueOr({})) {
    const auto pid = base::ParseUint64(entry.name);
    if (!pid || *pid == static_cast<uint64_t>(getpid())) continue;
    const Result<std::string> line = os::ReadFile("/proc/" + entry.name + "/cmdline", 1u << 20);
    if (!line.ok()) continue;
    const std::vector<std::string_view> words = base::Split(*line, '\0');
    std::string_view program = words.empty() ? std::string_view() : words[0];
    program.remove_prefix(program.rfind('/') + 1);
    if (program != "kubelet" && program != "keelson-kubelet") continue;
    if (std::find(words.begin(), words.end(), "fsck") != words.end() || RootOf(words) != root)
      continue;
    return std::string(program) + " (pid " + entry.name + ")";
  }
  return "";
}

// "pod<uid>", or systemd's "…-pod<uid with _>.slice"; empty: another's.
std::string UidIn(const std::string& name, bool& slice) {
  slice = name.ends_with(".slice");
  if (!slice) return name.starts_with("pod") ? name.substr(3) : "";
  const size_t at = name.rfind("-pod");
  if (at == std::string::npos) return "";
  std::string uid = name.substr(at + 4, name.size() - at - 4 - 6);
  std::replace(uid.begin(), uid.end(), '_', '-');
  return uid;
}

void ReadGroups(const Places& places, Facts& facts) {
  std::set<std::string> roots;
  for (const auto& [name, mount_point] : places.cgroups.hierarchies) roots.insert(mount_point);
  if (!places.cgroups.unified.empty()) roots.insert(places.cgroups.unified);
  std::set<std::string> seen;
  for (const std::string& top : {places.cgroup, places.cgroup + ".slice"}) {
    const bool slices = top.ends_with(".slice");
    const std::string name = places.cgroup.substr(places.cgroup.rfind('/') + 1);
    for (const char* tier : {"", "burstable", "besteffort"}) {
      std::string parent = top;
      if (*tier != '\0')
        parent += slices ? "/" + name + "-" + tier + ".slice" : std::string("/") + tier;
      for (const std::string& root : roots) {
        for (const os::DirEntry& entry : os::ListDir(root + parent).ValueOr({})) {
          bool slice = false;
          const std::string uid = entry.type == DT_DIR ? UidIn(entry.name, slice) : "";
          const std::string path = parent + "/" + entry.name;
          if (uid.empty() || slice != slices || !seen.insert(path).second) continue;
          Group group{path, uid, slice, {}};
          for (const int pid : cgroup::Group(places.cgroups, path).Processes().ValueOr({}))
            group.processes.push_back(pid);
          facts.groups.push_back(std::move(group));
        }
      }
    }
  }
}

void ReadLinks(const Places& places, Facts& facts) {
  if (places.links.empty()) return;
  for (const os::DirEntry& entry : os::ListDir(places.links).ValueOr({})) {
    const std::string path = places.links + "/" + entry.name;
    std::array<char, PATH_MAX> target{};
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    if (size <= 0) continue;
    const std::string to(target.data(), static_cast<size_t>(size));
    if (!to.starts_with(places.logs + "/")) continue;  // somebody else's
    (os::Exists(to) ? facts.links : facts.dangling)[path] = to;
  }
}

}  // namespace

Facts ReadThings(const Places& places) {
  Facts facts{.root = places.root};
  const std::string mounts = os::ReadFile("/proc/self/mountinfo", 64u << 20).ValueOr("");
  for (const os::DirEntry& entry : os::ListDir(places.root + "/pods").ValueOr({})) {
    if (entry.type != DT_DIR) continue;
    const std::string path = places.root + "/pods/" + entry.name;
    facts.volumes[entry.name] = {TakenBy(path), volume::MountsBelow(mounts, path)};
  }
  for (const os::DirEntry& entry : os::ListDir(places.logs).ValueOr({})) {
    const auto pod = pod::PodOfLogDirectory(entry.name);
    if (entry.type != DT_DIR || !pod) continue;
    const std::string path = places.logs + "/" + entry.name;
    facts.logs.push_back({path, pod->uid, TakenBy(path)});
  }
  ReadLinks(places, facts);
  ReadGroups(places, facts);
  facts.runs = FindDaemon(places.root);
  return facts;
}

void ReadPods(const Places& places, const inventory::Report& runtime, Facts& facts) {
  const auto path_of = [](const std::string& endpoint) {
    return endpoint.starts_with("unix://") ? endpoint.substr(7) : endpoint;
  };
  const bool ours = path_of(places.endpoint) == runtime.endpoint;
  if (ours) {
    for (const inventory::Pod& pod : runtime.pods)
      facts.pods[pod.uid] = pod.name_space + "/" + pod.name;
  }
  if (!ours) {
    const auto listed = cri_client::ConnectRuntime(places.endpoint)->ListPodSandboxes();
    if (!listed.ok()) {
      facts.blind = "the container runtime at " + places.endpoint +
                    " does not say which pods it has: " + listed.error().message();
    } else {
      for (const cri::PodSandbox& pod : *listed)
        facts.pods[pod.metadata().uid()] =
            pod.metadata().namespace_() + "/" + pod.metadata().name();
    }
  }
  // A pod that has no sandbox yet.
  const auto answer = http::Client().PerformToString(
      {.url = "http://localhost/pods", .unix_socket = places.socket}, size_t{64} << 20);
  if (!answer.ok() || answer->first.status != 200) {
    if (!facts.runs.empty() && facts.blind.empty())
      facts.blind = facts.runs + " is running and does not say which pods it has";
    return;
  }
  const Result<json::Value> list = json::ParseJson(answer->second, {.bytes = size_t{64} << 20});
  if (!list.ok()) return;
  for (const json::Value& pod : list->At({"items"}).items()) {
    facts.pods[pod.At({"metadata", "uid"}).AsString()] =
        pod.At({"metadata", "namespace"}).AsString() + "/" +
        pod.At({"metadata", "name"}).AsString();
  }
}

}  // namespace keelson::node_inventory
