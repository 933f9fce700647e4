// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/endpoints/controllers.h"

#include <map>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/endpoints/mirror.h"
#include "minimal-master/controllers/endpoints/objects.h"
#include "minimal-master/controllers/endpoints/slices.h"
#include "minimal-master/controllers/pods/index.h"
#include "minimal-master/controllers/pods/selector.h"

namespace keelson::endpoints {
namespace {

using control::Change;
using control::Outcome;
using json::Value;

const schema::Resource& Pods() {
  static const schema::Resource& resource = control::ResourceNamed("", "pods");
  return resource;
}
const schema::Resource& Services() {
  static const schema::Resource& resource = control::ResourceNamed("", "services");
  return resource;
}
const schema::Resource& Slices() {
  static const schema::Resource& resource =
      control::ResourceNamed("discovery.k8s.io", "endpointslices");
  return resource;
}
const schema::Resource& EndpointsResource() {
  static const schema::Resource& resource = control::ResourceNamed("", "endpoints");
  return resource;
}
const schema::Resource& Nodes() {
  static const schema::Resource& resource = control::ResourceNamed("", "nodes");
  return resource;
}

// An empty selector of a service selects nothing.
bool Selects(const watch::selectors::LabelSelector& selector, const watch::Object& pod) {
  return !selector.empty() && selector.Matches(pod);
}

// Which services there are and what they select: an event of a pod asks for it, so it is kept
// apart from the objects. Each controller has its own: it is written on the dispatching thread.
class Selectors {
 public:
  void See(const Change& change) {
    auto& services = by_namespace_[std::string(change.object->ns())];
    const std::string name(change.object->name());
    if (change.kind == watch::Kind::kDeleted) {
      services.erase(name);
    } else {
      const Value service = control::Parse(*change.object);
      services[name] = pods::SelectorOfLabels(service.At({"spec", "selector"}));
    }
  }
  void AddMatching(const watch::Object& pod, const control::Controller::Add& add) const {
    const auto services = by_namespace_.find(pod.ns());
    if (services == by_namespace_.end()) return;
    for (const auto& [name, selector] : services->second) {
      if (Selects(selector, pod)) add(std::string(pod.ns()) + "/" + name);
    }
  }

 private:
  std::map<std::string, std::map<std::string, watch::selectors::LabelSelector>, std::less<>>
      by_namespace_;
};

struct Shared {
  const watch::Cache& cache;
  control::Client& client;
  pods::Pods pods{cache};
};

std::vector<pods::PodPtr> PodsOf(Shared& shared, const Value& service, std::string_view ns) {
  std::vector<pods::PodPtr> out;
  const watch::selectors::LabelSelector selector =
      pods::SelectorOfLabels(service.At({"spec", "selector"}));
  for (pods::PodPtr& pod : shared.pods.InNamespace(ns)) {
    if (Selects(selector, *pod->object)) out.push_back(std::move(pod));
  }
  return out;
}

std::vector<Value> SlicesOf(Shared& shared, std::string_view ns, std::string_view service,
                            std::string_view manager) {
  std::vector<Value> out;
  for (const watch::ObjectPtr& slice : control::List(shared.cache, Slices(), ns)) {
    const std::string_view* of = slice->FindLabel(kServiceLabel);
    const std::string_view* by = slice->FindLabel(kManagerLabel);
    if (of != nullptr && *of == service && by != nullptr && *by == manager)
      out.push_back(control::Parse(*slice));
  }
  return out;
}

Outcome Apply(Shared& shared, std::string_view as, const std::vector<control::Write>& writes) {
  for (const control::Write& write : writes) {
    const status::Or<Value> done = shared.client.Do(as, write);
    // What is to go and is gone is well.
    if (!done.ok() && !(write.verb == control::Write::Verb::kDelete && done.failure().code == 404))
      return Outcome::Failed(done.failure().message);
  }
  return Outcome::Done();
}

void AddService(const watch::Object& slice, std::string_view manager,
                const control::Controller::Add& add) {
  const std::string_view* of = slice.FindLabel(kServiceLabel);
  const std::string_view* by = slice.FindLabel(kManagerLabel);
  if (of != nullptr && by != nullptr && *by == manager)
    add(std::string(slice.ns()) + "/" + std::string(*of));
}

class SliceController final : public control::Controller {
 public:
  explicit SliceController(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::string_view name() const override { return "endpointslice-controller"; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&Services(), &Pods(), &Slices(), &Nodes()};
  }
  void Route(const Change& change, const Add& add) override {
    const watch::Object& object = *change.object;
    if (&change.resource == &Services()) {
      selectors_.See(change);
      add(control::KeyOf(object));
    } else if (&change.resource == &Pods()) {
      if (change.old) selectors_.AddMatching(*change.old, add);
      selectors_.AddMatching(object, add);
    } else if (&change.resource == &Slices()) {
      AddService(object, kSliceManager, add);
    } else {
      RouteNode(change, add);
    }
  }
  Outcome Sync(const std::string& key) override {
    const auto [ns, name] = control::SplitKey(key);
    std::optional<Value> service = control::Get(shared_->cache, Services(), ns, name);
    // Its slices are the garbage collector's.
    if (!service || control::IsBeingDeleted(*service)) return Outcome::Done();
    SliceFacts facts;
    facts.pods = PodsOf(*shared_, *service, ns);
    facts.slices = SlicesOf(*shared_, ns, name, kSliceManager);
    for (const watch::ObjectPtr& node : control::List(shared_->cache, Nodes(), "")) {
      const std::string_view* zone = node->FindLabel("topology.kubernetes.io/zone");
      facts.zones.emplace(node->name(), zone == nullptr ? std::string_view() : *zone);
    }
    facts.service = *std::move(service);
    return Apply(*shared_, name_in_api_, PlanSlices(facts));
  }

 private:
  // A node that comes, goes or moves changes the endpoints of the pods on it.
  void RouteNode(const Change& change, const Add& add) {
    const auto zone = [](const watch::ObjectPtr& node) {
      const std::string_view* value = node->FindLabel("topology.kubernetes.io/zone");
      return value == nullptr ? std::string_view() : *value;
    };
    if (change.kind == watch::Kind::kModified && change.old &&
        zone(change.old) == zone(change.object))
      return;
    for (const pods::PodPtr& pod : shared_->pods.OnNode(change.object->name()))
      selectors_.AddMatching(*pod->object, add);
  }

  static constexpr std::string_view name_in_api_ = "endpointslice-controller";
  const std::shared_ptr<Shared> shared_;
  Selectors selectors_;
};

class EndpointsController final : public control::Controller {
 public:
  explicit EndpointsController(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::string_view name() const override { return "endpoints-controller"; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&Services(), &Pods(), &EndpointsResource()};
  }
  void Route(const Change& change, const Add& add) override {
    if (&change.resource == &Pods()) {
      if (change.old) selectors_.AddMatching(*change.old, add);
      selectors_.AddMatching(*change.object, add);
      return;
    }
    if (&change.resource == &Services()) selectors_.See(change);
    add(control::KeyOf(*change.object));
  }
  Outcome Sync(const std::string& key) override {
    const auto [ns, name] = control::SplitKey(key);
    EndpointsFacts facts;
    facts.endpoints = control::Get(shared_->cache, EndpointsResource(), ns, name);
    std::optional<Value> service = control::Get(shared_->cache, Services(), ns, name);
    if (service && !control::IsBeingDeleted(*service)) {
      facts.pods = PodsOf(*shared_, *service, ns);
      facts.service = *std::move(service);
    }
    return Apply(*shared_, "endpoint-controller", PlanEndpoints(facts));
  }

 private:
  const std::shared_ptr<Shared> shared_;
  Selectors selectors_;
};

class MirrorController final : public control::Controller {
 public:
  explicit MirrorController(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::string_view name() const override { return "endpointslice-mirroring-controller"; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&Services(), &EndpointsResource(), &Slices()};
  }
  void Route(const Change& change, const Add& add) override {
    if (&change.resource == &Slices()) return AddService(*change.object, kMirrorManager, add);
    add(control::KeyOf(*change.object));
  }
  Outcome Sync(const std::string& key) override {
    const auto [ns, name] = control::SplitKey(key);
    const std::optional<Value> service = control::Get(shared_->cache, Services(), ns, name);
    const std::optional<Value> endpoints =
        control::Get(shared_->cache, EndpointsResource(), ns, name);
    return Apply(*shared_, "endpointslicemirroring-controller",
                 PlanMirror(service.value_or(Value()), endpoints.value_or(Value()),
                            SlicesOf(*shared_, ns, name, kMirrorManager)));
  }

 private:
  const std::shared_ptr<Shared> shared_;
};

}  // namespace

std::vector<std::unique_ptr<control::Controller>> Controllers(const watch::Cache& cache,
                                                              control::Client& client) {
  auto shared = std::make_shared<Shared>(cache, client);
  std::vector<std::unique_ptr<control::Controller>> out;
  out.push_back(std::make_unique<SliceController>(shared));
  out.push_back(std::make_unique<EndpointsController>(shared));
  out.push_back(std::make_unique<MirrorController>(shared));
  return out;
}

}  // namespace keelson::endpoints
