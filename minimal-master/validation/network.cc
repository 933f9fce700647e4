// SPDX-License-Identifier: Apache-2.0
// Endpoints, ingresses and network policies.
#include <set>

#include "lib/base/ip_address.h"
#include "lib/json/text.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

void EndpointAddress(const Field& address, Problems& problems) {
  Ip(address["ip"], problems);
  // Upstream looks twice: which addresses are special is asked of what is none.
  if (!kube::IsIpAddress(address["ip"].String()))
    problems.InvalidText(address["ip"], address["ip"].String(), "must be a valid IP address");
  const std::string& ip = address["ip"].String();
  if (ip == "0.0.0.0" || ip == "::")
    problems.Invalid(address["ip"], "may not be unspecified (0.0.0.0 or ::)");
  if (ip.starts_with("127.") || ip == "::1")
    problems.Invalid(address["ip"], "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (ip.starts_with("169.254."))
    problems.Invalid(address["ip"],
                     "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (ip.starts_with("224.0.0."))
    problems.Invalid(address["ip"],
                     "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  if (!address["hostname"].String().empty())
    Named(address["hostname"], kube::CheckDns1123Label, problems);
  if (address["nodeName"].Present())
    Named(address["nodeName"], kube::CheckDns1123Subdomain, problems);
}

void Backend(const Field& backend, Problems& problems) {
  const Field service = backend["service"];
  const Field resource = backend["resource"];
  if (service.Present() && resource.Present())
    return problems.InvalidText(backend, "", "cannot set both resource and service backends");
  if (resource.Present()) {
    Required(resource["kind"], problems);
    Required(resource["name"], problems);
    return;
  }
  if (!service.Present())
    return problems.InvalidText(backend, "", "resource or service backend is required");
  if (service["name"].String().empty())
    problems.Required(service["name"]);
  else
    Named(service["name"], kube::CheckDns1035Label, problems);
  const Field name = service["port"]["name"];
  const Field number = service["port"]["number"];
  const bool named = !name.String().empty();
  const bool numbered = number.Int() != 0;
  if (named && numbered) {
    problems.InvalidText(backend, "", "cannot set both port name & port number");
  } else if (named) {
    Named(name, kube::CheckPortName, problems);
  } else if (numbered) {
    Port(number, problems);
  } else {
    problems.Required(backend, "port name or number is required");
  }
}

void HttpPath(const Field& path, Problems& problems) {
  const Field type = path["pathType"];
  const Field text = path["path"];
  if (!type.Present() || type.String().empty()) {
    problems.Required(type, "pathType must be specified");
  } else if (type.String() == "Exact" || type.String() == "Prefix") {
    if (!text.String().starts_with('/'))
      problems.InvalidText(text, text.String(), "must be an absolute path");
    for (const char* bad : {"//", "/./", "/../", "%2f", "%2F"}) {
      if (text.String().find(bad) != std::string::npos)
        problems.Invalid(text, fmt::format("must not contain '{}'", bad));
    }
    for (const char* bad : {"/..", "/."}) {
      if (text.String().ends_with(bad))
        problems.Invalid(text, fmt::format("cannot end with '{}'", bad));
    }
  } else if (type.String() == "ImplementationSpecific") {
    if (!text.String().empty() && !text.String().starts_with('/'))
      problems.InvalidText(text, text.String(), "must be an absolute path");
  } else {
    OneOf(type, {"Exact", "ImplementationSpecific", "Prefix"}, problems);
  }
  Backend(path["backend"], problems);
}

void HostName(const Field& host, Problems& problems) {
  if (host.String().empty()) return;
  if (kube::IsIpAddress(host.String()))
    return problems.Invalid(host, "must be a DNS name, not an IP address");
  if (host.String().find('*') == std::string::npos)
    return Named(host, kube::CheckDns1123Subdomain, problems);
  if (!host.String().starts_with("*.") ||
      !kube::CheckDns1123Subdomain(std::string_view(host.String()).substr(2)).empty())
    problems.Invalid(host,
                     "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
                     "subdomain, which must consist of lower case alphanumeric characters, '-' or "
                     "'.' and end with an alphanumeric character (e.g. '*.example.com', regex used "
                     "for validation is "
                     "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
}

void PolicyPort(const Field& port, Problems& problems) {
  if (port["protocol"].Present()) OneOf(port["protocol"], {"TCP", "UDP", "SCTP"}, problems);
  const Field number = port["port"];
  const Field end = port["endPort"];
  if (!number.Present()) {
    if (end.Present()) problems.Required(number, "must be specified when `endPort` is specified");
    return;
  }
  if (number.value().IsString()) {
    if (end.Present()) problems.Invalid(end, "may not be specified when `port` is non-numeric");
    return problems.Invalid(number, kube::CheckPortName(number.String()));
  }
  Port(number, problems);
  if (!end.Present()) return;
  if (end.Int() < number.Int()) problems.Invalid(end, "must be greater than or equal to `port`");
  Port(end, problems);
}

void Peer(const Field& peer, Problems& problems) {
  int kinds = 0;
  for (const char* selector : {"podSelector", "namespaceSelector"}) {
    if (!peer[selector].Present()) continue;
    ++kinds;
    kube::ValidateLabelSelector(peer[selector], problems);
  }
  const Field block = peer["ipBlock"];
  if (block.Present()) {
    ++kinds;
    if (block["cidr"].String().empty()) {
      problems.Required(block["cidr"]);
    } else {
      Cidr(block["cidr"], problems);
      for (const Field& except : block["except"].Items()) Cidr(except, problems);
    }
    if (kinds > 1) problems.Forbidden(peer, "may not specify both ipBlock and another peer");
  }
  if (kinds == 0) problems.Required(peer, "must specify a peer");
}

}  // namespace

void Endpoints(const Field& object, Problems& problems) {
  for (const Field& subset : object["subsets"].Items()) {
    const Field ready = subset["addresses"];
    const Field others = subset["notReadyAddresses"];
    if (ready.value().items().empty() && others.value().items().empty())
      problems.Required(subset, "must specify `addresses` or `notReadyAddresses`");
    for (const Field& address : ready.Items()) EndpointAddress(address, problems);
    for (const Field& address : others.Items()) EndpointAddress(address, problems);
    const Field ports = subset["ports"];
    for (const Field& port : ports.Items()) {
      const Field name = port["name"];
      if (name.String().empty()) {
        if (ports.value().items().size() > 1) problems.Required(name);
      } else {
        Named(name, kube::CheckDns1123Label, problems);
      }
      Port(port["port"], problems);
      RequiredOneOf(port["protocol"], {"TCP", "UDP", "SCTP"}, problems);
    }
  }
}

void EndpointSlice(const Field& object, Problems& problems) {
  const Field type = object["addressType"];
  const Field endpoints = object["endpoints"];
  if (endpoints.value().items().size() > 1000)
    problems.TooMany(endpoints, endpoints.value().items().size(), 1000);
  for (const Field& endpoint : endpoints.Items()) {
    const Field addresses = endpoint["addresses"];
    const size_t count = addresses.value().items().size();
    if (count == 0) problems.Required(addresses, "must contain at least 1 address");
    if (count > 100) problems.TooMany(addresses, count, 100);
    for (const Field& address : addresses.Items()) {
      if (type.String() == "FQDN") {
        Named(address, kube::CheckDns1123Subdomain, problems);
      } else if (type.String() == "IPv4" || type.String() == "IPv6") {
        Ip(address, problems);
        if (kube::IsIpAddress(address.String()) &&
            base::IsV6(address.String()) != (type.String() == "IPv6"))
          problems.Invalid(address, fmt::format("must be an {} address", type.String()));
      }
    }
    if (const Field node = endpoint["nodeName"]; node.Present())
      Named(node, kube::CheckDns1123Subdomain, problems);
    if (const Field host = endpoint["hostname"]; host.Present())
      Named(host, kube::CheckDns1123Label, problems);
    kube::ValidateLabels(endpoint["deprecatedTopology"], problems);
  }
  std::set<std::string> names;
  const Field ports = object["ports"];
  if (ports.value().items().size() > 20000)
    problems.TooMany(ports, ports.value().items().size(), 20000);
  for (const Field& port : ports.Items()) {
    const Field name = port["name"];
    if (!name.String().empty()) Named(name, kube::CheckDns1123Label, problems);
    if (!names.insert(name.String()).second) problems.Duplicate(name, json::Quote(name.String()));
    if (port["port"].Present()) Port(port["port"], problems);
    RequiredOneOf(port["protocol"], {"TCP", "UDP", "SCTP"}, problems);
    if (port["appProtocol"].Present())
      Named(port["appProtocol"], kube::CheckQualifiedName, problems);
  }
  RequiredOneOf(type, {"FQDN", "IPv4", "IPv6"}, problems);
}

void EndpointSliceChange(const Field& now, const Field& before, Problems& problems) {
  Immutable(now["addressType"], before["addressType"], problems);
}

void Ingress(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field rules = spec["rules"];
  const Field fallback = spec["defaultBackend"];
  if (rules.value().items().empty() && !fallback.Present())
    problems.Invalid(spec, kube::Shown(rules.value()),
                     "either `defaultBackend` or `rules` must be specified");
  if (fallback.Present()) Backend(fallback, problems);
  for (const Field& rule : rules.Items()) {
    HostName(rule["host"], problems);
    if (!rule["http"].Present()) continue;
    const Field paths = rule["http"]["paths"];
    if (paths.value().items().empty()) problems.Required(paths);
    for (const Field& path : paths.Items()) HttpPath(path, problems);
  }
  for (const Field& tls : spec["tls"].Items()) {
    for (const Field& host : tls["hosts"].Items()) HostName(host, problems);
    if (const Field secret = tls["secretName"]; !secret.String().empty())
      Named(secret, kube::CheckDns1123Subdomain, problems);
  }
  if (const Field name = spec["ingressClassName"]; name.Present())
    Named(name, kube::CheckDns1123Subdomain, problems);
}

void IngressClassChange(const Field& now, const Field& before, Problems& problems) {
  Immutable(now["spec"]["controller"], before["spec"]["controller"], problems);
}

void IngressClass(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field controller = spec["controller"];
  if (controller.String().empty()) {
    problems.Required(controller);
  } else if (controller.String().size() > 250) {
    problems.TooLong(controller, 250);
  } else if (controller.String().find('/') == std::string::npos) {
    problems.Invalid(controller, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  } else {
    Named(controller, kube::CheckQualifiedName, problems);
  }
  const Field parameters = spec["parameters"];
  if (!parameters.Present()) return;
  Required(parameters["kind"], problems, "kind is required");
  Required(parameters["name"], problems, "name is required");
  const Field scope = parameters["scope"];
  if (!scope.Present())
    problems.Required(scope);
  else
    OneOf(scope, {"Cluster", "Namespace"}, problems);
  const Field space = parameters["namespace"];
  if (scope.String() == "Namespace") {
    if (!space.Present()) problems.Required(space, "`parameters.scope` is set to 'Namespace'");
  } else if (scope.String() == "Cluster" && space.Present()) {
    problems.Forbidden(space, "`parameters.scope` is set to 'Cluster'");
  }
}

void NetworkPolicy(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  kube::ValidateLabelSelector(spec["podSelector"], problems);
  for (const auto& [direction, peers] : {std::pair{"ingress", "from"}, std::pair{"egress", "to"}}) {
    for (const Field& rule : spec[direction].Items()) {
      for (const Field& port : rule["ports"].Items()) PolicyPort(port, problems);
      for (const Field& peer : rule[peers].Items()) Peer(peer, problems);
    }
  }
  const Field types = spec["policyTypes"];
  if (types.value().items().size() > 2)
    return problems.Invalid(types, "may not specify more than two policyTypes");
  for (const Field& type : types.Items()) OneOf(type, {"Ingress", "Egress"}, problems);
}

void NetworkPolicyChange(const Field& now, const Field&, Problems& problems) {
  NetworkPolicy(now, problems);  // upstream asks twice
}

}  // namespace keelson::validation
