// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/admission/admission.h"

#include <array>

#include "minimal-master/admission/plugins.h"

namespace keelson::admission {
namespace {

bool Is(const Request& request, std::string_view group, std::string_view resource) {
  return request.group == group && request.resource == resource && request.subresource.empty();
}

// Nothing is scheduled to a node before it has said that it is ready.
void TaintNewNode(Value& node) {
  constexpr char kNotReady[] = "node.kubernetes.io/not-ready";
  Value* spec = node.Find("spec");
  if (spec == nullptr || !spec->IsObject()) {
    node.Set("spec", Value::Object());
    spec = node.Find("spec");
  }
  for (const Value& taint : spec->At({"taints"}).items()) {
    if (taint.At({"key"}).AsString() == kNotReady &&
        taint.At({"effect"}).AsString() == "NoSchedule")
      return;
  }
  if (spec->Find("taints") == nullptr) spec->Set("taints", Value::Array());
  Value taint;
  taint.Set("key", Value(kNotReady));
  taint.Set("effect", Value("NoSchedule"));
  spec->Find("taints")->Append(std::move(taint));
}

// Who asks for a certificate is who sent the request, whatever the object says.
void SignAs(const auth::User& user, Value& object) {
  Value* spec = object.Find("spec");
  if (spec == nullptr || !spec->IsObject()) return;
  for (const char* key : {"username", "uid", "groups", "extra"}) spec->Erase(key);
  spec->Set("username", Value(user.name));
  if (!user.uid.empty()) spec->Set("uid", Value(user.uid));
  Value groups = Value::Array();
  for (const std::string& group : user.groups) groups.Append(Value(group));
  if (!groups.items().empty()) spec->Set("groups", std::move(groups));
  Value extra = Value::Object();
  for (const auto& [key, values] : user.extra) {
    Value list = Value::Array();
    for (const std::string& value : values) list.Append(Value(value));
    extra.Set(key, std::move(list));
  }
  if (!extra.members().empty()) spec->Set("extra", std::move(extra));
}

// A claim that names no class takes the default one, the newest of several.
void GiveStorageClass(Value& claim, const Facts& facts) {
  Value* spec = claim.Find("spec");
  if (spec == nullptr || !spec->IsObject() || spec->Find("storageClassName") != nullptr) return;
  if (!claim.At({"metadata", "annotations", "volume.beta.kubernetes.io/storage-class"}).IsNull())
    return;
  std::string best;
  std::string made;
  facts.ForEach("storage.k8s.io", "storageclasses", "", [&](const Value& object) {
    const Value& marks = object.At({"metadata", "annotations"});
    const bool marked =
        marks.At({"storageclass.kubernetes.io/is-default-class"}).AsString() == "true" ||
        marks.At({"storageclass.beta.kubernetes.io/is-default-class"}).AsString() == "true";
    const std::string& time = object.At({"metadata", "creationTimestamp"}).AsString();
    if (!marked || (!best.empty() && time <= made)) return;
    best = object.At({"metadata", "name"}).AsString();
    made = time;
  });
  if (!best.empty()) spec->Set("storageClassName", Value(best));
}

}  // namespace

status::Failure Forbid(const Request& request, const Value& object, std::string_view why) {
  std::string name(request.name);
  if (name.empty()) name = object.At({"metadata", "name"}).AsString();
  return status::Forbidden({request.group, request.resource}, name, why);
}

bool IsPodCreate(const Request& request) {
  return request.operation == Operation::kCreate && Is(request, "", "pods");
}

Verdict Mutate(const Request& request, Value& object, const Facts& facts) {
  if (request.operation != Operation::kCreate) return true;
  if (const Verdict there = NamespaceIsThere(request, facts); !there.ok()) return there.failure();
  if (Is(request, "", "nodes")) TaintNewNode(object);
  if (Is(request, "certificates.k8s.io", "certificatesigningrequests"))
    SignAs(request.user, object);
  if (Is(request, "", "persistentvolumeclaims")) GiveStorageClass(object, facts);
  if (!IsPodCreate(request)) return true;
  ApplyLimitDefaults(object, request, facts);
  if (const Verdict done = GiveServiceAccount(request, object, facts); !done.ok())
    return done.failure();
  if (const Verdict done = GivePriority(request, object, facts); !done.ok()) return done.failure();
  TolerateForAWhile(object);
  return ApplyRuntimeClass(request, object, facts);
}

Verdict Check(const Request& request, const Value& object, const Facts& facts) {
  if (request.operation == Operation::kDelete) return NamespaceMayGo(request);
  if (const Verdict one = OneDefaultPriority(request, object, facts); !one.ok())
    return one.failure();
  return WithinLimits(request, object, facts);
}

}  // namespace keelson::admission
