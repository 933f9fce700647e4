// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/disruption/scale.h"

#include <fmt/format.h>

#include "minimal-master/control/objects.h"

namespace keelson::controllers::disruption {

using json::Value;

std::optional<Scale> ScaleOf(const watch::Cache& cache, std::string_view ns, const Value& owner,
                             std::string& why) {
  const std::string& api = owner.At({"apiVersion"}).AsString();
  const std::string& kind = owner.At({"kind"}).AsString();
  const size_t slash = api.find('/');
  const std::string group = slash == std::string::npos ? "" : api.substr(0, slash);
  const std::string version = slash == std::string::npos ? api : api.substr(slash + 1);
  const schema::Resource* resource = schema::FindResourceOfKind(group, version, kind);
  if (resource == nullptr) {
    why = fmt::format("no matches for kind \"{}\" in version \"{}\"", kind, api);
    return std::nullopt;
  }
  if (resource->FindSubresource("scale") == nullptr) {
    why = fmt::format("{}{}{} does not implement the scale subresource", resource->name(),
                      group.empty() ? "" : ".", group);
    return std::nullopt;
  }
  const std::optional<Value> object =
      control::Get(cache, *resource, ns, owner.At({"name"}).AsString());
  if (!object || object->At({"metadata", "uid"}) != owner.At({"uid"})) return std::nullopt;
  // All sets of a Deployment are one thing that is scaled.
  if (const Value* above = control::ControllerOf(*object);
      kind == "ReplicaSet" && above != nullptr && above->At({"kind"}).AsString() == "Deployment")
    return ScaleOf(cache, ns, *above, why);
  return Scale{owner.At({"uid"}).AsString(), object->At({"spec", "replicas"}).AsInt()};
}

}  // namespace keelson::controllers::disruption
