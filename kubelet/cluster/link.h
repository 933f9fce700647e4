// SPDX-License-Identifier: Apache-2.0
// The node's end of a cluster: brings the API server's pods to the agent, and what becomes of them,
// and of the node, to the API server. On the agent's thread; `api`, `clock` and the agent outlive
// what Start began.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "kubelet/cluster/api_objects.h"
#include "kubelet/cluster/events.h"
#include "kubelet/cluster/mirrors.h"
#include "kubelet/lifecycle/agent.h"
#include "kubelet/lifecycle/cluster.h"
#include "kubelet/node/keeper.h"
#include "kubelet/source/api_source.h"
#include "kubelet/status/writer.h"

namespace keelson::cluster {

class Link final : public lifecycle::Cluster {
 public:
  struct Settings {
    node::NodeFacts node;
    std::function<node::NodeHealth()> health;               // must not block
    std::function<void(const std::string& cidr)> pod_cidr;  // given, or given anew
    node::Keeper::Options keeper;
    // A pod begins when what it names was answered, or after this.
    std::chrono::milliseconds hold_at_most{5000};
  };
  // `objects` outlives it.
  Link(kube::Api& api, const base::Clock& clock, ApiObjects& objects, Settings settings);
  ~Link() override;

  void Start(lifecycle::Agent& agent);

  // What the agent says.
  void StaticPodsAre(const std::vector<kube::Pod>& pods) override { mirrors_.StaticPodsAre(pods); }
  void StatusIs(const kube::Pod& pod, const json::Value& status) override;
  void Gone(const kube::Pod& pod) override;
  void Happened(const kube::Pod& pod, bool warning, const std::string& reason,
                const std::string& message,
                const std::map<std::string, std::string>& annotations) override;
  void HappenedToNode(bool warning, const std::string& reason, const std::string& message) override;

 private:
  void PodChanged(source::ApiPod pod);
  void PodGone(const std::string& uid);
  void PodRefused(const json::Value& object, const base::Error& error);
  void NodeChanged(const json::Value& node);
  void Release(bool all);

  kube::Api& api_;
  const base::Clock& clock_;
  ApiObjects& objects_;
  const Settings settings_;
  lifecycle::Agent* agent_ = nullptr;
  status::Writer writer_;
  Events events_;
  Mirrors mirrors_;
  node::Keeper keeper_;
  std::unique_ptr<source::ApiSource> pods_;
  std::map<std::string, json::Value> known_;    // by uid: the status that the server has
  std::map<std::string, source::ApiPod> held_;  // by uid: what they name is not there yet
  std::optional<os::EventLoop::TimerId> hold_timer_;
  bool synced_ = false;
  std::string pod_cidr_;
};

}  // namespace keelson::cluster
