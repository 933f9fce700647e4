// SPDX-License-Identifier: Apache-2.0
// Services, their endpoints, and networking.k8s.io.
#include <fmt/format.h>

#include <set>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "minimal-master/table/kinds.h"
#include "minimal-master/table/text.h"

namespace keelson::table {
namespace {

using json::Value;

constexpr size_t kMostShown = 3;

std::string Name(const Value& object) { return TextAt(object, {"metadata", "name"}); }

std::vector<std::string> Ingresses(const Value& object) {
  std::set<std::string> all;
  for (const Value& item : object.At({"status", "loadBalancer", "ingress"}).items())
    all.insert(TextAtOr(item, {"ip"}, TextAt(item, {"hostname"})));
  all.erase("");
  return {all.begin(), all.end()};
}

std::string ExternalAddress(const Value& service) {
  const std::string type = TextAt(service, {"spec", "type"});
  if (type == "ExternalName") return TextAt(service, {"spec", "externalName"});
  std::vector<std::string> all;
  if (type == "LoadBalancer") all = Ingresses(service);
  for (std::string& ip : TextsAt(service, {"spec", "externalIPs"})) all.push_back(std::move(ip));
  if (all.empty()) return type == "LoadBalancer" ? "<pending>" : "<none>";
  return base::Join(all, ",");
}

std::string Ports(const Value& service) {
  std::vector<std::string> all;
  for (const Value& port : service.At({"spec", "ports"}).items()) {
    const int64_t node = NumberAt(port, {"nodePort"});
    all.push_back(fmt::format("{}{}/{}", NumberAt(port, {"port"}),
                              node > 0 ? fmt::format(":{}", node) : "",
                              TextAt(port, {"protocol"})));
  }
  return all.empty() ? "<none>" : base::Join(all, ",");
}

Row Service(const Value& object, int64_t now) {
  std::string address = TextAt(object, {"spec", "clusterIP"});
  if (const auto& all = object.At({"spec", "clusterIPs"}).items(); !all.empty())
    address = all[0].AsString();
  return RowWith(Name(object), TextAt(object, {"spec", "type"}),
                 address.empty() ? "<none>" : address, ExternalAddress(object), Ports(object),
                 Age(object, now), Labels(object.At({"spec", "selector"})));
}

Row Endpoints(const Value& object, int64_t now) {
  std::vector<std::string> all;
  for (const Value& subset : object.At({"subsets"}).items()) {
    const std::vector<Value>& ports = subset.At({"ports"}).items();
    if (ports.empty()) {
      for (const Value& address : subset.At({"addresses"}).items())
        all.push_back(TextAt(address, {"ip"}));
    }
    for (const Value& port : ports) {
      for (const Value& address : subset.At({"addresses"}).items())
        all.push_back(base::Endpoint(TextAt(address, {"ip"}), NumberAt(port, {"port"})));
    }
  }
  const bool none = object.At({"subsets"}).items().empty();
  return RowWith(Name(object), none ? "<none>" : Shortened(all, kMostShown), Age(object, now));
}

Row EndpointSlice(const Value& object, int64_t now) {
  std::vector<std::string> ports;
  for (const Value& port : object.At({"ports"}).items()) {
    const Value& number = port.At({"port"});
    ports.push_back(number.IsNumber() ? std::to_string(number.AsInt())
                                      : TextAtOr(port, {"name"}, "*"));
  }
  std::vector<std::string> addresses;
  for (const Value& endpoint : object.At({"endpoints"}).items()) {
    for (std::string& address : TextsAt(endpoint, {"addresses"}))
      addresses.push_back(std::move(address));
  }
  return RowWith(Name(object), TextAt(object, {"addressType"}),
                 ports.empty() ? "<unset>" : Shortened(ports, kMostShown),
                 addresses.empty() ? "<unset>" : Shortened(addresses, kMostShown),
                 Age(object, now));
}

Row Ingress(const Value& object, int64_t now) {
  std::vector<std::string> hosts;
  for (const Value& rule : object.At({"spec", "rules"}).items()) {
    if (std::string host = TextAt(rule, {"host"}); !host.empty()) hosts.push_back(std::move(host));
  }
  const bool tls = !object.At({"spec", "tls"}).items().empty();
  return RowWith(Name(object), TextAtOr(object, {"spec", "ingressClassName"}, "<none>"),
                 hosts.empty() ? "*" : Shortened(hosts, kMostShown),
                 base::Join(Ingresses(object), ","), tls ? "80, 443" : "80", Age(object, now));
}

Row IngressClass(const Value& object, int64_t now) {
  std::string parameters = "<none>";
  if (const Value& given = object.At({"spec", "parameters"}); given.IsObject()) {
    const std::string group = TextAt(given, {"apiGroup"});
    parameters = TextAt(given, {"kind"}) + (group.empty() ? "" : "." + group) + "/" +
                 TextAt(given, {"name"});
  }
  return RowWith(Name(object), TextAt(object, {"spec", "controller"}), parameters,
                 Age(object, now));
}

Row NetworkPolicy(const Value& object, int64_t now) {
  return RowWith(Name(object), LabelSelector(object.At({"spec", "podSelector"})), Age(object, now));
}

Row ServiceCidr(const Value& object, int64_t now) {
  return RowWith(Name(object), base::Join(TextsAt(object, {"spec", "cidrs"}), ","),
                 Age(object, now));
}

Row IpAddress(const Value& object, int64_t) {
  const Value& parent = object.At({"spec", "parentRef"});
  std::string text = TextAt(parent, {"resource"});
  for (const auto& [key, mark] :
       {std::pair{"group", "."}, std::pair{"namespace", "/"}, std::pair{"name", "/"}}) {
    if (const std::string part = TextAt(parent, {key}); !part.empty()) text += mark + part;
  }
  return RowWith(Name(object), text);
}

}  // namespace

const Printer kNetworkPrinters[] = {
    {"", "Service", Service},
    {"", "Endpoints", Endpoints},
    {"discovery.k8s.io", "EndpointSlice", EndpointSlice},
    {"networking.k8s.io", "Ingress", Ingress},
    {"networking.k8s.io", "IngressClass", IngressClass},
    {"networking.k8s.io", "NetworkPolicy", NetworkPolicy},
    {"networking.k8s.io", "ServiceCIDR", ServiceCidr},
    {"networking.k8s.io", "IPAddress", IpAddress},
    {},
};

}  // namespace keelson::table
