// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/drain.h"

#include <poll.h>

#include <set>

#include "cli/cluster/api.h"
#include "cli/cluster/machine.h"
#include "lib/os/files.h"

namespace keelson::cluster {
namespace {

using json::Value;

// The administrator where this machine has that access, else the node itself.
base::Result<Access> BestAccess(const NodeOptions& node, bool& admin) {
  admin = os::Exists(node.admin_kubeconfig());
  return ReadAccess(admin ? node.admin_kubeconfig() : node.node_kubeconfig());
}

std::string PathOf(const Value& pod) {
  return "/api/v1/namespaces/" + pod.At({"metadata", "namespace"}).AsString() + "/pods/" +
         pod.At({"metadata", "name"}).AsString();
}

base::Status Evict(Api& api, const Value& pod, int grace_seconds) {
  Value eviction = Value::Object({{"apiVersion", Value("policy/v1")}, {"kind", Value("Eviction")}});
  eviction.Set("metadata", Value::Object({{"name", pod.At({"metadata", "name"})},
                                          {"namespace", pod.At({"metadata", "namespace"})}}));
  if (const auto grace = GraceOf(pod, grace_seconds))
    eviction.Set("deleteOptions", Value::Object({{"gracePeriodSeconds", Value(*grace)}}));
  const auto done = api.Need("POST", PathOf(pod) + "/eviction", eviction);
  if (done.ok() || done.error().code() == base::Code::kNotFound) return base::Ok();
  return done.error();
}

base::Status DrainInNetwork(const NodeOptions& node, int grace_seconds, const base::Clock& clock,
                            const cli::Console& console) {
  bool admin = false;
  ASSIGN_OR_RETURN(Access access, BestAccess(node, admin));
  Api api(std::move(access));
  const auto cordoned =
      api.Need("PATCH", "/api/v1/nodes/" + node.name,
               Value::Object({{"spec", Value::Object({{"unschedulable", Value(true)}})}}),
               "application/merge-patch+json");
  if (!cordoned.ok() && cordoned.error().code() != base::Code::kNotFound)
    return cordoned.error().WithContext("cordon the node");
  const base::SteadyTime end =
      clock.Steady() + std::chrono::seconds(std::max(grace_seconds, 0) + 60);
  std::set<std::string> asked;
  while (true) {
    ASSIGN_OR_RETURN(const Value pods,
                     api.Need("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D" + node.name));
    size_t left = 0;
    base::Status refused;
    for (const Value& pod : pods.At({"items"}).items()) {
      const std::string& uid = pod.At({"metadata", "uid"}).AsString();
      // What was evicted and has ended is still to be taken off the API by this node's kubelet.
      if (!IsToBeEvicted(pod) && !asked.contains(uid)) continue;
      ++left;
      if (asked.contains(uid)) continue;
      // A budget may refuse for a while.
      if (base::Status evicted = Evict(api, pod, grace_seconds); evicted.ok()) {
        asked.insert(uid);
        console.out << "evicted " << pod.At({"metadata", "namespace"}).AsString() << "/"
                    << pod.At({"metadata", "name"}).AsString() << "\n";
      } else {
        refused = std::move(evicted);
      }
    }
    if (left == 0) return base::Ok();
    if (clock.Steady() >= end) {
      return refused.ok() ? base::DeadlineExceeded("{} pods of the node do not end", left)
                          : refused.error().WithContext("evict the node's pods");
    }
    (void)poll(nullptr, 0, 100);
  }
}

}  // namespace

bool IsToBeEvicted(const Value& pod) {
  const std::string& phase = pod.At({"status", "phase"}).AsString();
  if (phase == "Succeeded" || phase == "Failed") return false;
  if (pod.At({"metadata", "annotations"}).Find("kubernetes.io/config.mirror") != nullptr)
    return false;
  for (const Value& owner : pod.At({"metadata", "ownerReferences"}).items())
    if (owner.At({"kind"}).AsString() == "DaemonSet") return false;
  return true;
}

std::optional<int64_t> GraceOf(const Value& pod, int most_seconds) {
  if (most_seconds < 0) return std::nullopt;
  const Value& own = pod.At({"spec", "terminationGracePeriodSeconds"});
  if (!own.IsNull() && own.AsInt() <= most_seconds) return std::nullopt;
  return most_seconds;
}

base::Status Drain(const NodeOptions& node, int grace_seconds, const base::Clock& clock,
                   const cli::Console& console) {
  return InNetwork(node.network,
                   [&] { return DrainInNetwork(node, grace_seconds, clock, console); });
}

base::Status DeleteNode(const NodeOptions& node, const cli::Console& console) {
  return InNetwork(node.network, [&]() -> base::Status {
    bool admin = false;
    ASSIGN_OR_RETURN(Access access, BestAccess(node, admin));
    Api api(std::move(access));
    const auto gone = api.Need("DELETE", "/api/v1/nodes/" + node.name);
    if (gone.ok() || gone.error().code() == base::Code::kNotFound) return base::Ok();
    if (admin) return gone.error();
    console.out << "the Node object stays, a node may not delete one: kubectl delete node "
                << node.name << "\n";
    return base::Ok();
  });
}

}  // namespace keelson::cluster
