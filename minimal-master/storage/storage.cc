// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/storage/storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lib/base/result.h"

namespace keelson::storage {
namespace {

struct Exception {
  std::string_view group;
  std::string_view resource;
  std::string_view path;
};
// Everything else lies under its own name.
constexpr Exception kExceptions[] = {
    {"", "nodes", "minions"},
    {"", "services", "services/specs"},
    {"", "endpoints", "services/endpoints"},
    {"", "replicationcontrollers", "controllers"},
    {"networking.k8s.io", "ingresses", "ingress"},
    {"apiregistration.k8s.io", "apiservices", "apiregistration.k8s.io/apiservices"},
    {"apiextensions.k8s.io", "customresourcedefinitions",
     "apiextensions.k8s.io/customresourcedefinitions"},
};

bool IsOtherView(const schema::Resource& resource) {
  return (resource.group() == "events.k8s.io" && resource.name() == "events") ||
         (resource.group() == "autoscaling" && resource.version() == "v1");
}

struct Place {
  std::string prefix;
  const schema::Resource* resource;
};

// By prefix, the longest first among those that begin alike.
const std::vector<Place>& Places() {
  static const std::vector<Place> places = [] {
    std::vector<Place> out;
    for (const schema::Resource& resource : schema::Resources()) {
      if (!IsOtherView(resource))
        out.push_back({KeyPrefix(resource.group(), resource.name()), &resource});
    }
    std::sort(out.begin(), out.end(),
              [](const Place& a, const Place& b) { return a.prefix < b.prefix; });
    return out;
  }();
  return places;
}

}  // namespace

std::string KeyPrefix(std::string_view group, std::string_view resource) {
  for (const Exception& exception : kExceptions) {
    if (exception.group == group && exception.resource == resource)
      return fmt::format("/registry/{}/", exception.path);
  }
  return fmt::format("/registry/{}/", resource);
}

std::string PrefixOf(const schema::Resource& resource, std::string_view ns) {
  const schema::Resource& stored = StoredAs(resource);
  std::string prefix = KeyPrefix(stored.group(), stored.name());
  if (!ns.empty()) prefix += fmt::format("{}/", ns);
  return prefix;
}

std::string KeyOf(const schema::Resource& resource, std::string_view ns, std::string_view name) {
  std::string key = PrefixOf(resource, resource.namespaced() ? ns : "");
  key += name;
  return key;
}

const schema::Resource& StoredAs(const schema::Resource& resource) {
  if (!IsOtherView(resource)) return resource;
  const schema::Resource* stored = resource.name() == "events"
                                       ? schema::FindResource("", "v1", "events")
                                       : schema::FindResource("autoscaling", "v2", resource.name());
  KEELSON_CHECK(stored != nullptr);
  return *stored;
}

const schema::Resource* ResourceOfKey(std::string_view key) {
  const std::vector<Place>& places = Places();
  // The last prefix that does not sort behind the key is the only candidate: none contains another.
  const auto after =
      std::upper_bound(places.begin(), places.end(), key,
                       [](std::string_view k, const Place& place) { return k < place.prefix; });
  if (after == places.begin()) return nullptr;
  const Place& place = *std::prev(after);
  return key.starts_with(place.prefix) ? place.resource : nullptr;
}

}  // namespace keelson::storage
