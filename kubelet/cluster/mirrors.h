// SPDX-License-Identifier: Apache-2.0
// Mirror pods: pictures of the node's static pods in the API, so that a cluster's people see them.
// Each is made when it is missing, and taken away and made anew when it is not of this static pod
// or somebody deletes it. On the loop's thread; `api` outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/status/writer.h"
#include "lib/kube/client/api.h"
#include "lib/kube/pod.h"

namespace keelson::cluster {

// For POST. Pure.
json::Value MirrorOf(const kube::Pod& pod, const std::string& node, const std::string& node_uid);
std::string MirrorHashOf(const kube::Pod& pod);

class Mirrors {
 public:
  // `status`: a picture's status is to be this.
  Mirrors(kube::Api& api, std::string node,
          std::function<void(const status::PodKey&, json::Value)> status);
  ~Mirrors();

  // Of the node: the static pods that there are to be, and what becomes of them.
  void StaticPodsAre(const std::vector<kube::Pod>& pods);
  void StatusIs(const kube::Pod& pod, const json::Value& status);
  void Gone(const kube::Pod& pod);
  // Of the API.
  void NodeIs(const std::string& uid);
  void Synced();
  void Seen(const status::PodKey& key, const std::string& hash, bool ends);
  void Vanished(const std::string& uid);  // unknown ones are fine

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::cluster
