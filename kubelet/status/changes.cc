// SPDX-License-Identifier: Apache-2.0
#include "kubelet/status/changes.h"

#include <map>

#include "kubelet/pod/names.h"

namespace keelson::status {
namespace {

struct Waiting {
  std::string reason, image;
  int64_t restarts = 0;
};

std::map<std::string, Waiting> WaitingIn(const json::Value& status) {
  std::map<std::string, Waiting> waiting;
  for (const char* list :
       {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"}) {
    for (const json::Value& container : status.At({list}).items()) {
      const std::string& reason = container.At({"state", "waiting", "reason"}).AsString();
      if (!reason.empty())
        waiting[container.At({"name"}).AsString()] = {reason, container.At({"image"}).AsString(),
                                                      container.At({"restartCount"}).AsInt()};
    }
  }
  return waiting;
}

}  // namespace

std::vector<Event> EventsBetween(const json::Value& before, const json::Value& after,
                                 const kube::ObjectMeta& pod) {
  std::vector<Event> events;
  const std::map<std::string, Waiting> earlier = WaitingIn(before);
  for (const auto& [name, now] : WaitingIn(after)) {
    const auto known = earlier.find(name);
    if (known != earlier.end() && known->second.reason == now.reason &&
        known->second.restarts == now.restarts)
      continue;
    if (now.reason == "CrashLoopBackOff") {
      events.push_back({true, "BackOff",
                        "Back-off restarting failed container " + name + " in pod " +
                            pod::FullName(pod) + "(" + pod.uid + ")"});
    } else if (now.reason == "ImagePullBackOff") {
      events.push_back({false, "BackOff", "Back-off pulling image \"" + now.image + "\""});
      events.push_back({true, "Failed", "Error: ImagePullBackOff"});
    }
  }
  return events;
}

}  // namespace keelson::status
