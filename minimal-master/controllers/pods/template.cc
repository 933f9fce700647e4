// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/template.h"

#include "lib/kube/names.h"
#include "minimal-master/control/objects.h"

namespace keelson::pods {
namespace {

using json::Value;

// A merge patch of the whole list, good for the object as it is now only.
control::Write PatchOwners(const schema::Resource& resource, const watch::Object& object,
                           Value owners) {
  Value metadata;
  metadata.Set("uid", Value(object.uid()));
  metadata.Set("resourceVersion", Value(std::to_string(object.revision())));
  metadata.Set("ownerReferences", std::move(owners));
  return control::MergePatch(resource, object.ns(), object.name(),
                             Value::Object({{"metadata", std::move(metadata)}}));
}

}  // namespace

Value FromTemplate(const Value& pod_template, std::string_view api_version, std::string_view kind,
                   const Value& owner) {
  const std::string& name = owner.At({"metadata", "name"}).AsString();
  const std::string prefix = name + "-";
  // What is made of it must be a name, and the dash is only for the looks.
  const bool fits = kube::CheckDns1123Subdomain(prefix + "x").empty();
  Value metadata;
  metadata.Set("generateName", Value(fits ? prefix : name));
  for (const std::string_view member : {"labels", "annotations", "finalizers"}) {
    const Value& given = pod_template.At({"metadata", member});
    if (!given.IsNull()) metadata.Set(member, given);
  }
  metadata.Set("ownerReferences",
               Value::Array({control::ControllerReference(api_version, kind, owner)}));
  Value pod;
  pod.Set("apiVersion", Value("v1"));
  pod.Set("kind", Value("Pod"));
  pod.Set("metadata", std::move(metadata));
  pod.Set("spec", pod_template.At({"spec"}));
  return pod;
}

control::Write Adopt(const schema::Resource& resource, const watch::Object& object,
                     std::string_view api_version, std::string_view kind, const Value& owner) {
  Value owners = control::Parse(object).At({"metadata", "ownerReferences"});
  if (!owners.IsArray()) owners = Value::Array();
  owners.Append(control::ControllerReference(api_version, kind, owner));
  return PatchOwners(resource, object, std::move(owners));
}

control::Write Release(const schema::Resource& resource, const watch::Object& object,
                       std::string_view owner_uid) {
  Value owners = Value::Array();
  const Value value = control::Parse(object);
  for (const Value& owner : value.At({"metadata", "ownerReferences"}).items()) {
    if (owner.At({"uid"}).AsString() != owner_uid) owners.Append(owner);
  }
  if (owners.items().empty()) owners = Value();
  return PatchOwners(resource, object, std::move(owners));
}

}  // namespace keelson::pods
