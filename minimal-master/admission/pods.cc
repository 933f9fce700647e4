// SPDX-License-Identifier: Apache-2.0
// What a new pod is given: its service account with a token, a priority, tolerations for nodes that
// fall silent, what its runtime class adds.
#include <fmt/format.h>

#include "minimal-master/admission/plugins.h"

namespace keelson::admission {
namespace {

constexpr char kTokenPath[] = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr char kMirror[] = "kubernetes.io/config.mirror";
constexpr int kTokenSeconds = 3607;  // an hour, and a mark by which it is known
constexpr int kTolerated = 300;

Value& Spec(Value& pod) {
  Value* spec = pod.Find("spec");
  if (spec == nullptr || !spec->IsObject()) {
    pod.Set("spec", Value::Object());
    spec = pod.Find("spec");
  }
  return *spec;
}

Value& List(Value& holder, std::string_view key) {
  Value* list = holder.Find(key);
  if (list == nullptr || !list->IsArray()) {
    holder.Set(key, Value::Array());
    list = holder.Find(key);
  }
  return *list;
}

Value Parsed(const char* json) {
  base::Result<Value> value = json::ParseJson(json);
  KEELSON_CHECK(value.ok());
  return *std::move(value);
}

bool WantsToken(const Value& pod, const Value& account) {
  const Value& own = pod.At({"spec", "automountServiceAccountToken"});
  if (own.IsBool()) return own.AsBool();
  const Value& theirs = account.At({"automountServiceAccountToken"});
  return !theirs.IsBool() || theirs.AsBool();
}

bool HasMount(const Value& container) {
  for (const Value& mount : container.At({"volumeMounts"}).items()) {
    if (mount.At({"mountPath"}).AsString() == kTokenPath) return true;
  }
  return false;
}

// A projected volume with a token, the cluster's certificates and the namespace, where a container
// has nothing else in its place.
void MountToken(Value& spec, std::string_view suffix) {
  const std::string name = fmt::format("kube-api-access-{}", suffix);
  bool used = false;
  for (const char* kind : {"initContainers", "containers"}) {
    Value* containers = spec.Find(kind);
    if (containers == nullptr) continue;
    for (Value& container : containers->items()) {
      if (HasMount(container)) continue;
      Value mount;
      mount.Set("name", Value(name));
      mount.Set("readOnly", Value(true));
      mount.Set("mountPath", Value(kTokenPath));
      List(container, "volumeMounts").Append(std::move(mount));
      used = true;
    }
  }
  if (!used) return;
  Value volume;
  volume.Set("name", Value(name));
  Value projected = Parsed(R"({"sources":[{"serviceAccountToken":{"path":"token"}},
    {"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},
    {"downwardAPI":{"items":[{"path":"namespace",
      "fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}],"defaultMode":420})");
  projected.Find("sources")
      ->items()[0]
      .Find("serviceAccountToken")
      ->Set("expirationSeconds", Value(kTokenSeconds));
  volume.Set("projected", std::move(projected));
  List(spec, "volumes").Append(std::move(volume));
}

bool Tolerates(const Value& toleration, std::string_view key) {
  const std::string& own = toleration.At({"key"}).AsString();
  const std::string& effect = toleration.At({"effect"}).AsString();
  return (own == key || own.empty()) && (effect == "NoExecute" || effect.empty());
}

}  // namespace

Verdict GiveServiceAccount(const Request& request, Value& pod, const Facts& facts) {
  if (!pod.At({"metadata", "annotations", kMirror}).IsNull()) {
    // What a kubelet shows of its own pods has no rights here.
    if (!pod.At({"spec", "serviceAccountName"}).AsString().empty())
      return Forbid(request, pod, "a mirror pod may not reference service accounts");
    return true;
  }
  Value& spec = Spec(pod);
  std::string name = spec.At({"serviceAccountName"}).AsString();
  if (name.empty()) name = "default";
  spec.Set("serviceAccountName", Value(name));
  spec.Set("serviceAccount", Value(name));
  const std::optional<Value> account = facts.Find("", "serviceaccounts", request.ns, name);
  if (!account)
    return Forbid(request, pod,
                  fmt::format("error looking up service account {}/{}: serviceaccount \"{}\" not "
                              "found",
                              request.ns, name, name));
  if (WantsToken(pod, *account)) MountToken(spec, request.suffix);
  const Value& secrets = account->At({"imagePullSecrets"});
  if (spec.At({"imagePullSecrets"}).items().empty() && !secrets.items().empty())
    spec.Set("imagePullSecrets", secrets);
  return true;
}

Verdict GivePriority(const Request& request, Value& pod, const Facts& facts) {
  constexpr char kGroup[] = "scheduling.k8s.io";
  Value& spec = Spec(pod);
  std::string name = spec.At({"priorityClassName"}).AsString();
  int64_t priority = 0;
  std::string policy = "PreemptLowerPriority";
  std::optional<Value> chosen;
  if (name.empty()) {
    facts.ForEach(kGroup, "priorityclasses", "", [&](const Value& object) {
      if (!object.At({"globalDefault"}).AsBool()) return;
      // Of several the lowest: nobody is preferred by mistake.
      if (!chosen || object.At({"value"}).AsInt() < chosen->At({"value"}).AsInt()) chosen = object;
    });
    if (chosen) spec.Set("priorityClassName", chosen->At({"metadata", "name"}));
  } else {
    chosen = facts.Find(kGroup, "priorityclasses", "", name);
    if (!chosen)
      return Forbid(request, pod, fmt::format("no PriorityClass with name {} was found", name));
  }
  if (chosen) {
    priority = chosen->At({"value"}).AsInt();
    if (const std::string& own = chosen->At({"preemptionPolicy"}).AsString(); !own.empty())
      policy = own;
  }
  if (const Value& given = spec.At({"priority"}); given.IsNumber() && given.AsInt() != priority)
    return Forbid(request, pod,
                  fmt::format("the integer value of priority ({}) must not be provided in pod "
                              "spec; priority admission controller computed {} from the given "
                              "PriorityClass name",
                              given.AsInt(), priority));
  if (const Value& given = spec.At({"preemptionPolicy"});
      given.IsString() && given.AsString() != policy)
    return Forbid(request, pod,
                  fmt::format("the string value of PreemptionPolicy ({}) must not be provided in "
                              "pod spec; priority admission controller computed {} from the given "
                              "PriorityClass name",
                              given.AsString(), policy));
  spec.Set("priority", Value(priority));
  spec.Set("preemptionPolicy", Value(policy));
  return true;
}

Verdict OneDefaultPriority(const Request& request, const Value& object, const Facts& facts) {
  if (request.group != "scheduling.k8s.io" || request.resource != "priorityclasses" ||
      !object.At({"globalDefault"}).AsBool())
    return true;
  std::string other;
  facts.ForEach(request.group, request.resource, "", [&](const Value& there) {
    const std::string& name = there.At({"metadata", "name"}).AsString();
    if (there.At({"globalDefault"}).AsBool() && name != object.At({"metadata", "name"}).AsString())
      other = name;
  });
  if (other.empty()) return true;
  return Forbid(request, object,
                fmt::format("PriorityClass {} is already marked as default. Only one default can "
                            "exist",
                            other));
}

void TolerateForAWhile(Value& pod) {
  Value& spec = Spec(pod);
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    bool tolerated = false;
    for (const Value& toleration : spec.At({"tolerations"}).items())
      tolerated = tolerated || Tolerates(toleration, key);
    if (tolerated) continue;
    Value toleration;
    toleration.Set("key", Value(key));
    toleration.Set("operator", Value("Exists"));
    toleration.Set("effect", Value("NoExecute"));
    toleration.Set("tolerationSeconds", Value(kTolerated));
    List(spec, "tolerations").Append(std::move(toleration));
  }
}

Verdict ApplyRuntimeClass(const Request& request, Value& pod, const Facts& facts) {
  Value& spec = Spec(pod);
  const std::string name = spec.At({"runtimeClassName"}).AsString();
  constexpr std::string_view kWithoutClass =
      "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
  if (name.empty() && !spec.At({"overhead"}).members().empty())
    return Forbid(request, pod, std::string(kWithoutClass));
  if (name.empty()) return true;
  const std::optional<Value> found = facts.Find("node.k8s.io", "runtimeclasses", "", name);
  if (!found)
    return Forbid(request, pod, fmt::format("pod rejected: RuntimeClass \"{}\" not found", name));
  const Value& overhead = found->At({"overhead", "podFixed"});
  const Value& own = spec.At({"overhead"});
  if (!own.IsNull() && !(own == overhead))
    return Forbid(request, pod,
                  "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  if (overhead.IsObject()) spec.Set("overhead", overhead);
  for (const auto& [key, value] : found->At({"scheduling", "nodeSelector"}).members()) {
    const Value& there = spec.At({"nodeSelector", key});
    if (!there.IsNull() && !(there == value))
      return Forbid(request, pod,
                    fmt::format("conflict: runtimeClass.scheduling.nodeSelector[{}] = {}; "
                                "pod.spec.nodeSelector[{}] = {}",
                                key, value.AsString(), key, there.AsString()));
    if (spec.Find("nodeSelector") == nullptr) spec.Set("nodeSelector", Value::Object());
    spec.Find("nodeSelector")->Set(key, value);
  }
  for (const Value& toleration : found->At({"scheduling", "tolerations"}).items()) {
    Value& all = List(spec, "tolerations");
    bool there = false;
    for (const Value& one : all.items()) there = there || one == toleration;
    if (!there) all.Append(toleration);
  }
  return true;
}

}  // namespace keelson::admission
