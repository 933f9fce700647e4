// SPDX-License-Identifier: Apache-2.0
#include "kubelet/inventory/plan.h"

#include <fmt/format.h>

#include <set>

namespace keelson::node_inventory {
namespace {

using Kind = Remedy::Kind;

class Judgement {
 public:
  explicit Judgement(const Facts& facts) : facts_(facts) {
    for (const Group& group : facts.groups) {
      if (!group.processes.empty()) alive_.insert(group.uid);
    }
  }

  std::vector<Judged> Take() {
    for (const Group& group : facts_.groups) {
      One("cgroup", group.path, group.uid, 0, "remove it", {Kind::kRemoveGroup, group.path},
          group.slice
              ? "it is systemd's: systemctl stop " + group.path.substr(group.path.rfind('/') + 1)
              : "");
    }
    for (const auto& [uid, volumes] : facts_.volumes) {
      const std::string path = facts_.root + "/pods/" + uid;
      for (const std::string& mount : volumes.mounts)
        One("mount", mount, uid, 0, "unmount it", {Kind::kTearDownVolumes, uid}, "");
      One("volumes", path, uid, volumes.bytes, "remove them", {Kind::kTearDownVolumes, uid}, "");
    }
    for (const auto& [path, target] : facts_.links) Link(path, target, false);
    for (const auto& [path, target] : facts_.dangling) Link(path, target, true);
    for (const Logs& logs : facts_.logs) {
      One("logs", logs.path, logs.uid, logs.bytes, "remove them", {Kind::kRemoveTree, logs.path},
          "");
    }
    return std::move(out_);
  }

 private:
  std::string Refusal(const std::string& uid) const {
    if (!facts_.runs.empty())
      return facts_.runs + " is running and takes away what its pods have left";
    if (!uid.empty() && alive_.contains(uid)) return "processes live in the pod's cgroup";
    return "";
  }

  void One(const char* kind, const std::string& thing, const std::string& uid, uint64_t bytes,
           const char* remedy, Remedy how, const std::string& refused) {
    inventory::Item item{.kind = kind, .thing = thing, .bytes = bytes};
    const auto pod = facts_.pods.find(uid);
    if (pod != facts_.pods.end()) {
      item.owner = "pod " + pod->second;
      out_.push_back({std::move(item), {}});
      return;
    }
    item.problem = facts_.blind.empty() ? "no pod has the uid " + uid
                                        : "it is not known whether its pod " + uid + " is there";
    item.remedy = remedy;
    item.refused = !facts_.blind.empty() ? facts_.blind : Refusal(uid);
    if (item.refused.empty()) item.refused = refused;
    if (!item.refused.empty()) how = {};
    out_.push_back({std::move(item), std::move(how)});
  }

  void Link(const std::string& path, const std::string& target, bool dangling) {
    inventory::Item item{.kind = "log link", .thing = path};
    // A link may come a moment before its log.
    if (!dangling || !facts_.runs.empty()) {
      item.owner = "keelson-kubelet";
      out_.push_back({std::move(item), {}});
      return;
    }
    item.problem = "leads to " + target + ", which is not there";
    item.remedy = "remove it";
    item.refused = Refusal("");
    Remedy how{Kind::kRemoveFile, path};
    if (!item.refused.empty()) how = {};
    out_.push_back({std::move(item), std::move(how)});
  }

  const Facts& facts_;
  std::set<std::string> alive_;
  std::vector<Judged> out_;
};

}  // namespace

std::vector<Judged> Judge(const Facts& facts) { return Judgement(facts).Take(); }

}  // namespace keelson::node_inventory
