// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/ownservice/plan.h"

#include "lib/base/ip_address.h"
#include "minimal-master/control/objects.h"

namespace keelson::controllers::ownservice {
namespace {

using control::Write;
using json::Value;

constexpr int kServicePort = 443;

Value Named(const char* version, const char* kind, const char* ns, const char* name) {
  Value metadata;
  metadata.Set("name", Value(name));
  if (*ns != '\0') metadata.Set("namespace", Value(ns));
  Value object;
  object.Set("apiVersion", Value(version));
  object.Set("kind", Value(kind));
  object.Set("metadata", std::move(metadata));
  return object;
}

void Label(Value& object, const char* key, const char* value) {
  Value labels = object.At({"metadata", "labels"});
  labels.Set(key, Value(value));
  object.Find("metadata")->Set("labels", std::move(labels));
}

Value PortsOf(int port, bool service, int target) {
  Value out;
  out.Set("name", Value("https"));
  out.Set("protocol", Value("TCP"));
  out.Set("port", Value(port));
  if (service) out.Set("targetPort", Value(target));
  return Value::Array({std::move(out)});
}

// Creates the object, or writes it when what `change` does to the one that is there matters.
template <typename F>
void Keep(Planned& planned, const schema::Resource& resource, const std::optional<Value>& there,
          Value fresh, const F& change) {
  Value object = there ? *there : std::move(fresh);
  change(object);
  if (!there) {
    const std::string ns = object.At({"metadata", "namespace"}).AsString();
    planned.writes.push_back(control::Create(resource, ns, std::move(object)));
  } else if (!(object == *there)) {
    planned.writes.push_back(control::Update(resource, std::move(object)));
  }
}

void KeepService(Planned& planned, const Facts& facts) {
  Value fresh = Named("v1", "Service", kNamespace, kName);
  Label(fresh, "component", "apiserver");
  Label(fresh, "provider", "kubernetes");
  fresh.Set("spec", Value::Object({{"clusterIP", Value(facts.own.cluster_ip)},
                                   {"sessionAffinity", Value("None")},
                                   {"ipFamilyPolicy", Value("SingleStack")}}));
  Keep(planned, control::ResourceNamed("", "services"), facts.service, std::move(fresh),
       [&](Value& service) {
         service.Find("spec")->Set("type", Value("ClusterIP"));
         service.Find("spec")->Set("ports", PortsOf(kServicePort, true, facts.own.port));
       });
}

void KeepEndpoints(Planned& planned, const Facts& facts) {
  if (facts.own.address.empty() && !facts.endpoints) return;
  Keep(planned, control::ResourceNamed("", "endpoints"), facts.endpoints,
       Named("v1", "Endpoints", kNamespace, kName), [&](Value& endpoints) {
         Label(endpoints, "endpointslice.kubernetes.io/skip-mirror", "true");
         endpoints.Erase("subsets");
         if (facts.own.address.empty()) return;
         Value subset;
         subset.Set("addresses", Value::Array({Value::Object({{"ip", Value(facts.own.address)}})}));
         subset.Set("ports", PortsOf(facts.own.port, false, 0));
         endpoints.Set("subsets", Value::Array({std::move(subset)}));
       });
}

void KeepSlice(Planned& planned, const Facts& facts) {
  if (facts.own.address.empty() && !facts.slice) return;
  const char* family = base::IsV6(facts.own.address) ? "IPv6" : "IPv4";
  const schema::Resource& slices = control::ResourceNamed("discovery.k8s.io", "endpointslices");
  if (facts.slice && !facts.own.address.empty() &&
      facts.slice->At({"addressType"}).AsString() != family) {
    // The family of a slice is for its life: the next look makes a new one.
    planned.writes.push_back(control::Delete(slices, kNamespace, kName));
    return;
  }
  Value fresh = Named("discovery.k8s.io/v1", "EndpointSlice", kNamespace, kName);
  fresh.Set("addressType", Value(family));
  Keep(planned, slices, facts.slice, std::move(fresh), [&](Value& slice) {
    Label(slice, "kubernetes.io/service-name", kName);
    Value endpoints = Value::Array();
    if (!facts.own.address.empty()) {
      Value endpoint;
      endpoint.Set("addresses", Value::Array({Value(facts.own.address)}));
      endpoint.Set("conditions", Value::Object({{"ready", Value(true)}}));
      endpoints.Append(std::move(endpoint));
    }
    slice.Set("endpoints", std::move(endpoints));
    slice.Set("ports", PortsOf(facts.own.port, false, 0));
  });
}

void KeepCidr(Planned& planned, const Facts& facts) {
  if (facts.cidrs.empty()) return;
  const schema::Resource& resource = control::ResourceNamed("networking.k8s.io", "servicecidrs");
  if (!facts.cidr) {
    Value fresh = Named("networking.k8s.io/v1", "ServiceCIDR", "", kName);
    fresh.Find("metadata")
        ->Set("finalizers", Value::Array({Value("networking.k8s.io/service-cidr-finalizer")}));
    Value cidrs = Value::Array();
    for (const std::string& one : facts.cidrs) cidrs.Append(Value(one));
    fresh.Set("spec", Value::Object({{"cidrs", std::move(cidrs)}}));
    planned.writes.push_back(control::Create(resource, "", std::move(fresh)));
    return;
  }
  if (!facts.cidr->At({"status", "conditions"}).items().empty()) return;
  Value condition = control::Condition("Ready", "", "Kubernetes Service CIDR is ready", facts.now);
  Value changed = *facts.cidr;
  changed.Set("status", Value::Object({{"conditions", Value::Array({std::move(condition)})}}));
  planned.writes.push_back(control::Update(resource, std::move(changed), "status"));
}

void KeepAuthentication(Planned& planned, const Facts& facts) {
  if (facts.authority.empty()) return;
  Keep(planned, control::ResourceNamed("", "configmaps"), facts.authentication,
       Named("v1", "ConfigMap", "kube-system", kAuthentication), [&](Value& map) {
         Value data = map.At({"data"});
         data.Set("client-ca-file", Value(facts.authority));
         map.Set("data", std::move(data));
       });
}

}  // namespace

Planned Plan(const Facts& facts) {
  Planned planned;
  if (facts.own.cluster_ip.empty() || facts.own.port == 0) return planned;
  KeepService(planned, facts);
  KeepEndpoints(planned, facts);
  KeepSlice(planned, facts);
  KeepCidr(planned, facts);
  KeepAuthentication(planned, facts);
  return planned;
}

}  // namespace keelson::controllers::ownservice
