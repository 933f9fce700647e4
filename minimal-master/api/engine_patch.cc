// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "minimal-master/api/bodies.h"
#include "minimal-master/api/engine.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/api/tracking.h"
#include "minimal-master/fields/owners.h"
#include "minimal-master/schema/decode.h"

namespace keelson::api {

using json::Value;

namespace {

// What a patch made of an object is still the object of the path.
status::Or<bool> CheckPlace(const Call& call, const Value& object) {
  const std::string& name = object.At({"metadata", "name"}).AsString();
  if (name.empty())
    return status::BadRequest(fmt::format(
        "the name of the object ({} based on URL) was undeterminable: name must be provided",
        call.route.name));
  if (name != call.route.name)
    return status::BadRequest(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name,
                    call.route.name));
  const std::string& space = object.At({"metadata", "namespace"}).AsString();
  if (!space.empty() && space != call.route.ns)
    return status::BadRequest(
        "the namespace of the provided object does not match the namespace sent on the request");
  return true;
}

// A kind that a patch took away is known anyway; a version only where the patch is of a type.
status::Or<bool> KeepType(const Call& call, const Value& current, Value& patched) {
  const bool typed = PatchMedia(call) == "application/strategic-merge-patch+json";
  for (const char* key : {"apiVersion", "kind"}) {
    const Value& said = patched.At({key});
    if (!said.IsNull() && !(said.IsString() && said.AsString().empty())) continue;
    if (!typed && key == std::string_view("apiVersion")) return CheckPlace(call, Value());
    patched.Set(key, current.At({key}));
  }
  return true;
}

}  // namespace

Engine::Change Engine::PatchedBy(Call& call, const WriteOptions& options) {
  return [&](const Value* current) -> status::Or<Value> {
    status::Or<Value> patched = PatchValue(call, *current);
    if (!patched.ok()) return patched.failure();
    if (const status::Or<bool> typed = KeepType(call, *current, *patched); !typed.ok())
      return typed.failure();
    if (const status::Or<bool> kind = CheckKind(call, *patched); !kind.ok()) return kind.failure();
    base::Result<schema::Decoded> decoded = schema::Decode(*patched, call.route.served->type());
    if (!decoded.ok()) return NotReadable(*patched, decoded.error().message());
    if (!decoded->problems.empty() && options.validation == Validation::kStrict)
      return NotReadable(*patched, schema::StrictMessage(decoded->problems));
    const status::Or<bool> judged = Judge(decoded->problems, options, call);
    if (!judged.ok()) return judged.failure();
    const status::Or<bool> right = CheckPlace(call, decoded->value);
    if (!right.ok()) return right.failure();
    return std::move(decoded->value);
  };
}

Engine::Change Engine::AppliedBy(Call& call, const WriteOptions& options, const Value& config,
                                 std::string& owners) {
  return [&](const Value* current) -> status::Or<Value> {
    const schema::Resource& resource = *call.route.served;
    status::Or<fields::Applied> applied =
        fields::Apply(TargetOf(resource, call.route.subresource), current, owners, config,
                      options.manager, options.force, Now());
    if (!applied.ok()) return applied.failure();
    owners = std::move(applied->managers);
    if (const std::string& uid = config.At({"metadata", "uid"}).AsString();
        current == nullptr && !uid.empty())
      return status::Conflict({resource.group(), resource.name()}, call.route.name,
                              fmt::format("uid mismatch: the provided object specified uid {}, "
                                          "and no existing object was found",
                                          uid));
    base::Result<schema::Decoded> decoded = schema::Decode(applied->object, resource.type());
    if (!decoded.ok()) return NotReadable(applied->object, decoded.error().message());
    const status::Or<bool> right = CheckPlace(call, decoded->value);
    if (!right.ok()) return right.failure();
    return std::move(decoded->value);
  };
}

Answer Engine::Patch(Call& call) {
  const status::Or<WriteOptions> options = ReadWriteOptions(call.request.query, "PatchOptions");
  if (!options.ok()) return Refusal(options.failure());
  if (const status::Or<bool> known = CheckPatchMedia(call); !known.ok())
    return Refusal(known.failure());
  if (const status::Or<bool> fit = CheckPatchOptions(call, *options); !fit.ok())
    return Refusal(fit.failure());
  const bool apply = IsApply(call);
  Value config;
  if (apply) {
    status::Or<Value> read = ReadConfig(call, *options);
    if (!read.ok()) return Refusal(read.failure());
    config = *std::move(read);
  }
  std::string owners;
  const Change change =
      apply ? AppliedBy(call, *options, config, owners) : PatchedBy(call, *options);
  // Upstream lets a service's status make it.
  const bool may_create =
      apply && (call.route.subresource.empty() ||
                (call.route.subresource == "status" && call.route.resource == "services"));
  const status::Or<Written> written =
      Store(call, *options, call.route.name, change, may_create, apply ? &owners : nullptr);
  if (!written.ok()) return Refusal(written.failure());
  return Show(call, written->created ? 201 : 200, InVersion(*call.route.served, written->json));
}

}  // namespace keelson::api
