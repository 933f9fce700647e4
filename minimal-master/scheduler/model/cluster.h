// SPDX-License-Identifier: Apache-2.0
// Everything the scheduler knows, kept up to date event by event: nodes with their pods (also those
// that are only on their way), and what rules refer to. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "minimal-master/scheduler/model/node.h"

namespace keelson::scheduler::model {

struct Budget {  // PodDisruptionBudget
  Symbol ns = kEmpty;
  Selector selector;
  int64_t allowed = 0;
  std::vector<std::string> disrupted;  // pods that are counted already
};

struct ClaimState {
  bool bound = false;
  bool lost = false;
  bool terminating = false;
  std::string volume;
  std::string storage_class;
  std::string owner_uid;
};

struct Volume {
  bool has_terms = false;
  std::vector<NodeTerm> terms;
};

class Cluster {
 public:
  Symbols& symbols() { return symbols_; }
  const Symbols& symbols() const { return symbols_; }

  // Known ones, zones in turn; valid until a node is put or removed.
  const std::vector<Node*>& nodes() const;
  const Node* Find(Symbol name) const;  // null: no such object
  // Whether anything changed that a pod could have waited for.
  bool PutNode(const json::Value& object);
  void RemoveNode(std::string_view name);

  // A pod as its object is: placed, moved or taken away. One that is assumed stays so until its
  // object is bound.
  void PutPod(const PodRef& pod);
  void RemovePod(const Pod& pod);
  void Assume(const PodRef& pod, Symbol node);
  void Forget(const Pod& pod);
  bool IsAssumed(const Pod& pod) const;
  size_t pods() const { return places_.size(); }
  struct Place {
    PodRef pod;
    Symbol node = kEmpty;
    bool assumed = false;
  };
  const Place* FindPlace(const std::string& uid) const;  // null: it is nowhere

  // Room that preemption made (or makes) for a pod; kEmpty: for it no longer.
  void Nominate(const PodRef& pod, Symbol node);
  const std::vector<PodRef>* NominatedTo(Symbol node) const;  // null: none
  Symbol NominationOf(const Pod& pod) const;

  int NodesWithImage(Symbol image) const;

  void PutNamespace(std::string_view name, const json::Value& labels);
  const Labels& NamespaceLabels(Symbol ns) const;
  // `kind`: "Service", "ReplicaSet", "StatefulSet" or "ReplicationController"; null: it is gone.
  void PutSelector(std::string_view kind, std::string_view ns, std::string_view name,
                   const json::Value* object);
  // Of the services that select it and of what controls it: pods that belong together.
  Selector SelectorFor(const Pod& pod) const;

  void PutBudget(const std::string& key, const json::Value* object);
  const std::map<std::string, Budget>& budgets() const { return budgets_; }
  void PutClaim(const std::string& key, const json::Value* object);
  void PutVolume(const std::string& name, const json::Value* object);
  void PutStorageClass(const std::string& name, const json::Value* object);
  const ClaimState* FindClaim(const std::string& key) const;
  const Volume* FindVolume(const std::string& name) const;
  bool WaitsForPod(const std::string& storage_class) const;

 private:
  Node& NodeOf(Symbol name);
  void Take(const Place& place);

  Symbols symbols_;
  std::unordered_map<Symbol, std::unique_ptr<Node>> nodes_;
  mutable std::vector<Node*> order_;
  mutable bool order_is_old_ = true;
  std::unordered_map<std::string, Place> places_;  // by uid
  std::unordered_map<Symbol, std::vector<PodRef>> nominated_;
  std::unordered_map<std::string, Symbol> nominations_;  // by uid
  std::unordered_map<Symbol, int> image_nodes_;
  std::unordered_map<Symbol, Labels> namespaces_;
  std::unordered_map<Symbol, std::map<std::string, Selector>> services_;  // by namespace
  std::unordered_map<std::string, Selector> owners_;                      // by "ns/kind/name"
  std::map<std::string, Budget> budgets_;
  std::unordered_map<std::string, ClaimState> claims_;
  std::unordered_map<std::string, Volume> volumes_;
  std::unordered_map<std::string, bool> classes_;  // whether it waits for the first consumer
};

}  // namespace keelson::scheduler::model
