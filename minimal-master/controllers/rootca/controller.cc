// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/rootca/controller.h"

#include "minimal-master/control/write.h"

namespace keelson::controllers::rootca {
namespace {

using json::Value;

constexpr char kMap[] = "kube-root-ca.crt";
constexpr char kEntry[] = "ca.crt";
constexpr char kNote[] = "kubernetes.io/description";
constexpr char kNoteText[] =
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters.";

}  // namespace

Planned Plan(const Facts& facts) {
  if (!facts.active) return {};
  const schema::Resource& maps = control::ResourceNamed("", "configmaps");
  const Value data = Value::Object({{kEntry, Value(facts.certificate)}});
  if (!facts.map) {
    Value map;
    map.Set("apiVersion", Value("v1"));
    map.Set("kind", Value("ConfigMap"));
    map.Set("metadata",
            Value::Object({{"name", Value(kMap)},
                           {"namespace", Value(facts.ns)},
                           {"annotations", Value::Object({{kNote, Value(kNoteText)}})}}));
    map.Set("data", data);
    return {{control::Create(maps, facts.ns, std::move(map))}, std::nullopt};
  }
  if (facts.map->At({"data"}) == data &&
      !facts.map->At({"metadata", "annotations", kNote}).AsString().empty())
    return {};
  Value map = *facts.map;
  map.Set("data", data);
  Value& metadata = *map.Find("metadata");
  Value notes = metadata.At({"annotations"});
  notes.Set(kNote, Value(kNoteText));
  metadata.Set("annotations", std::move(notes));
  return {{control::Update(maps, std::move(map))}, std::nullopt};
}

std::vector<const schema::Resource*> Publisher::Watches() const { return {&namespaces_, &maps_}; }

void Publisher::Route(const control::Change& change, const Add& add) {
  if (&change.resource == &namespaces_) {
    if (change.kind != watch::Kind::kDeleted) add(std::string(change.object->name()));
  } else if (change.object->name() == kMap) {
    add(std::string(change.object->ns()));
  }
}

control::Outcome Publisher::Sync(const std::string& key) {
  const auto space = control::Get(context_.cache, namespaces_, "", key);
  Facts facts;
  facts.ns = key;
  facts.active = space && space->At({"status", "phase"}).AsString() != "Terminating";
  facts.map = control::Get(context_.cache, maps_, key, kMap);
  facts.certificate = context_.settings.authority->pem();
  return Apply(context_.client, "root-ca-cert-publisher", Plan(facts));
}

}  // namespace keelson::controllers::rootca
