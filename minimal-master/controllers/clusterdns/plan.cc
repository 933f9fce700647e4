// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/clusterdns/plan.h"

#include <algorithm>

#include "lib/base/ip_address.h"

namespace keelson::controllers::clusterdns {
namespace {

using control::Write;
using json::Value;

constexpr int kPort = 53;
constexpr size_t kMost = 1000;  // endpoints of a slice
constexpr char kManager[] = "app.kubernetes.io/managed-by";
constexpr char kUs[] = "keelson";
constexpr char kSliceManager[] = "endpointslice.kubernetes.io/managed-by";

Value PortsOf(bool service) {
  Value ports = Value::Array();
  for (const bool udp : {true, false}) {
    Value port;
    port.Set("name", Value(udp ? "dns" : "dns-tcp"));
    port.Set("protocol", Value(udp ? "UDP" : "TCP"));
    port.Set("port", Value(kPort));
    if (service) port.Set("targetPort", Value(kPort));
    ports.Append(std::move(port));
  }
  return ports;
}

Value Named(const char* version, const char* kind, const char* name, Value labels) {
  return Value::Object({{"apiVersion", Value(version)},
                        {"kind", Value(kind)},
                        {"metadata", Value::Object({{"name", Value(name)},
                                                    {"namespace", Value(kNamespace)},
                                                    {"labels", std::move(labels)}})}});
}

Value FreshService(const std::string& address) {
  Value labels = Value::Object({{"k8s-app", Value(kName)},
                                {"kubernetes.io/cluster-service", Value("true")},
                                {"kubernetes.io/name", Value("KubeDNS")},
                                {kManager, Value(kUs)}});
  Value service = Named("v1", "Service", kName, std::move(labels));
  service.Set("spec", Value::Object({{"clusterIP", Value(address)},
                                     {"type", Value("ClusterIP")},
                                     {"ipFamilyPolicy", Value("SingleStack")},
                                     {"ports", PortsOf(true)}}));
  return service;
}

Value FreshSlice(bool v6) {
  Value labels = Value::Object({{"kubernetes.io/service-name", Value(kName)},
                                {kSliceManager, Value("cluster-dns-controller")},
                                {kManager, Value(kUs)}});
  Value slice = Named("discovery.k8s.io/v1", "EndpointSlice", kSlice, std::move(labels));
  slice.Set("addressType", Value(v6 ? "IPv6" : "IPv4"));
  return slice;
}

Value EndpointsOf(std::vector<Server> servers) {
  std::sort(servers.begin(), servers.end(),
            [](const Server& a, const Server& b) { return a.node < b.node; });
  if (servers.size() > kMost) servers.resize(kMost);
  Value out = Value::Array();
  for (const Server& server : servers) {
    Value endpoint;
    endpoint.Set("addresses", Value::Array({Value(server.address)}));
    endpoint.Set("conditions", Value::Object({{"ready", Value(server.ready)},
                                              {"serving", Value(server.ready)},
                                              {"terminating", Value(false)}}));
    endpoint.Set("nodeName", Value(server.node));
    if (!server.zone.empty()) endpoint.Set("zone", Value(server.zone));
    out.Append(std::move(endpoint));
  }
  return out;
}

void Keep(Planned& planned, const schema::Resource& resource, const std::optional<Value>& there,
          Value wanted) {
  if (!there)
    planned.writes.push_back(control::Create(resource, kNamespace, std::move(wanted)));
  else if (!(wanted == *there))
    planned.writes.push_back(control::Update(resource, std::move(wanted)));
}

}  // namespace

std::optional<Server> ReadServer(const Value& node, bool v6) {
  if (node.At({"metadata", "labels", kLabel}).AsString() != "true") return std::nullopt;
  Server server;
  server.node = node.At({"metadata", "name"}).AsString();
  server.zone = node.At({"metadata", "labels", "topology.kubernetes.io/zone"}).AsString();
  for (const Value& one : node.At({"status", "addresses"}).items()) {
    const std::string& address = one.At({"address"}).AsString();
    if (!server.address.empty() || one.At({"type"}).AsString() != "InternalIP") continue;
    if (base::IsV6(address) == v6) server.address = address;
  }
  for (const Value& one : node.At({"status", "conditions"}).items())
    if (one.At({"type"}).AsString() == "Ready")
      server.ready = one.At({"status"}).AsString() == "True";
  if (server.address.empty()) return std::nullopt;
  return server;
}

Planned Plan(Facts facts) {
  Planned planned;
  const schema::Resource& services = control::ResourceNamed("", "services");
  const schema::Resource& slices = control::ResourceNamed("discovery.k8s.io", "endpointslices");
  if (!facts.service && facts.servers.empty()) return planned;
  if (facts.service && facts.service->At({"metadata", "labels", kManager}).AsString() != kUs) {
    // Somebody else's: our nodes must not be among its endpoints.
    if (facts.slice) planned.writes.push_back(control::Delete(slices, kNamespace, kSlice));
    return planned;
  }
  Value service = facts.service ? *facts.service : FreshService(facts.address);
  service.Find("spec")->Set("ports", PortsOf(true));
  Keep(planned, services, facts.service, std::move(service));
  const bool v6 = base::IsV6(facts.address);
  Value slice = facts.slice ? *facts.slice : FreshSlice(v6);
  slice.Set("endpoints", EndpointsOf(std::move(facts.servers)));
  slice.Set("ports", PortsOf(false));
  Keep(planned, slices, facts.slice, std::move(slice));
  return planned;
}

}  // namespace keelson::controllers::clusterdns
