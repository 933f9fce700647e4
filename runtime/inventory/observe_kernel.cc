// SPDX-License-Identifier: Apache-2.0
// The part of the things that lies in the kernel.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "lib/base/strings.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/kernel/xtables/xtables.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "runtime/container/plan.h"
#include "runtime/inventory/observe_parts.h"
#include "runtime/network/bridge_network.h"
#include "runtime/network/firewall.h"

namespace keelson::inventory {

using base::Result;
using base::Status;

namespace {

bool IsSame(const std::string& a, const std::string& b) {
  struct stat one{}, other{};
  return stat(a.c_str(), &one) == 0 && stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The id that a group's name ends with; empty: none.
std::string IdIn(std::string name) {
  constexpr size_t kIdLength = 64;
  if (name.ends_with(".scope")) name.resize(name.size() - 6);
  if (name.size() < kIdLength) return "";
  const std::string id = name.substr(name.size() - kIdLength);
  return IsHex(id) ? id : "";
}

// proc(5): blanks and backslashes of a path are octal.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Where a DNAT rule leads, without its port; empty: nowhere.
std::string TargetOf(std::string_view rule) {
  constexpr std::string_view kWord = "--to-destination ";
  const size_t at = rule.find(kWord);
  if (at == std::string_view::npos) return "";
  std::string_view target = rule.substr(at + kWord.size());
  target = target.substr(0, target.find(' '));
  if (target.starts_with('[')) return std::string(target.substr(1, target.find(']') - 1));
  return std::string(target.substr(0, target.find(':')));
}

}  // namespace

void ReadProcesses(const Places& places, Facts& facts) {
  const Result<std::vector<os::DirEntry>> processes = os::ListDir("/proc");
  if (!processes.ok()) return;
  for (const os::DirEntry& entry : *processes) {
    const auto pid = base::ParseUint64(entry.name);
    if (!pid) continue;
    const std::string proc = "/proc/" + entry.name;
    const Result<std::string> line = os::ReadFile(proc + "/cmdline", 1u << 20);
    if (!line.ok()) continue;
    const std::vector<std::string_view> words = base::Split(*line, '\0');
    std::string_view program = words.empty() ? std::string_view() : words[0];
    program.remove_prefix(program.rfind('/') + 1);
    const bool anchor = program == "keelson-anchor";
    if ((!anchor && program != "keelson-monitor") || words.size() < 2) continue;
    // In its tiny mount namespace there is one run directory, its own.
    if (!IsSame(proc + "/root" + places.run_dir, places.run_dir)) {
      if (!anchor) continue;
      facts.other_nodes = true;
      if (IsSame(proc + "/ns/net", "/proc/self/ns/net")) facts.other_nodes_in_network = true;
      continue;
    }
    facts.things.processes.push_back(
        {.pid = static_cast<pid_t>(*pid),
         .start_time = os::StartTimeOf(static_cast<pid_t>(*pid)).ValueOr(0),
         .program = std::string(program),
         .sandbox_id = anchor ? "" : std::string(words[1])});
  }
}

Status ReadMounts(const Places& places, Things& out) {
  const std::string pins = places.run_dir + "/netns";
  for (const os::DirEntry& entry : os::ListDir(pins).ValueOr({})) out.pins[entry.name] = false;
  for (const os::DirEntry& entry : os::ListDir(places.shared_pins).ValueOr({})) {
    if (entry.name.size() == 35 && entry.name.starts_with("kl-") && IsHex(entry.name.substr(3)))
      out.plugin_pins[places.shared_pins + "/" + entry.name] = false;
  }
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile("/proc/self/mountinfo", 64u << 20));
  std::set<std::string> seen;
  for (const std::string_view line : base::Split(text, '\n')) {
    const size_t dash = line.find(" - ");
    const std::vector<std::string_view> words = base::Split(line, ' ');
    if (dash == std::string_view::npos || words.size() < 5) continue;
    const std::string path = Unescape(words[4]);
    const std::string filesystem(line.substr(dash + 3, line.find(' ', dash + 3) - dash - 3));
    if (const auto pin = out.plugin_pins.find(path); pin != out.plugin_pins.end())
      pin->second = true;
    if (filesystem == "nsfs" && path.starts_with(pins + "/")) {
      out.pins[path.substr(pins.size() + 1)] = true;
      continue;
    }
    bool within =
        path == pins || path.starts_with(pins + "/") || path.starts_with(places.run_dir + "/pods/");
    for (const char* folder : {"pods", "containers", "layers", "images", "trash", "quarantine"})
      within = within || path.starts_with(places.state_dir + "/" + folder + "/");
    if (within && seen.insert(path).second) out.mounts.push_back({path, filesystem});
  }
  return base::Ok();
}

Status ReadLinks(const Places& places, Things& out) {
  ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
  ASSIGN_OR_RETURN(const std::vector<netlink::Link> links, socket.ListLinks());
  int bridge = 0;
  for (const netlink::Link& link : links) {
    if (link.name == places.bridge) bridge = link.index;
    out.bridges.push_back(link.name);
  }
  for (const netlink::Link& link : links) {
    const std::string id = network::SandboxOfInterface(link.name);
    if (!id.empty() || link.name == places.bridge)
      out.links.push_back({link.name, bridge != 0 && link.master == bridge});
  }
  return base::Ok();
}

Status ReadChains(Things& out) {
  for (const bool v6 : {false, true}) {
    for (const xtables::Flavour& flavour : xtables::FlavoursInUse(v6)) {
      for (const char* table : {"nat", "filter"}) {
        ASSIGN_OR_RETURN(const std::string text, xtables::Save(flavour, table));
        std::map<std::string, ChainFact, std::less<>> chains;
        for (const std::string_view line : base::Split(text, '\n')) {
          if (line.starts_with(':')) {
            const std::string chain(line.substr(1, line.find(' ') - 1));
            const std::string bridge = network::BridgeOfChain(chain);
            if (!bridge.empty()) chains[chain] = {flavour, table, chain, bridge, {}, v6};
          } else if (line.starts_with("-A ")) {
            const auto chain = chains.find(line.substr(3, line.find(' ', 3) - 3));
            const std::string target = TargetOf(line);
            if (chain != chains.end() && !target.empty()) chain->second.targets.push_back(target);
          }
        }
        for (auto& [name, chain] : chains) out.chains.push_back(std::move(chain));
      }
    }
  }
  return base::Ok();
}

void ReadGroups(const Places& places, const Records& records, Things& out) {
  std::set<std::string> parents = {"/keelson"};
  const auto add_parent_of = [&parents](const std::string& path) {
    if (const size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0)
      parents.insert(path.substr(0, slash));
  };
  for (const auto& [id, container] : records.containers) add_parent_of(container.cgroup_path);
  for (const auto& [id, pod] : records.pods) {
    const Result<std::string> path = container::CgroupPath(pod.cgroup_parent, id, id);
    if (path.ok()) add_parent_of(*path);
  }
  std::set<std::string> roots;
  for (const auto& [name, mount_point] : places.cgroups.hierarchies) roots.insert(mount_point);
  if (!places.cgroups.unified.empty()) roots.insert(places.cgroups.unified);
  std::set<std::string> seen;
  for (const std::string& parent : parents) {
    for (const std::string& root : roots) {
      for (const os::DirEntry& entry : os::ListDir(root + parent).ValueOr({})) {
        const std::string path = parent + "/" + entry.name;
        const std::string id = entry.type == DT_DIR ? IdIn(entry.name) : "";
        if (id.empty() || !seen.insert(path).second) continue;
        GroupFact group{path, id, {}};
        for (const int pid : cgroup::Group(places.cgroups, path).Processes().ValueOr({}))
          group.processes.push_back(pid);
        out.groups.push_back(std::move(group));
      }
    }
  }
}

Status ReadThings(const Places& places, Facts& facts) {
  ReadFiles(places, facts.things);
  ReadProcesses(places, facts);
  RETURN_IF_ERROR(ReadMounts(places, facts.things).WithContext("look at the mounts"));
  RETURN_IF_ERROR(ReadLinks(places, facts.things).WithContext("look at the links"));
  RETURN_IF_ERROR(ReadChains(facts.things).WithContext("look at the packet filter"));
  ReadGroups(places, facts.before, facts.things);
  return base::Ok();
}

}  // namespace keelson::inventory
