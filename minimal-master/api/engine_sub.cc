// SPDX-License-Identifier: Apache-2.0
// Subresources with rules of their own: scale, binding, finalize, approval.
#include <fmt/format.h>

#include "lib/json/text.h"
#include "minimal-master/api/bodies.h"
#include "minimal-master/api/engine.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/api/tracking.h"
#include "minimal-master/patch/json_patch.h"
#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/storage/storage.h"
#include "minimal-master/table/text.h"

namespace keelson::api {
namespace {

using json::Value;
using status::Failure;

const schema::Type& ScaleType() {
  static const schema::Type* const type = schema::Find("autoscaling", "v1", "Scale");
  KEELSON_CHECK(type != nullptr);
  return *type;
}

// A refusal that upstream's server passes on as it came, without a reason.
Failure Bare(std::string message) {
  Failure failure;
  failure.message = std::move(message);
  return failure;
}

Value ScaleOf(const schema::Resource& resource, const Value& object) {  // without managers
  const Value& metadata = object.At({"metadata"});
  Value out;
  out.Set("kind", Value("Scale"));
  out.Set("apiVersion", Value("autoscaling/v1"));
  Value kept = Value::Object();
  for (const char* key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (const Value& value = metadata.At({key}); !value.IsNull()) kept.Set(key, value);
  }
  out.Set("metadata", std::move(kept));
  Value spec = Value::Object();
  spec.Set("replicas", Value(object.At({"spec", "replicas"}).AsInt()));
  out.Set("spec", std::move(spec));
  Value status = Value::Object();
  status.Set("replicas", Value(object.At({"status", "replicas"}).AsInt()));
  const Value& selector = object.At({"spec", "selector"});
  // A replication controller's selector is a set of labels.
  const std::string text = resource.name() == "replicationcontrollers"
                               ? table::Labels(selector)
                               : table::LabelSelector(selector);
  if (text != "<none>") status.Set("selector", Value(text));
  out.Set("status", std::move(status));
  return out;
}

// What a patch of either kind makes of a Scale, and an apply of its managers.
status::Or<Value> PatchScale(Call& call, const WriteOptions& options, const Value& config,
                             const Value& before, std::string& managers, const std::string& time) {
  if (!IsApply(call)) return PatchValue(call, before);
  status::Or<fields::Applied> applied =
      fields::Apply(ScaleTarget(), &before, managers, config, options.manager, options.force, time);
  if (!applied.ok()) return applied.failure();
  managers = std::move(applied->managers);
  return std::move(applied->object);
}

Failure NameMismatch(const std::string& given, const std::string& asked) {
  return status::BadRequest(fmt::format(
      "the name of the object ({}) does not match the name on the URL ({})", given, asked));
}

void SetScheduled(Value& pod, const std::string& time) {
  Value condition;
  condition.Set("type", Value("PodScheduled"));
  condition.Set("status", Value("True"));
  condition.Set("lastTransitionTime", Value(time));
  Value* status = pod.Find("status");
  if (status == nullptr || !status->IsObject()) {
    pod.Set("status", Value::Object());
    status = pod.Find("status");
  }
  std::vector<Value> kept;
  for (const Value& other : status->At({"conditions"}).items()) {
    if (other.At({"type"}).AsString() != "PodScheduled") kept.push_back(other);
  }
  kept.push_back(std::move(condition));
  status->Set("conditions", Value::Array(std::move(kept)));
}

void Merge(Value& pod, const Value& binding, const char* key) {
  for (const auto& [name, value] : binding.At({"metadata", key}).members()) {
    Value& metadata = *pod.Find("metadata");
    if (metadata.Find(key) == nullptr) metadata.Set(key, Value::Object());
    metadata.Find(key)->Set(name, value);
  }
}

}  // namespace

Answer Engine::Scale(Call& call) {
  const schema::Resource& resource = *call.route.served;
  const auto answer = [&](const std::string& bytes) {
    const base::Result<Value> object = json::ParseJson(fields::SplitManagers(bytes).object);
    if (!object.ok()) return Refusal(status::Internal(object.error().message()));
    const status::Or<Form> form = FormOf(call.request.headers, false);
    if (!form.ok()) return Refusal(form.failure());
    status::Or<std::string> shaped =
        ShapeScale(*form, call.request.query, ScaleOf(resource, *object), clock_.WallNanos());
    if (!shaped.ok()) return Refusal(shaped.failure());
    return Encoded(200, Form{.yaml = form->yaml}, *std::move(shaped));
  };
  if (call.route.verb == "get") {
    const watch::ObjectPtr object =
        cache_.Find(storage::KeyOf(resource, call.route.ns, call.route.name));
    if (!object)
      return Refusal(status::NotFound({resource.group(), resource.name()}, call.route.name));
    return answer(InVersion(resource, object->bytes().view()));
  }
  const bool patching = call.route.verb == "patch";
  const status::Or<WriteOptions> options =
      ReadWriteOptions(call.request.query, patching ? "PatchOptions" : "UpdateOptions");
  if (!options.ok()) return Refusal(options.failure());
  Value config;
  if (patching) {
    if (const status::Or<bool> known = CheckPatchMedia(call); !known.ok())
      return Refusal(known.failure());
    if (const status::Or<bool> fit = CheckPatchOptions(call, *options); !fit.ok())
      return Refusal(fit.failure());
    if (IsApply(call)) {
      status::Or<Value> read = ReadConfig(call, *options);
      if (!read.ok()) return Refusal(read.failure());
      config = *std::move(read);
    }
  }
  std::optional<Value> sent;
  if (!patching) {
    const status::Or<schema::Media> media = MediaOf(call.request.headers);
    if (!media.ok()) return Refusal(media.failure());
    base::Result<schema::Decoded> decoded =
        schema::DecodeRequest(call.request.body, *media, "autoscaling", "v1", "Scale");
    if (!decoded.ok()) return Refusal(status::BadRequest(decoded.error().message()));
    sent = std::move(decoded->value);
  }
  const fields::Target target = ScaleTarget();
  std::string owners;
  const Change change = [&](const Value* current) -> status::Or<Value> {
    Value scale = sent ? *sent : Value();
    const Value before = schema::Canonical(ScaleOf(resource, *current), ScaleType());
    std::string managers = ScaleManagers(owners);
    if (patching) {
      status::Or<Value> patched = PatchScale(call, *options, config, before, managers, Now());
      if (!patched.ok()) return patched.failure();
      base::Result<schema::Decoded> decoded = schema::Decode(*patched, ScaleType());
      if (!decoded.ok()) return NotReadable(*patched, decoded.error().message());
      scale = std::move(decoded->value);
    }
    if (!IsApply(call))
      managers =
          fields::TrackWrite(target, &before, managers, scale, ManagerOf(call, *options), Now());
    if (const std::string& name = scale.At({"metadata", "name"}).AsString();
        !name.empty() && name != call.route.name)
      return NameMismatch(name, call.route.name);
    const int64_t replicas = scale.At({"spec", "replicas"}).AsInt();
    if (replicas < 0)
      return status::Invalid(
          "autoscaling", "Scale", call.route.name,
          {{kube::ProblemKind::kInvalid, "spec.replicas",
            fmt::format("Invalid value: {}: must be greater than or equal to 0", replicas), 0}});
    Value object = *current;
    object.Find("spec")->Set("replicas", Value(replicas));
    const Value& revision = scale.At({"metadata", "resourceVersion"});
    object.Find("metadata")->Set("resourceVersion", revision.IsNull() ? Value("") : revision);
    owners = ParentManagers(owners, managers, TargetOf(resource, "").ApiVersion());
    return object;
  };
  const status::Or<Written> written =
      Store(call, *options, call.route.name, change, false, &owners);
  return written.ok() ? answer(InVersion(resource, written->json)) : Refusal(written.failure());
}

Answer Engine::Bind(Call& call) {
  const status::Or<WriteOptions> options = ReadWriteOptions(call.request.query, "CreateOptions");
  if (!options.ok()) return Refusal(options.failure());
  const status::Or<schema::Media> media = MediaOf(call.request.headers);
  if (!media.ok()) return Refusal(media.failure());
  const base::Result<schema::Decoded> decoded =
      schema::DecodeRequest(call.request.body, *media, "", "v1", "Binding");
  if (!decoded.ok()) return Refusal(status::BadRequest(decoded.error().message()));
  const status::Or<Written> written = BindTo(call, *options, decoded->value);
  return written.ok() ? Done(201) : Refusal(written.failure());
}

status::Or<Written> Engine::BindTo(Call& call, const WriteOptions& options, const Value& binding) {
  if (binding.At({"metadata", "name"}).AsString() != call.route.name)
    return status::BadRequest("name in URL does not match name in Binding object");
  const std::string& kind = binding.At({"target", "kind"}).AsString();
  if (!kind.empty() && kind != "Node")
    return Bare(
        fmt::format("target.kind: Unsupported value: {}: supported values: \"Node\", \"<empty>\"",
                    json::Quote(kind)));
  const std::string& node = binding.At({"target", "name"}).AsString();
  if (node.empty()) return Bare("target.name: Required value");
  const std::string time = Now();
  const auto conflict = [&](std::string why) {
    return status::Conflict({"", "pods/binding"}, call.route.name, why);
  };
  const Change change = [&](const Value* current) -> status::Or<Value> {
    Value pod = *current;
    const std::string& uid = binding.At({"metadata", "uid"}).AsString();
    const std::string& its_uid = pod.At({"metadata", "uid"}).AsString();
    if (!uid.empty() && uid != its_uid)
      return status::Conflict(
          {"", "pods"}, call.route.name,
          fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", uid,
                      its_uid));
    if (!pod.At({"metadata", "deletionTimestamp"}).AsString().empty())
      return conflict(
          fmt::format("pod {} is being deleted, cannot be assigned to a host", call.route.name));
    if (const std::string& there = pod.At({"spec", "nodeName"}).AsString(); !there.empty())
      return conflict(fmt::format("pod {} is already assigned to node {}", call.route.name,
                                  json::Quote(there)));
    if (!pod.At({"spec", "schedulingGates"}).items().empty())
      return conflict(fmt::format("pod {} has non-empty .spec.schedulingGates", call.route.name));
    pod.Find("spec")->Set("nodeName", Value(node));
    Merge(pod, binding, "annotations");
    Merge(pod, binding, "labels");
    SetScheduled(pod, time);
    pod.Find("status")->Erase("nominatedNodeName");  // it has one now
    return pod;
  };
  std::string owners;  // stay as they are
  return Store(call, options, call.route.name, change, false, &owners);
}

Answer Engine::Finalize(Call& call) {
  const status::Or<WriteOptions> options = ReadWriteOptions(call.request.query, "UpdateOptions");
  if (!options.ok()) return Refusal(options.failure());
  const status::Or<Value> sent = DecodeBody(call, *options);
  if (!sent.ok()) return Refusal(sent.failure());
  if (const std::string& name = sent->At({"metadata", "name"}).AsString(); name != call.route.name)
    return Refusal(NameMismatch(name, call.route.name));
  const Change change = [&](const Value* current) -> status::Or<Value> {
    Value space = *current;
    Value spec = space.At({"spec"}).IsObject() ? space.At({"spec"}) : Value::Object();
    spec.Erase("finalizers");
    if (const Value& finalizers = sent->At({"spec", "finalizers"}); !finalizers.items().empty())
      spec.Set("finalizers", finalizers);
    space.Set("spec", std::move(spec));
    const Value& revision = sent->At({"metadata", "resourceVersion"});
    space.Find("metadata")->Set("resourceVersion", revision.IsNull() ? Value("") : revision);
    return space;
  };
  const status::Or<Written> written = Store(call, *options, call.route.name, change, false);
  if (!written.ok()) return Refusal(written.failure());
  return Show(call, 200, written->json);
}

Answer Engine::Approve(Call& call) {
  const status::Or<WriteOptions> options = ReadWriteOptions(call.request.query, "UpdateOptions");
  if (!options.ok()) return Refusal(options.failure());
  if (call.route.verb == "get") return Get(call);
  const std::string time = Now();
  std::optional<Value> sent;
  if (call.route.verb == "update") {
    status::Or<Value> read = DecodeBody(call, *options);
    if (!read.ok()) return Refusal(read.failure());
    sent = *std::move(read);
  }
  const Change change = [&](const Value* current) -> status::Or<Value> {
    Value asked = sent ? *sent : Value();
    if (!sent) {
      status::Or<Value> patched = PatchValue(call, *current);
      if (!patched.ok()) return patched.failure();
      asked = *std::move(patched);
    }
    Value request = *current;
    Value status = request.At({"status"}).IsObject() ? request.At({"status"}) : Value::Object();
    Value conditions = asked.At({"status", "conditions"});
    for (Value& condition : conditions.items()) {
      for (const char* key : {"lastUpdateTime", "lastTransitionTime"}) {
        if (condition.At({key}).AsString().empty()) condition.Set(key, Value(time));
      }
    }
    if (!conditions.IsNull()) status.Set("conditions", std::move(conditions));
    request.Set("status", std::move(status));
    const Value& revision = asked.At({"metadata", "resourceVersion"});
    request.Find("metadata")->Set("resourceVersion", revision.IsNull() ? Value("") : revision);
    return request;
  };
  const status::Or<Written> written = Store(call, *options, call.route.name, change, false);
  if (!written.ok()) return Refusal(written.failure());
  return Show(call, 200, written->json);
}

}  // namespace keelson::api
