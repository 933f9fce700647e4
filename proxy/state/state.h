// SPDX-License-Identifier: Apache-2.0
// What the proxy knows now: services and their slices by name, and this node. Says which services a
// change concerns; plans them. No I/O; one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/model/model.h"
#include "proxy/plan/plan.h"

namespace keelson::proxy {

class State {
 public:
  explicit State(std::string node, std::vector<std::string> held = {}) {
    node_.name = std::move(node);
    node_.held = std::move(held);
  }

  // As the API tells them; what is none for a proxy is forgotten.
  void SetService(const json::Value& object);
  void RemoveService(const kube::ObjectName& name);
  void SetSlice(const json::Value& object);
  void RemoveSlice(const kube::ObjectName& name);
  // This node's own object: its zone counts.
  void SetNode(const json::Value& object);

  // "ns/name" of services that may be planned otherwise than when this was last asked, gone ones
  // too.
  std::set<std::string> TakeChanged();
  bool has_changed() const { return !changed_.empty(); }

  const Service* Find(const std::string& name) const;
  std::vector<PortPlan> Plan(const std::string& name, Family family) const;
  std::vector<std::string> Services() const;
  // Ready endpoints on this node, of all slices: what balancers ask for.
  size_t LocalReady(const std::string& name) const;

 private:
  void Touch(const std::string& service);
  std::vector<const Slice*> SlicesOf(const std::string& service) const;

  NodeFacts node_;
  std::map<std::string, Service> services_;
  std::map<kube::ObjectName, Slice> slices_;
  std::map<std::string, std::set<kube::ObjectName>> slices_of_;  // by service
  std::set<std::string> changed_;
};

}  // namespace keelson::proxy
