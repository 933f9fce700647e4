// SPDX-License-Identifier: Apache-2.0
// Services.
#include <set>

#include "lib/base/ip_address.h"
#include "lib/json/text.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

constexpr std::string_view kBalancer = "LoadBalancer";

// A port as upstream's own structure shows it.
std::string ShownPort(const Field& port) {
  return fmt::format(
      R"({{"Name":"","Protocol":{},"AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}})",
      json::Quote(port["protocol"].String()), port["port"].Int());
}

void TargetPort(const Field& target, const Field& port, Problems& problems) {
  if (target.value().IsString())
    return problems.Invalid(target, kube::CheckPortName(target.String()));
  // What is not given is the port itself.
  const Field number = target.Present() && target.Int() != 0 ? target : port;
  for (const std::string& why : kube::CheckPort(number.Int()))
    problems.Invalid(target, std::to_string(number.Int()), why);
}

void Ports(const Field& spec, Problems& problems) {
  const Field ports = spec["ports"];
  const std::string& type = spec["type"].String();
  const bool several = ports.value().items().size() > 1;
  std::set<std::string> names;
  for (const Field& port : ports.Items()) {
    const Field name = port["name"];
    if (name.String().empty()) {
      if (several) problems.Required(name);
    } else {
      const auto wrong = kube::CheckDns1123Label(name.String());
      problems.Invalid(name, wrong);
      if (wrong.empty() && !names.insert(name.String()).second) problems.Duplicate(name);
    }
    Port(port["port"], problems);
    RequiredOneOf(port["protocol"], {"SCTP", "TCP", "UDP"}, problems);
    TargetPort(port["targetPort"], port["port"], problems);
    if (port["appProtocol"].Present())
      Named(port["appProtocol"], kube::CheckQualifiedName, problems);
    if (type == "ClusterIP" && port["nodePort"].Int() != 0)
      problems.Forbidden(port["nodePort"], "may not be used when `type` is 'ClusterIP'");
  }
  std::set<std::string> claims;
  for (const Field& port : ports.Items()) {
    const std::string claim = fmt::format("{}/{}", port["protocol"].String(), port["port"].Int());
    if (!claims.insert(claim).second) problems.Duplicate(port, ShownPort(port));
  }
  std::set<std::string> nodes;
  for (const Field& port : ports.Items()) {
    if (port["nodePort"].Int() == 0) continue;
    const std::string claim =
        fmt::format("{}/{}", port["protocol"].String(), port["nodePort"].Int());
    if (!nodes.insert(claim).second) problems.Duplicate(port["nodePort"]);
  }
}

void ExternalIps(const Field& addresses, Problems& problems) {
  for (const Field& address : addresses.Items()) {
    const size_t before = problems.count();
    Ip(address, problems);
    if (problems.count() != before) continue;
    const std::string& ip = address.String();
    if (ip == "0.0.0.0" || ip == "::")
      problems.Invalid(address, "may not be unspecified (0.0.0.0 or ::)");
    if (ip.starts_with("127.") || ip == "::1")
      problems.Invalid(address, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
    if (ip.starts_with("169.254."))
      problems.Invalid(address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    if (ip.starts_with("224.0.0."))
      problems.Invalid(address,
                       "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

void OnlyOfBalancers(const Field& spec, Problems& problems) {
  if (spec["type"].String() == kBalancer) return;
  constexpr std::string_view kWhy = "may only be used when `type` is 'LoadBalancer'";
  const Field ranges = spec["loadBalancerSourceRanges"];
  if (!ranges.value().items().empty())
    problems.Forbidden(ranges.WithPath("spec.LoadBalancerSourceRanges"), kWhy);
  if (spec["allocateLoadBalancerNodePorts"].Present())
    problems.Forbidden(spec["allocateLoadBalancerNodePorts"], kWhy);
  if (spec["loadBalancerClass"].Present()) problems.Forbidden(spec["loadBalancerClass"], kWhy);
}

void Affinity(const Field& spec, Problems& problems) {
  const Field affinity = spec["sessionAffinity"];
  const Field config = spec["sessionAffinityConfig"];
  if (affinity.String().empty())
    problems.Required(affinity);
  else
    OneOf(affinity, {"ClientIP", "None"}, problems);
  const Field timeout = config["clientIP"]["timeoutSeconds"];
  if (affinity.String() == "ClientIP") {
    if (!config.Present() || !config["clientIP"].Present() || !timeout.Present())
      return problems.Required(timeout);
    if (timeout.Int() <= 0 || timeout.Int() > 86400)
      problems.Invalid(timeout, "must be greater than 0 and less than 86400");
  } else if (affinity.String() == "None" && config.Present()) {
    problems.Forbidden(config, "must not be set when session affinity is None");
  }
}

// The addresses, their families, and how the two forms of the first address agree.
void Addresses(const Field& spec, Problems& problems) {
  const Field addresses = spec["clusterIPs"];
  const std::vector<Field> items = addresses.Items();
  const std::string& first = spec["clusterIP"].String();
  if (!first.empty() && items.empty()) problems.Required(addresses);
  if (!first.empty() && !items.empty() && items[0].String() != first)
    problems.Invalid(addresses, "first value must match `clusterIP`");
  if (first.empty() && !items.empty())
    problems.Invalid(addresses, "must be empty when `clusterIP` is not specified");
  std::set<std::string> seen;
  for (const Field& family : spec["ipFamilies"].Items()) {
    OneOf(family, {"IPv4", "IPv6"}, problems);
    if (!seen.insert(family.String()).second) problems.Duplicate(family);
  }
  if (const Field policy = spec["ipFamilyPolicy"]; policy.Present())
    OneOf(policy, {"PreferDualStack", "RequireDualStack", "SingleStack"}, problems);
  bool unreadable = false;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i == 0 && items[i].String() == "None") {
      if (items.size() == 1) continue;
      problems.Invalid(addresses, "'None' must be the first and only value");
      unreadable = true;
    } else if (!kube::IsIpAddress(items[i].String())) {
      Ip(items[i], problems);
      unreadable = true;
    }
  }
  if (items.size() > 2) problems.Invalid(addresses, "may only hold up to 2 values");
  if (unreadable) return;
  if (items.size() == 2 && base::IsV6(items[0].String()) == base::IsV6(items[1].String()))
    problems.Invalid(addresses, "may specify no more than one IP for each IP family");
  const std::vector<Field> families = spec["ipFamilies"].Items();
  for (size_t i = 0; first != "None" && i < items.size() && i < families.size(); ++i) {
    const std::string& family = families[i].String();
    if ((family == "IPv4" && base::IsV6(items[i].String())) ||
        (family == "IPv6" && !base::IsV6(items[i].String())))
      problems.Invalid(
          items[i],
          fmt::format("expected an {} value as indicated by `ipFamilies[{}]`", family, i));
  }
}

}  // namespace

void Service(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field type = spec["type"];
  const bool headless = spec["clusterIP"].String() == "None";
  const bool external_name = type.String() == "ExternalName";
  if (spec["ports"].value().items().empty() && !headless && !external_name)
    problems.Required(spec["ports"]);
  if (type.String() == kBalancer) {
    for (const Field& port : spec["ports"].Items()) {
      if (port["port"].Int() == 10250)
        problems.Invalid(port, "may not expose port 10250 externally since it is used by kubelet");
    }
    if (headless)
      problems.Invalid(
          spec["clusterIPs"].Items().empty() ? spec["clusterIPs"] : spec["clusterIPs"].Items()[0],
          "may not be set to 'None' for LoadBalancer services");
  }
  if (type.String() == "NodePort" && headless)
    problems.Invalid(
        spec["clusterIPs"].Items().empty() ? spec["clusterIPs"] : spec["clusterIPs"].Items()[0],
        "may not be set to 'None' for NodePort services");
  if (external_name) {
    if (!spec["clusterIP"].String().empty())
      problems.Forbidden(spec["clusterIPs"], "may not be set when `type` is 'ExternalName'");
    const Field name = spec["externalName"];
    std::string_view plain = name.String();
    if (plain.ends_with('.')) plain.remove_suffix(1);
    if (plain.empty())
      problems.Required(name);
    else
      problems.InvalidText(name, plain, kube::CheckDns1123Subdomain(plain));
  }
  Ports(spec, problems);
  kube::ValidateLabels(spec["selector"], problems);
  Affinity(spec, problems);
  RequiredOneOf(type, {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"}, problems);
  ExternalIps(spec["externalIPs"], problems);
  OnlyOfBalancers(spec, problems);
  if (type.String() == kBalancer) {
    for (const Field& range : spec["loadBalancerSourceRanges"].Items()) {
      Cidr(range.WithPath(fmt::format("spec.LoadBalancerSourceRanges{}",
                                      range.path().substr(range.path().rfind('[')))),
           problems);
    }
    if (const Field name = spec["loadBalancerClass"]; name.Present())
      Named(name, kube::CheckQualifiedName, problems);
    if (!spec["allocateLoadBalancerNodePorts"].Present())
      problems.Required(spec["allocateLoadBalancerNodePorts"]);
  }
  const Field outside = spec["externalTrafficPolicy"];
  const bool reachable = type.String() == "NodePort" || type.String() == kBalancer ||
                         !spec["externalIPs"].value().items().empty();
  if (!outside.String().empty()) {
    if (!reachable)
      problems.Invalid(outside, "may only be set for externally-accessible services");
    else
      OneOf(outside, {"Cluster", "Local"}, problems);
  } else if (reachable && (type.String() == "NodePort" || type.String() == kBalancer)) {
    problems.Required(outside);
  }
  if (spec["healthCheckNodePort"].Int() != 0 &&
      (type.String() != kBalancer || outside.String() != "Local"))
    problems.Invalid(spec["healthCheckNodePort"],
                     "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is "
                     "'Local'");
  if (const Field inside = spec["internalTrafficPolicy"]; inside.Present())
    OneOf(inside, {"Cluster", "Local"}, problems);
  else if (type.String() == "ClusterIP" || type.String() == "NodePort" ||
           type.String() == kBalancer)
    problems.Required(inside);
  if (const Field how = spec["trafficDistribution"]; how.Present())
    OneOf(how, {"PreferClose", "PreferSameZone", "PreferSameNode"}, problems);
  if (!external_name) Addresses(spec, problems);
}

void ServiceChange(const Field& now, const Field& before, Problems& problems) {
  const Field spec = now["spec"];
  const Field old = before["spec"];
  const bool both =
      spec["type"].String() != "ExternalName" && old["type"].String() != "ExternalName";
  const Field addresses = spec["clusterIPs"];
  if (both && !old["clusterIPs"].value().items().empty() && !addresses.value().items().empty() &&
      !(addresses.value().items()[0] == old["clusterIPs"].value().items()[0]))
    problems.Invalid(addresses.Items()[0], kube::Shown(addresses.value()),
                     "may not change once set");
  if (spec["type"].String() == kBalancer && old["type"].String() == kBalancer &&
      !Same(spec["loadBalancerClass"], old["loadBalancerClass"]))
    problems.Invalid(spec["loadBalancerClass"], "may not change once set");
}

}  // namespace keelson::validation
