// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/world.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/scheduler/decide/verdict.h"
#include "minimal-master/scheduler/queue/hints.h"
#include "minimal-master/storage/storage.h"

namespace keelson::scheduler::run {
namespace {

using json::Value;
using model::PodRef;
using model::Symbol;
using queue::Waiting;
using watch::ObjectPtr;

// Strings of objects that are gone are kept until there are this many, and twice those of before.
constexpr size_t kManySymbols = 200'000;

bool IsOther(const ObjectPtr& before, const ObjectPtr& after) {
  return before && after && before->uid() != after->uid();
}

}  // namespace

// What is referred to comes before what refers to it.
const std::vector<World::Kind>& World::Kinds() {
  static const std::vector<Kind> kinds{
      {storage::KeyPrefix("", "namespaces"), "", &World::TakeNamespace},
      {storage::KeyPrefix("storage.k8s.io", "storageclasses"), "", &World::TakeClass},
      {storage::KeyPrefix("", "persistentvolumes"), "", &World::TakeVolume},
      {storage::KeyPrefix("", "persistentvolumeclaims"), "", &World::TakeClaim},
      {storage::KeyPrefix("policy", "poddisruptionbudgets"), "", &World::TakeBudget},
      {storage::KeyPrefix("", "services"), "Service", &World::TakeSelector},
      {storage::KeyPrefix("apps", "replicasets"), "ReplicaSet", &World::TakeSelector},
      {storage::KeyPrefix("apps", "statefulsets"), "StatefulSet", &World::TakeSelector},
      {storage::KeyPrefix("", "replicationcontrollers"), "ReplicationController",
       &World::TakeSelector},
      {storage::KeyPrefix("", "nodes"), "", &World::TakeNode},
      {storage::KeyPrefix("", "pods"), "", &World::TakePod}};
  return kinds;
}

bool World::Concerns(std::string_view key) {
  const std::vector<Kind>& kinds = Kinds();
  return std::any_of(kinds.rbegin(), kinds.rend(),
                     [&](const Kind& kind) { return key.starts_with(kind.prefix); });
}

World::World(const watch::Cache& cache) : cache_(cache) { Begin(); }

void World::Begin() {
  cluster_ = std::make_unique<model::Cluster>();
  seen_ = watch::Snapshot();
  model::Symbols& symbols = cluster_->symbols();
  unschedulable_ = {symbols.Of("node.kubernetes.io/unschedulable"), model::kEmpty,
                    model::Effect::kNoSchedule};
  hostname_ = symbols.Of("kubernetes.io/hostname");
  zone_ = symbols.Of("topology.kubernetes.io/zone");
}

// The model as read from the objects, without the strings of those that are gone; what is only in
// the scheduler's head is carried over.
void World::Renew() {
  struct Head {
    std::string uid;
    std::string assumed;
    std::string nominated;
  };
  std::vector<Head> heads;
  queue_.ForEach([&](const Waiting& waiting) {
    const model::Cluster::Place* place = cluster_->FindPlace(waiting.pod->uid);
    heads.push_back(
        {waiting.pod->uid,
         std::string(cluster_->symbols().Text(place == nullptr ? model::kEmpty : place->node)),
         std::string(cluster_->symbols().Text(cluster_->NominationOf(*waiting.pod)))});
  });
  Begin();
  CatchUp(now_);
  for (const Head& head : heads) {
    const Waiting* waiting = queue_.Find(head.uid);
    if (waiting == nullptr) continue;
    cluster_->Nominate(waiting->pod, cluster_->symbols().Of(head.nominated));
    if (!head.assumed.empty()) cluster_->Assume(waiting->pod, cluster_->symbols().Of(head.assumed));
  }
}

void World::CatchUp(base::SteadyTime now) {
  now_ = now;
  const watch::Snapshot newest = cache_.Current();
  if (newest.revision() == seen_.revision() && symbols_then_ != 0) return;
  const watch::Snapshot before = std::exchange(seen_, newest);
  for (const Kind& kind : Kinds()) {
    newest.ForEachChange(before, kind.prefix, [&](const ObjectPtr& old, const ObjectPtr& now_is) {
      (this->*kind.take)(kind, old, now_is);
    });
  }
  const size_t symbols = cluster_->symbols().size();
  if (before.revision() == 0) symbols_then_ = symbols;
  if (symbols > std::max(kManySymbols, 2 * symbols_then_)) Renew();
}

void World::TakeNamespace(const Kind&, const ObjectPtr&, const ObjectPtr& after) {
  if (!after) return;  // its pods went before
  cluster_->PutNamespace(after->name(), control::Parse(*after).At({"metadata", "labels"}));
  queue_.Wake([](const Waiting& waiting) { return queue::NamespaceMayHelp(waiting); }, now_);
}

void World::TakeSelector(const Kind& kind, const ObjectPtr& before, const ObjectPtr& after) {
  const watch::Object& object = after ? *after : *before;
  const Value value = after ? control::Parse(*after) : Value();
  cluster_->PutSelector(kind.name, object.ns(), object.name(), after ? &value : nullptr);
}

void World::TakeBudget(const Kind&, const ObjectPtr& before, const ObjectPtr& after) {
  const Value value = after ? control::Parse(*after) : Value();
  cluster_->PutBudget(control::KeyOf(after ? *after : *before), after ? &value : nullptr);
}

void World::TakeClaim(const Kind&, const ObjectPtr& before, const ObjectPtr& after) {
  const Value value = after ? control::Parse(*after) : Value();
  cluster_->PutClaim(control::KeyOf(after ? *after : *before), after ? &value : nullptr);
  queue_.Wake([](const Waiting& waiting) { return queue::ClaimsMayHelp(waiting); }, now_);
}

void World::TakeVolume(const Kind&, const ObjectPtr& before, const ObjectPtr& after) {
  const Value value = after ? control::Parse(*after) : Value();
  cluster_->PutVolume(std::string(after ? after->name() : before->name()),
                      after ? &value : nullptr);
  queue_.Wake([](const Waiting& waiting) { return queue::ClaimsMayHelp(waiting); }, now_);
}

void World::TakeClass(const Kind&, const ObjectPtr& before, const ObjectPtr& after) {
  const Value value = after ? control::Parse(*after) : Value();
  cluster_->PutStorageClass(std::string(after ? after->name() : before->name()),
                            after ? &value : nullptr);
  queue_.Wake([](const Waiting& waiting) { return queue::ClaimsMayHelp(waiting); }, now_);
}

void World::TakeNode(const Kind&, const ObjectPtr& before, const ObjectPtr& after) {
  if (!after) {
    cluster_->RemoveNode(before->name());
    queue_.Wake([](const Waiting& waiting) { return (waiting.why & decide::kSpread) != 0; }, now_);
    return;
  }
  if (!cluster_->PutNode(control::ParseFacts(*after))) return;
  const model::Node* node = cluster_->Find(cluster_->symbols().Of(after->name()));
  queue_.Wake(
      [&](const Waiting& waiting) { return queue::NodeMayHelp(waiting, *node, unschedulable_); },
      now_);
}

void World::RoomOn(Symbol name) {
  const model::Node* node = cluster_->Find(name);
  queue_.Wake(
      [&](const Waiting& waiting) { return queue::RoomMayHelp(waiting, node, unschedulable_); },
      now_);
}

void World::PodLeft(const std::string& uid) {
  Symbol room = model::kEmpty;
  if (const Waiting* waiting = queue_.Find(uid); waiting != nullptr) {
    room = cluster_->NominationOf(*waiting->pod);
    cluster_->Nominate(waiting->pod, model::kEmpty);
    queue_.Remove(uid);
  }
  if (const model::Cluster::Place* place = cluster_->FindPlace(uid); place != nullptr) {
    room = place->node;
    const PodRef pod = place->pod;
    cluster_->RemovePod(*pod);
  }
  if (room != model::kEmpty) RoomOn(room);
}

void World::PodRuns(const PodRef& pod) {
  queue_.Remove(pod->uid);
  const model::Cluster::Place* place = cluster_->FindPlace(pod->uid);
  const PodRef old = place == nullptr || place->assumed ? nullptr : place->pod;
  cluster_->PutPod(pod);
  const bool relabelled = old && old->labels != pod->labels;
  if (old && !(old->requests.exact == pod->requests.exact)) RoomOn(pod->node);
  if (old && !relabelled) return;
  queue_.Wake(
      [&](const Waiting& waiting) {
        return (relabelled && queue::NamespaceMayHelp(waiting)) ||
               queue::CompanyMayHelp(waiting, *pod, *cluster_);
      },
      now_);
}

void World::PodWaits(const PodRef& pod) {
  if (!pod->ours || pod->terminating) {
    PodLeft(pod->uid);
    return;
  }
  const Waiting* waiting = queue_.Find(pod->uid);
  const bool told = waiting != nullptr && waiting->pod->nominated != pod->nominated;
  queue_.Put(pod, now_);
  if (cluster_->IsAssumed(*pod)) return;
  // What is in the head counts until its object says something new.
  const Symbol head = cluster_->NominationOf(*pod);
  const Symbol node = told || head == model::kEmpty ? pod->nominated : head;
  if (node != model::kEmpty || head != model::kEmpty) cluster_->Nominate(pod, node);
}

void World::TakePod(const Kind&, const ObjectPtr& before, const ObjectPtr& after) {
  if (before && (!after || IsOther(before, after))) PodLeft(std::string(before->uid()));
  if (!after) return;
  const PodRef pod = model::PodOf(control::ParseFacts(*after), cluster_->symbols());
  if (pod->over) {
    PodLeft(pod->uid);
  } else if (pod->node != model::kEmpty) {
    PodRuns(pod);
  } else {
    PodWaits(pod);
  }
}

void World::Assume(const PodRef& pod, Symbol node) {
  cluster_->Nominate(pod, model::kEmpty);
  cluster_->Assume(pod, node);
}

void World::Unassume(const model::Pod& pod, base::SteadyTime now) {
  const model::Cluster::Place* place = cluster_->FindPlace(pod.uid);
  if (place == nullptr || !place->assumed) return;
  const Symbol node = place->node;
  const PodRef placed = place->pod;
  cluster_->Forget(*placed);
  now_ = now;
  RoomOn(node);
}

}  // namespace keelson::scheduler::run
