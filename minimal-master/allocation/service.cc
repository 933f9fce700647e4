// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/allocation/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/ip_address.h"
#include "lib/json/text.h"

namespace keelson::allocation {
namespace {

using json::Value;
using kube::Problem;
using kube::ProblemKind;

constexpr char kNone[] = "None";

Value& SpecOf(Value& service) {
  Value* spec = service.Find("spec");
  if (spec == nullptr || !spec->IsObject()) {
    service.Set("spec", Value::Object());
    spec = service.Find("spec");
  }
  return *spec;
}

std::string TypeOf(const Value& spec) { return spec.At({"type"}).AsString(); }
bool IsExternalName(const Value& spec) { return TypeOf(spec) == "ExternalName"; }
bool IsHeadless(const Value& spec) { return spec.At({"clusterIP"}).AsString() == kNone; }
bool WantsNodePorts(const Value& spec) {
  const std::string type = TypeOf(spec);
  return type == "NodePort" ||
         (type == "LoadBalancer" && (spec.At({"allocateLoadBalancerNodePorts"}).IsNull() ||
                                     spec.At({"allocateLoadBalancerNodePorts"}).AsBool()));
}
bool MayHaveNodePorts(const Value& spec) {
  return TypeOf(spec) == "NodePort" || TypeOf(spec) == "LoadBalancer";
}
bool WantsHealthPort(const Value& spec) {
  return TypeOf(spec) == "LoadBalancer" && spec.At({"externalTrafficPolicy"}).AsString() == "Local";
}

bool IsReachedFromOutside(const Value& spec) {
  return MayHaveNodePorts(spec) ||
         (TypeOf(spec) == "ClusterIP" && !spec.At({"externalIPs"}).items().empty());
}

int64_t NodePort(const Value& port) { return port.At({"nodePort"}).AsInt(); }

// Ports of nodes that were given out stay with the port they were given for.
void KeepNodePorts(Value& spec, const Value& before) {
  Value* ports = spec.Find("ports");
  if (ports == nullptr) return;
  for (Value& port : ports->items()) {
    if (NodePort(port) != 0) continue;
    for (const Value& old : before.At({"ports"}).items()) {
      if (port.At({"port"}) == old.At({"port"}) && port.At({"protocol"}) == old.At({"protocol"}) &&
          NodePort(old) != 0)
        port.Set("nodePort", Value(NodePort(old)));
    }
  }
}

void DropNodePorts(Value& spec, const Value& before) {
  Value* ports = spec.Find("ports");
  if (ports == nullptr) return;
  const auto& olds = before.At({"ports"}).items();
  for (size_t i = 0; i < ports->items().size(); ++i) {
    // One that the client changes is its own wish, which validation judges.
    if (i < olds.size() && NodePort(ports->items()[i]) == NodePort(olds[i]))
      ports->items()[i].Erase("nodePort");
  }
}

void NormalizeUpdate(Value& spec, const Value& before) {
  const bool had = !IsExternalName(before);
  const bool has = !IsExternalName(spec);
  if (had && !has &&
      (spec.At({"clusterIPs"}) == before.At({"clusterIPs"}) ||
       spec.At({"clusterIP"}).AsString().empty())) {
    for (const char* key : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"})
      spec.Erase(key);
  }
  if (had && has && spec.At({"clusterIP"}).AsString().empty() &&
      spec.At({"clusterIPs"}).items().empty()) {
    for (const char* key : {"clusterIP", "clusterIPs"}) {
      if (const Value& value = before.At({key}); !value.IsNull()) spec.Set(key, value);
    }
  }
  const auto drop = [&](const char* key, bool needed_before, bool needed) {
    if (needed_before && !needed && spec.At({key}) == before.At({key})) spec.Erase(key);
  };
  const bool was_balanced = TypeOf(before) == "LoadBalancer";
  const bool balanced = TypeOf(spec) == "LoadBalancer";
  drop("internalTrafficPolicy", had, has);
  drop("externalTrafficPolicy", IsReachedFromOutside(before), IsReachedFromOutside(spec));
  drop("allocateLoadBalancerNodePorts", was_balanced, balanced);
  drop("loadBalancerClass", was_balanced, balanced);
  if (MayHaveNodePorts(before) && MayHaveNodePorts(spec)) KeepNodePorts(spec, before);
  if (MayHaveNodePorts(before) && !MayHaveNodePorts(spec)) DropNodePorts(spec, before);
  if (WantsHealthPort(before) && WantsHealthPort(spec) &&
      spec.At({"healthCheckNodePort"}).AsInt() == 0)
    spec.Set("healthCheckNodePort", before.At({"healthCheckNodePort"}));
  if (WantsHealthPort(before) && !WantsHealthPort(spec) &&
      spec.At({"healthCheckNodePort"}) == before.At({"healthCheckNodePort"}))
    spec.Erase("healthCheckNodePort");
}

class Allocator {
 public:
  Allocator(Value& spec, const Ranges& ranges, const Taken& taken, const Random& random)
      : spec_(spec), ranges_(ranges), taken_(taken), random_(random) {}

  std::vector<Problem> Run() {
    if (!IsExternalName(spec_)) {
      GiveFamilies();
      if (problems_.empty() && !IsHeadless(spec_)) GiveAddresses();
    }
    if (problems_.empty() && MayHaveNodePorts(spec_)) GiveNodePorts();
    return std::move(problems_);
  }

 private:
  void Invalid(std::string field, std::string value, std::string why) {
    problems_.push_back({ProblemKind::kInvalid, std::move(field),
                         fmt::format("Invalid value: {}: {}", value, why), 0});
  }

  const IpRange* RangeOf(std::string_view family) const {
    for (const IpRange& range : ranges_.services) {
      if (range.family() == family) return &range;
    }
    return nullptr;
  }
  static const char* Other(std::string_view family) { return family == "IPv4" ? "IPv6" : "IPv4"; }

  void GiveFamilies() {
    std::vector<std::string> families;
    for (const Value& family : spec_.At({"ipFamilies"}).items())
      families.push_back(family.AsString());
    const auto& addresses = spec_.At({"clusterIPs"}).items();
    for (size_t i = families.size(); i < addresses.size() && addresses[i].AsString() != kNone; ++i)
      families.emplace_back(base::IsV6(addresses[i].AsString()) ? "IPv6" : "IPv4");
    std::string policy = spec_.At({"ipFamilyPolicy"}).AsString();
    if (policy == "SingleStack") {
      constexpr const char* kWhy =
          "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified";
      if (addresses.size() > 1)
        Invalid("spec.ipFamilyPolicy", json::Quote(policy),
                fmt::format(fmt::runtime(kWhy), "cluster IPs"));
      if (spec_.At({"ipFamilies"}).items().size() > 1)
        Invalid("spec.ipFamilyPolicy", json::Quote(policy),
                fmt::format(fmt::runtime(kWhy), "IP families"));
      if (!problems_.empty()) return;
    }
    if (policy.empty()) policy = "SingleStack";
    // Without a selector and without an address it is what its endpoints are.
    const bool free = IsHeadless(spec_) && spec_.At({"selector"}).members().empty();
    const bool dual = ranges_.services.size() > 1;
    if (!free) {
      if (policy == "RequireDualStack" && !dual)
        return Invalid("spec.ipFamilyPolicy", json::Quote(policy),
                       "this cluster is not configured for dual-stack services");
      for (size_t i = 0; i < families.size(); ++i) {
        if (RangeOf(families[i]) == nullptr)
          Invalid(fmt::format("spec.ipFamilies[{}]", i), json::Quote(families[i]),
                  "not configured on this cluster");
      }
      if (!problems_.empty()) return;
    }
    if (families.empty()) families.emplace_back(ranges_.services.front().family());
    if (families.size() == 1 && policy != "SingleStack" && (dual || free))
      families.emplace_back(Other(families[0]));
    Value list = Value::Array();
    for (const std::string& family : families) list.Append(Value(family));
    spec_.Set("ipFamilies", std::move(list));
    spec_.Set("ipFamilyPolicy", Value(policy));
  }

  bool IsTaken(const std::string& address) const {
    return taken_.addresses.contains(address) || own_.contains(address);
  }

  void GiveAddresses() {
    const Value families = spec_.At({"ipFamilies"});
    std::vector<Value> addresses = spec_.At({"clusterIPs"}).items();
    const Value asked = spec_.At({"clusterIPs"});
    for (size_t i = 0; i < families.items().size(); ++i) {
      const IpRange* range = RangeOf(families.items()[i].AsString());
      if (range == nullptr) return;
      if (i < addresses.size()) {
        const std::string address = addresses[i].AsString();
        const std::string canonical = CanonicalAddress(address).value_or(address);
        if (!range->Contains(canonical))
          return Refuse(asked, address, "the provided network does not match the current range");
        if (IsTaken(canonical)) return Refuse(asked, address, "provided IP is already allocated");
        own_.insert(canonical);
        continue;
      }
      const std::optional<std::string> address =
          range->Pick([&](const std::string& one) { return IsTaken(one); }, random_);
      if (!address) {
        problems_.push_back({ProblemKind::kUnknown, "spec.clusterIPs",
                             "Internal error: failed to allocate a serviceIP: range is full", 0});
        return;
      }
      own_.insert(*address);
      addresses.emplace_back(*address);
    }
    if (addresses.empty()) return;
    spec_.Set("clusterIP", addresses[0]);
    spec_.Set("clusterIPs", Value::Array(std::move(addresses)));
  }
  void Refuse(const Value& asked, const std::string& address, const char* why) {
    Invalid("spec.clusterIPs", json::WriteJson(asked),
            fmt::format("failed to allocate IP {}: {}", address, why));
  }

  std::optional<int64_t> PickPort() const {
    const auto count = static_cast<uint64_t>(ranges_.last_port - ranges_.first_port + 1);
    const uint64_t start = random_(count);
    for (uint64_t i = 0; i < count; ++i) {
      const int64_t port = ranges_.first_port + static_cast<int64_t>((start + i) % count);
      if (!taken_.ports.contains(port) && !ports_.contains(port)) return port;
    }
    return std::nullopt;
  }
  void CheckPort(int64_t port, const std::string& field) {
    if (port < ranges_.first_port || port > ranges_.last_port)
      return Invalid(
          field, std::to_string(port),
          fmt::format("provided port is not in the valid range. The range of valid ports "
                      "is {}-{}",
                      ranges_.first_port, ranges_.last_port));
    if (taken_.ports.contains(port))
      return Invalid(field, std::to_string(port), "provided port is already allocated");
    ports_.insert(port);
  }

  void GiveNodePorts() {
    Value* list = spec_.Find("ports");
    if (list == nullptr) return;
    std::vector<Value>& ports = list->items();
    for (size_t i = 0; i < ports.size(); ++i) {
      if (NodePort(ports[i]) != 0)
        CheckPort(NodePort(ports[i]), fmt::format("spec.ports[{}].nodePort", i));
    }
    if (!problems_.empty()) return;
    for (size_t i = 0; i < ports.size(); ++i) {
      if (NodePort(ports[i]) != 0 || !WantsNodePorts(spec_)) continue;
      // The same port of two protocols is reached at one port of the nodes.
      for (size_t j = 0; j < i; ++j) {
        if (ports[j].At({"port"}) == ports[i].At({"port"}) &&
            !(ports[j].At({"protocol"}) == ports[i].At({"protocol"})))
          ports[i].Set("nodePort", Value(NodePort(ports[j])));
      }
      if (NodePort(ports[i]) == 0) Give(ports[i], "nodePort");
    }
    if (!WantsHealthPort(spec_)) return;
    if (const int64_t port = spec_.At({"healthCheckNodePort"}).AsInt(); port != 0)
      CheckPort(port, "spec.healthCheckNodePort");
    else
      Give(spec_, "healthCheckNodePort");
  }
  void Give(Value& holder, const char* key) {
    const std::optional<int64_t> port = PickPort();
    if (!port) {
      problems_.push_back({ProblemKind::kUnknown, "spec.ports",
                           "Internal error: failed to allocate a nodePort: range is full", 0});
      return;
    }
    ports_.insert(*port);
    holder.Set(key, Value(*port));
  }

  Value& spec_;
  const Ranges& ranges_;
  const Taken& taken_;
  const Random& random_;
  std::vector<Problem> problems_;
  std::set<std::string> own_;
  std::set<int64_t> ports_;
};

}  // namespace

void Taken::Add(const Value& service) {
  const Value& spec = service.At({"spec"});
  for (const Value& address : spec.At({"clusterIPs"}).items()) {
    if (const auto canonical = CanonicalAddress(address.AsString())) addresses.insert(*canonical);
  }
  for (const Value& port : spec.At({"ports"}).items()) {
    if (NodePort(port) != 0) ports.insert(NodePort(port));
  }
  if (const int64_t port = spec.At({"healthCheckNodePort"}).AsInt(); port != 0) ports.insert(port);
}

void Normalize(Value& service, const Value* old) {
  Value& spec = SpecOf(service);
  if (old != nullptr) NormalizeUpdate(spec, old->At({"spec"}));
  const std::string one = spec.At({"clusterIP"}).AsString();
  if (!one.empty() && spec.At({"clusterIPs"}).items().empty())
    spec.Set("clusterIPs", Value::Array({Value(one)}));
  if (old == nullptr) return;
  // Whoever changes only the older form means both.
  const auto& all = spec.At({"clusterIPs"}).items();
  const Value& before = old->At({"spec"});
  if (!one.empty() && !all.empty() && all[0].AsString() != one &&
      spec.At({"clusterIPs"}) == before.At({"clusterIPs"}))
    spec.Set("clusterIPs", Value::Array({Value(one)}));
}

std::vector<Problem> Allocate(Value& service, const Ranges& ranges, const Taken& taken,
                              const Random& random) {
  return Allocator(SpecOf(service), ranges, taken, random).Run();
}

}  // namespace keelson::allocation
