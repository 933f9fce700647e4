// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/discovery.h"

#include <algorithm>
#include <vector>

#include "lib/base/strings.h"
#include "minimal-master/schema/resources.h"

namespace keelson::api {
namespace {

using json::Value;

struct GroupVersion {
  std::string_view group;
  std::string_view version;
  std::string Text() const {
    return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
  }
};

// In the order of the table, which is the order of preference.
std::vector<GroupVersion> GroupVersions() {
  std::vector<GroupVersion> out;
  for (const schema::Resource& resource : schema::Resources()) {
    const bool there = std::any_of(out.begin(), out.end(), [&](const GroupVersion& known) {
      return known.group == resource.group() && known.version == resource.version();
    });
    if (!there) out.push_back({resource.group(), resource.version()});
  }
  return out;
}

Value Texts(const schema::TextList& list) {
  Value out = Value::Array();
  for (const std::string_view text : list) out.Append(Value(text));
  return out;
}

Value VersionEntry(const GroupVersion& gv) {
  Value entry;
  entry.Set("groupVersion", Value(gv.Text()));
  entry.Set("version", Value(gv.version));
  return entry;
}

Value GroupEntry(std::string_view group, bool top) {
  Value entry;
  if (top) {
    entry.Set("kind", Value("APIGroup"));
    entry.Set("apiVersion", Value("v1"));
  }
  entry.Set("name", Value(group));
  Value versions = Value::Array();
  for (const GroupVersion& gv : GroupVersions()) {
    if (gv.group == group) versions.Append(VersionEntry(gv));
  }
  if (versions.items().empty()) return {};
  const Value preferred = versions.items()[0];
  entry.Set("versions", std::move(versions));
  entry.Set("preferredVersion", preferred);
  return entry;
}

void Describe(Value& entry, std::string_view name, std::string_view singular, bool namespaced) {
  entry.Set("name", Value(name));
  entry.Set("singularName", Value(singular));
  entry.Set("namespaced", Value(namespaced));
}

Value ResourceList(const GroupVersion& gv) {
  Value list = Value::Array();
  for (const schema::Resource& resource : schema::Resources()) {
    if (resource.group() != gv.group || resource.version() != gv.version) continue;
    Value entry;
    Describe(entry, resource.name(), resource.singular(), resource.namespaced());
    entry.Set("kind", Value(resource.kind()));
    entry.Set("verbs", Texts(resource.verbs()));
    if (!resource.short_names().empty()) entry.Set("shortNames", Texts(resource.short_names()));
    if (!resource.categories().empty()) entry.Set("categories", Texts(resource.categories()));
    if (!resource.storage_version_hash().empty())
      entry.Set("storageVersionHash", Value(resource.storage_version_hash()));
    list.Append(std::move(entry));
    for (const schema::Subresource& sub : resource.subresources()) {
      Value under;
      Describe(under, std::string(resource.name()) + "/" + std::string(sub.name()), "",
               resource.namespaced());
      if (sub.group() != gv.group || sub.version() != gv.version) {
        under.Set("group", Value(sub.group()));
        under.Set("version", Value(sub.version()));
      }
      under.Set("kind", Value(sub.kind()));
      under.Set("verbs", Texts(sub.verbs()));
      list.Append(std::move(under));
    }
  }
  if (list.items().empty()) return {};
  Value out;
  out.Set("kind", Value("APIResourceList"));
  if (!gv.group.empty()) out.Set("apiVersion", Value("v1"));
  out.Set("groupVersion", Value(gv.Text()));
  out.Set("resources", std::move(list));
  return out;
}

Value KindOf(std::string_view group, std::string_view version, std::string_view kind) {
  Value out;
  out.Set("group", Value(group));
  out.Set("version", Value(version));
  out.Set("kind", Value(kind));
  return out;
}

Value AggregatedResource(const schema::Resource& resource) {
  Value entry;
  entry.Set("resource", Value(resource.name()));
  entry.Set("responseKind", KindOf(resource.group(), resource.version(), resource.kind()));
  entry.Set("scope", Value(resource.namespaced() ? "Namespaced" : "Cluster"));
  entry.Set("singularResource", Value(resource.singular()));
  entry.Set("verbs", Texts(resource.verbs()));
  if (!resource.short_names().empty()) entry.Set("shortNames", Texts(resource.short_names()));
  if (!resource.categories().empty()) entry.Set("categories", Texts(resource.categories()));
  Value subs = Value::Array();
  for (const schema::Subresource& sub : resource.subresources()) {
    Value under;
    under.Set("subresource", Value(sub.name()));
    under.Set("responseKind", KindOf(sub.group(), sub.version(), sub.kind()));
    under.Set("verbs", Texts(sub.verbs()));
    subs.Append(std::move(under));
  }
  if (!subs.items().empty()) entry.Set("subresources", std::move(subs));
  return entry;
}

}  // namespace

Value LegacyDiscovery(std::string_view path, std::string_view address) {
  const std::vector<std::string_view> parts = base::Split(path.substr(1), '/');
  if (path == "/api") {
    Value server;
    server.Set("clientCIDR", Value("0.0.0.0/0"));
    server.Set("serverAddress", Value(address));
    Value out;
    out.Set("kind", Value("APIVersions"));
    out.Set("versions", Value::Array({Value("v1")}));
    out.Set("serverAddressByClientCIDRs", Value::Array({std::move(server)}));
    return out;
  }
  if (path == "/apis") {
    Value groups = Value::Array();
    std::string_view last;
    for (const GroupVersion& gv : GroupVersions()) {
      if (gv.group.empty() || gv.group == last) continue;
      last = gv.group;
      groups.Append(GroupEntry(gv.group, false));
    }
    Value out;
    out.Set("kind", Value("APIGroupList"));
    out.Set("apiVersion", Value("v1"));
    out.Set("groups", std::move(groups));
    return out;
  }
  if (parts.size() == 2 && parts[0] == "api") return ResourceList({"", parts[1]});
  if (parts.size() == 2 && parts[0] == "apis" && !parts[1].empty())
    return GroupEntry(parts[1], true);
  if (parts.size() == 3 && parts[0] == "apis") return ResourceList({parts[1], parts[2]});
  return {};
}

Value AggregatedDiscovery(bool core) {
  Value items = Value::Array();
  for (const GroupVersion& gv : GroupVersions()) {
    if (gv.group.empty() != core) continue;
    Value version;
    version.Set("version", Value(gv.version));
    Value resources = Value::Array();
    for (const schema::Resource& resource : schema::Resources()) {
      if (resource.group() == gv.group && resource.version() == gv.version)
        resources.Append(AggregatedResource(resource));
    }
    version.Set("resources", std::move(resources));
    version.Set("freshness", Value("Current"));
    if (!items.items().empty() &&
        items.items().back().At({"metadata", "name"}).AsString() == gv.group) {
      items.items().back().Find("versions")->Append(std::move(version));
      continue;
    }
    Value metadata = Value::Object();
    if (!gv.group.empty()) metadata.Set("name", Value(gv.group));
    Value group;
    group.Set("metadata", std::move(metadata));
    group.Set("versions", Value::Array({std::move(version)}));
    items.Append(std::move(group));
  }
  Value out;
  out.Set("kind", Value("APIGroupDiscoveryList"));
  out.Set("apiVersion", Value("apidiscovery.k8s.io/v2"));
  out.Set("metadata", Value::Object());
  out.Set("items", std::move(items));
  return out;
}

std::string AggregatedTypeIn(std::string_view accept) {
  for (std::string_view part : base::Split(accept, ',')) {
    part = base::Trim(part);
    if (part == "application/json" || part == "*/*") return "";
    if (!part.starts_with("application/json") ||
        part.find("as=APIGroupDiscoveryList") == std::string_view::npos)
      continue;
    for (const char* version : {"v2", "v2beta1"}) {
      if (part.ends_with(std::string("v=") + version) ||
          part.find(std::string("v=") + version + ";") != std::string_view::npos)
        return std::string("application/json;g=apidiscovery.k8s.io;v=") + version +
               ";as=APIGroupDiscoveryList";
    }
  }
  return "";
}

}  // namespace keelson::api
