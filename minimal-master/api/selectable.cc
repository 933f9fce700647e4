// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/selectable.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace keelson::api {
namespace {

using json::Value;

template <size_t N>
struct Literal {
  constexpr Literal(const char (&text)[N]) {  // NOLINT(google-explicit-constructor)
    std::copy_n(text, N, value);
  }
  char value[N];
};

template <Literal A, Literal B>
const Value& Under(const Value& object) {
  return object.At({A.value, B.value});
}
template <Literal A, Literal B>
std::string Text(const Value& object) {
  return Under<A, B>(object).AsString();
}
template <Literal A, Literal B>
std::string Number(const Value& object) {
  return std::to_string(Under<A, B>(object).AsInt());
}
template <Literal A, Literal B>
std::string Truth(const Value& object) {
  return Under<A, B>(object).AsBool() ? "true" : "false";
}
template <Literal A>
std::string Top(const Value& object) {
  return object.At({A.value}).AsString();
}

std::string PodAddress(const Value& object) {
  const auto& all = object.At({"status", "podIPs"}).items();
  return all.empty() ? object.At({"status", "podIP"}).AsString() : all[0].At({"ip"}).AsString();
}

// An event's source is what reported it, by either of the two fields that say so.
std::string EventSource(const Value& object) {
  std::string source = object.At({"source", "component"}).AsString();
  return source.empty() ? object.At({"reportingComponent"}).AsString() : source;
}

using Table = std::map<std::pair<std::string_view, std::string_view>, std::vector<Selectable>>;

const Table& AllFields() {
  static const Table table = {
      {{"", "pods"},
       {{"spec.nodeName", Text<"spec", "nodeName">},
        {"spec.restartPolicy", Text<"spec", "restartPolicy">},
        {"spec.schedulerName", Text<"spec", "schedulerName">},
        {"spec.serviceAccountName", Text<"spec", "serviceAccountName">},
        {"spec.hostNetwork", Truth<"spec", "hostNetwork">},
        {"status.phase", Text<"status", "phase">},
        {"status.podIP", PodAddress},
        {"status.podIPs", PodAddress},
        {"status.nominatedNodeName", Text<"status", "nominatedNodeName">}}},
      {{"", "events"},
       {{"type", Top<"type">},
        {"involvedObject.kind", Text<"involvedObject", "kind">},
        {"involvedObject.namespace", Text<"involvedObject", "namespace">},
        {"involvedObject.name", Text<"involvedObject", "name">},
        {"involvedObject.uid", Text<"involvedObject", "uid">},
        {"involvedObject.apiVersion", Text<"involvedObject", "apiVersion">},
        {"involvedObject.resourceVersion", Text<"involvedObject", "resourceVersion">},
        {"involvedObject.fieldPath", Text<"involvedObject", "fieldPath">},
        {"reason", Top<"reason">},
        {"reportingComponent", Top<"reportingComponent">},
        {"source", EventSource}}},
      {{"", "secrets"}, {{"type", Top<"type">}}},
      {{"", "namespaces"}, {{"status.phase", Text<"status", "phase">}}},
      {{"", "nodes"}, {{"spec.unschedulable", Truth<"spec", "unschedulable">}}},
      {{"", "services"},
       {{"spec.type", Text<"spec", "type">}, {"spec.clusterIP", Text<"spec", "clusterIP">}}},
      {{"", "replicationcontrollers"}, {{"status.replicas", Number<"status", "replicas">}}},
      {{"batch", "jobs"}, {{"status.successful", Number<"status", "succeeded">}}},
      {{"certificates.k8s.io", "certificatesigningrequests"},
       {{"spec.signerName", Text<"spec", "signerName">}}},
      {{"resource.k8s.io", "resourceslices"},
       {{"spec.nodeName", Text<"spec", "nodeName">}, {"spec.driver", Text<"spec", "driver">}}},
  };
  return table;
}

}  // namespace

const std::vector<Selectable>& SelectableFields(const schema::Resource& stored) {
  static const std::vector<Selectable> none;
  const auto found = AllFields().find({stored.group(), stored.name()});
  return found == AllFields().end() ? none : found->second;
}

std::optional<size_t> SelectableIndex(const schema::Resource& asked, std::string_view label) {
  std::string name(label);
  std::string_view group = asked.group();
  if (group == "events.k8s.io") {
    group = "";
    if (name.starts_with("regarding."))
      name.replace(0, std::string_view("regarding").size(), "involvedObject");
    else if (name == "reportingController")
      name = "reportingComponent";
    else if (name != "type" && name != "reason")
      return std::nullopt;
  }
  const auto found = AllFields().find({group, asked.name()});
  if (found == AllFields().end()) return std::nullopt;
  for (size_t i = 0; i < found->second.size(); ++i) {
    if (found->second[i].label == name) return i;
  }
  return std::nullopt;
}

}  // namespace keelson::api
