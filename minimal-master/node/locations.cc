// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/node/locations.h"

#include <fmt/format.h>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/kube/node.h"
#include "minimal-master/node/log_options.h"

namespace keelson::node {
namespace {

using auth::Attributes;
using json::Value;
using Found = status::Or<Location>;

// "scheme:name:port", "name:port", "name".
struct Name {
  std::string scheme;
  std::string name;
  std::string port;
  bool valid = false;
};
Name SplitName(const std::string& id) {
  const std::vector<std::string_view> parts = base::Split(std::string_view(id), ':');
  Name out;
  if (parts.size() == 1) out.name = parts[0];
  if (parts.size() == 2) out = {"", std::string(parts[0]), std::string(parts[1]), false};
  if (parts.size() == 3)
    out = {std::string(parts[0]), std::string(parts[1]), std::string(parts[2]), false};
  out.valid =
      !out.name.empty() && (out.scheme.empty() || out.scheme == "http" || out.scheme == "https");
  return out;
}

// Of what the request names, whatever was missing: upstream tells it so.
status::Failure NotThere(const Attributes& attributes, const std::string& name) {
  return status::NotFound({attributes.group, attributes.resource}, name);
}

status::Or<Location> Kubelet(const Attributes& attributes, const std::string& node,
                             const World& world) {
  const Value object = world.find("/registry/minions/" + node);
  if (object.IsNull()) return NotThere(attributes, node);
  Location location;
  location.kubelet = location.tls = true;
  const kube::KubeletPlace place = kube::KubeletPlaceOf(object);
  location.host = place.host;
  location.port = std::to_string(place.port);
  if (location.host.empty()) {
    std::string known;
    for (const Value& address : object.At({"status", "addresses"}).items())
      known += fmt::format("{}{{{} {}}}", known.empty() ? "" : " ", address.At({"type"}).AsString(),
                           address.At({"address"}).AsString());
    status::Failure failure;
    failure.message = fmt::format("no preferred addresses found; known addresses: [{}]", known);
    return failure;
  }
  return location;
}

status::Or<std::string> ContainerOf(const Value& pod, const std::string& asked) {
  const std::string& name = pod.At({"metadata", "name"}).AsString();
  std::vector<std::string> names;
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    for (const Value& container : pod.At({"spec", list}).items())
      names.push_back(container.At({"name"}).AsString());
  }
  if (!asked.empty()) {
    for (const std::string& one : names)
      if (one == asked) return asked;
    return status::BadRequest(fmt::format("container {} is not valid for pod {}", asked, name));
  }
  const auto& containers = pod.At({"spec", "containers"}).items();
  if (containers.size() == 1) return containers[0].At({"name"}).AsString();
  if (containers.empty())
    return status::BadRequest(fmt::format("a container name must be specified for pod {}", name));
  return status::BadRequest(
      fmt::format("a container name must be specified for pod {}, choose one of: [{}]", name,
                  base::Join(names, " ")));
}

std::string PodKey(const Attributes& attributes, std::string_view name) {
  return fmt::format("/registry/pods/{}/{}", attributes.ns, name);
}

Found OfLog(const Attributes& attributes, const service::Request& request, const World& world) {
  const status::Or<LogOptions> options = ReadLogOptions(request.query, attributes.name);
  if (!options.ok()) return options.failure();
  const Value pod = world.find(PodKey(attributes, attributes.name));
  if (pod.IsNull()) return NotThere(attributes, attributes.name);
  const status::Or<std::string> container = ContainerOf(pod, options->container);
  if (!container.ok()) return container.failure();
  const std::string& node = pod.At({"spec", "nodeName"}).AsString();
  if (node.empty()) return Location{};
  Found location = Kubelet(attributes, node, world);
  if (!location.ok()) return location;
  location->kind = Location::Kind::kLog;
  const std::string query = QueryOf(*options);
  location->target = fmt::format("/containerLogs/{}/{}/{}{}{}", attributes.ns, attributes.name,
                                 *container, query.empty() ? "" : "?", query);
  return location;
}

Found OfStream(const Attributes& attributes, const service::Request& request, const World& world) {
  const Value pod = world.find(PodKey(attributes, attributes.name));
  if (pod.IsNull()) return NotThere(attributes, attributes.name);
  const service::Fields& query = request.query;
  const std::string& sub = attributes.subresource;
  service::Fields fields;
  std::string path = fmt::format("/portForward/{}/{}", attributes.ns, attributes.name);
  if (sub == "portforward") {
    std::vector<std::string> ports;
    for (const auto& [name, value] : query)
      if (name == "ports") ports.push_back(value);
    if (!ports.empty()) fields.emplace_back("port", base::Join(ports, ","));
  } else {
    const std::string* asked = service::FindField(query, "container");
    const status::Or<std::string> container = ContainerOf(pod, asked == nullptr ? "" : *asked);
    if (!container.ok()) return container.failure();
    path = fmt::format("/{}/{}/{}/{}", sub, attributes.ns, attributes.name, *container);
    for (const auto& [flag, name] : {std::pair("stdin", "input"), std::pair("stdout", "output"),
                                     std::pair("stderr", "error"), std::pair("tty", "tty")})
      if (Flag(query, flag)) fields.emplace_back(name, "1");
    for (const auto& [name, value] : query)
      if (name == "command" && sub == "exec") fields.emplace_back(name, value);
  }
  const std::string& node = pod.At({"spec", "nodeName"}).AsString();
  if (node.empty())
    return status::BadRequest(fmt::format("pod {} does not have a host assigned", attributes.name));
  Found location = Kubelet(attributes, node, world);
  if (!location.ok()) return location;
  location->kind = Location::Kind::kStream;
  const std::string encoded = EncodeQuery(std::move(fields));
  location->target = fmt::format("{}{}{}", path, encoded.empty() ? "" : "?", encoded);
  return location;
}

// What follows ".../proxy" as it was sent, and the query.
std::string Rest(const Attributes& attributes, const service::Request& request) {
  std::string_view path = request.raw_path();
  for (int segments = attributes.ns.empty() ? 5 : 7; segments > 0; --segments) {
    const size_t next = path.find('/', 1);
    path = next == std::string_view::npos ? std::string_view() : path.substr(next);
  }
  const std::string_view query = request.raw_query();
  return fmt::format("{}{}{}", path, query.empty() ? "" : "?", query);
}

Found OfPod(const Attributes& attributes, const World& world) {
  const Name name = SplitName(attributes.name);
  if (!name.valid)
    return status::BadRequest(fmt::format("invalid pod request \"{}\"", attributes.name));
  const Value pod = world.find(PodKey(attributes, name.name));
  if (pod.IsNull()) return NotThere(attributes, name.name);
  Location location;
  location.tls = name.scheme == "https";
  location.port = name.port;
  for (const Value& container : pod.At({"spec", "containers"}).items()) {
    const auto& ports = container.At({"ports"}).items();
    if (location.port.empty() && !ports.empty())
      location.port = std::to_string(ports[0].At({"containerPort"}).AsInt());
  }
  if (location.port.empty()) location.port = location.tls ? "443" : "80";
  const auto& addresses = pod.At({"status", "podIPs"}).items();
  location.host = addresses.empty() ? "" : addresses[0].At({"ip"}).AsString();
  if (!world.may_proxy(location.host)) return status::BadRequest("address not allowed");
  return location;
}

Found OfNode(const Attributes& attributes, const World& world) {
  const Name name = SplitName(attributes.name);
  if (!name.valid)
    return status::BadRequest(fmt::format("invalid node request \"{}\"", attributes.name));
  Found location = Kubelet(attributes, name.name, world);
  if (!location.ok()) return location;
  if (!world.may_proxy(location->host)) return status::BadRequest("address not allowed");
  if (name.port.empty() || name.port == location->port) return location;
  location->kubelet = false;
  location->tls = name.scheme == "https";
  location->port = name.port;
  return location;
}

// Only endpoints that are pods: else whoever may write endpoints could ask anybody in our place.
bool IsPod(const Attributes& attributes, const Value& address, const World& world) {
  const Value& target = address.At({"targetRef"});
  if (target.IsNull() || target.At({"namespace"}).AsString() != attributes.ns) return false;
  const Value pod = world.find(PodKey(attributes, target.At({"name"}).AsString()));
  for (const Value& one : pod.At({"status", "podIPs"}).items())
    if (one.At({"ip"}).AsString() == address.At({"ip"}).AsString()) return true;
  return false;
}

Found OfService(const Attributes& attributes, const World& world) {
  const Name name = SplitName(attributes.name);
  if (!name.valid)
    return status::BadRequest(fmt::format("invalid service request \"{}\"", attributes.name));
  std::string port = name.port;
  if (const auto number = base::ParseInt64(port)) {
    const Value service =
        world.find(fmt::format("/registry/services/specs/{}/{}", attributes.ns, name.name));
    if (service.IsNull()) return NotThere(attributes, name.name);
    bool found = false;
    for (const Value& one : service.At({"spec", "ports"}).items()) {
      if (found || one.At({"port"}).AsInt() != *number) continue;
      port = one.At({"name"}).AsString();
      found = true;
    }
    if (!found)
      return status::Unavailable(
          fmt::format("no service port {} found for service \"{}\"", *number, name.name));
  }
  const Value endpoints =
      world.find(fmt::format("/registry/services/endpoints/{}/{}", attributes.ns, name.name));
  if (endpoints.IsNull()) return NotThere(attributes, name.name);
  const auto& subsets = endpoints.At({"subsets"}).items();
  if (subsets.empty())
    return status::Unavailable(fmt::format("no endpoints available for service \"{}\"", name.name));
  const size_t first = world.choose(subsets.size());
  for (size_t s = 0; s < subsets.size(); ++s) {
    const Value& subset = subsets[(first + s) % subsets.size()];
    const auto& addresses = subset.At({"addresses"}).items();
    for (const Value& one : subset.At({"ports"}).items()) {
      if (addresses.empty() || one.At({"name"}).AsString() != port) continue;
      const size_t begin = world.choose(addresses.size());
      for (size_t a = 0; a < addresses.size(); ++a) {
        const Value& address = addresses[(begin + a) % addresses.size()];
        if (!IsPod(attributes, address, world)) continue;
        Location location;
        location.tls = name.scheme == "https";
        location.host = address.At({"ip"}).AsString();
        location.port = std::to_string(one.At({"port"}).AsInt());
        return location;
      }
    }
  }
  return status::Unavailable(
      fmt::format("no endpoints available for service \"{}\"", attributes.name));
}

}  // namespace

bool IsOfNodes(const Attributes& attributes) {
  if (!attributes.is_resource || !attributes.group.empty()) return false;
  const std::string& sub = attributes.subresource;
  if (sub == "proxy")
    return attributes.resource == "pods" || attributes.resource == "services" ||
           attributes.resource == "nodes";
  return attributes.resource == "pods" &&
         (sub == "log" || sub == "exec" || sub == "attach" || sub == "portforward");
}

bool IsGlobalUnicast(const std::string& address) {
  const std::optional<base::IpAddress> read = base::IpAddress::Parse(address);
  return read && read->IsGlobalUnicast();
}

Found Locate(const Attributes& attributes, const service::Request& request, const World& world) {
  if (attributes.subresource == "log") return OfLog(attributes, request, world);
  if (attributes.subresource != "proxy") return OfStream(attributes, request, world);
  Found location = attributes.resource == "pods"    ? OfPod(attributes, world)
                   : attributes.resource == "nodes" ? OfNode(attributes, world)
                                                    : OfService(attributes, world);
  if (!location.ok()) return location;
  location->kind = Location::Kind::kProxy;
  location->target = Rest(attributes, request);
  return location;
}

}  // namespace keelson::node
