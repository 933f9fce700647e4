// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/tracking.h"

#include <fmt/format.h>

#include "lib/base/strings.h"
#include "minimal-master/api/bodies.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/conversion/conversion.h"
#include "minimal-master/defaults/defaults.h"
#include "minimal-master/fields/managers.h"
#include "minimal-master/schema/canonical.h"
#include "minimal-master/storage/storage.h"

namespace keelson::api {

using fields::Manager;
using fields::Managers;
using json::Value;

namespace {

constexpr char kScaleVersion[] = "autoscaling/v1";

// The resource of another version, of which one form is stored.
const schema::Resource* OtherVersion(const schema::Resource& resource, const std::string& version) {
  const size_t slash = version.find('/');
  const bool core = slash == std::string::npos;
  const schema::Resource* other =
      schema::FindResource(core ? "" : std::string_view(version).substr(0, slash),
                           core ? version : version.substr(slash + 1), resource.name());
  const bool same = other != nullptr && &storage::StoredAs(*other) == &storage::StoredAs(resource);
  return same ? other : nullptr;
}

Value Convert(const schema::Resource& from, const schema::Resource& to, Value value) {
  // This kind's conversion has a default of its own.
  if (from.kind() == "HorizontalPodAutoscaler")
    defaults::Apply(from.group(), from.version(), from.kind(), value);
  return conversion::FromStored(
      to.group(), to.version(), to.kind(),
      conversion::ToStored(from.group(), from.version(), from.kind(), std::move(value)));
}

fields::Set Replicas() {
  fields::Set set;
  set.Insert({fields::Element::Field("spec"), fields::Element::Field("replicas")});
  return set;
}

}  // namespace

fields::Target TargetOf(const schema::Resource& resource, const std::string& subresource) {
  fields::Target target;
  target.group = resource.group();
  target.version = resource.version();
  target.kind = resource.kind();
  target.subresource = subresource;
  target.type = &resource.type();
  target.reset = fields::ResetFields(target.group, target.kind, subresource,
                                     resource.FindSubresource("status") != nullptr);
  const schema::Resource* shown = &resource;
  const auto convert = [shown](const std::string& version, bool back, const Value& value,
                               Value& out) -> const schema::Type* {
    const schema::Resource* other = OtherVersion(*shown, version);
    if (other == nullptr) return nullptr;
    out = back ? Convert(*other, *shown, value) : Convert(*shown, *other, value);
    return &(back ? shown : other)->type();
  };
  target.convert = [convert](const std::string& version, const Value& value, Value& out) {
    return convert(version, false, value, out);
  };
  target.convert_back = [convert](const std::string& version, const Value& value, Value& out) {
    return convert(version, true, value, out);
  };
  return target;
}

fields::Target ScaleTarget() {
  fields::Target target;
  target.group = "autoscaling";
  target.version = "v1";
  target.kind = "Scale";
  target.subresource = "scale";
  target.type = schema::Find(target.group, target.version, target.kind);
  KEELSON_CHECK(target.type != nullptr);
  return target;
}

std::string ManagerOf(const Call& call, const WriteOptions& options) {
  const std::string* agent = service::FindHeader(call.request.headers, "user-agent");
  return fields::ManagerOf(options.manager, agent == nullptr ? std::string_view() : *agent);
}

bool IsApply(const Call& call) { return PatchMedia(call) == "application/apply-patch+yaml"; }

status::Or<bool> CheckPatchOptions(const Call& call, const WriteOptions& options) {
  constexpr char kGroup[] = "meta.k8s.io";
  constexpr char kKind[] = "PatchOptions";
  if (IsApply(call)) {
    if (!options.manager.empty()) return true;
    return status::Invalid(kGroup, kKind, "",
                           {{kube::ProblemKind::kRequired, "fieldManager",
                             "Required value: is required for apply patch", 0}});
  }
  if (service::FindField(call.request.query, "force") == nullptr) return true;
  return status::Invalid(kGroup, kKind, "",
                         {{kube::ProblemKind::kForbidden, "force",
                           "Forbidden: may not be specified for non-apply patch", 0}});
}

status::Or<Value> ReadConfig(Call& call, const WriteOptions& options) {
  constexpr json::Limits kLimits{.bytes = size_t{4} << 20, .depth = 200};
  std::vector<std::string> repeated;
  base::Result<Value> config = json::ParseFirstYaml(call.request.body, repeated, kLimits);
  if (!config.ok())
    return status::BadRequest(fmt::format(
        "error decoding YAML: error converting YAML to JSON: yaml: {}", config.error().message()));
  if (!config->IsObject() && !config->IsNull())
    return status::BadRequest(fmt::format(
        "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
        "{} into Go value of type map[string]interface {{}}",
        config->IsArray()    ? "array"
        : config->IsString() ? "string"
        : config->IsBool()   ? "bool"
                             : "number"));
  if (repeated.empty() || options.validation == Validation::kIgnore) return *std::move(config);
  const std::string problem =
      "error converting YAML to JSON: yaml: unmarshal errors:\n  " + base::Join(repeated, "\n  ");
  if (options.validation == Validation::kStrict)
    return status::BadRequest("error strict decoding YAML: " + problem);
  call.warnings.push_back(problem);
  return *std::move(config);
}

bool SeesManagers(const Call& call) {
  if (call.route.verb != "patch" || IsApply(call)) return false;
  const std::string_view body = call.request.body;
  return body.find("managedFields") != std::string_view::npos ||
         (PatchMedia(call) == "application/json-patch+json" &&
          (body.find("\"/metadata\"") != std::string_view::npos ||
           body.find("\"\"") != std::string_view::npos));
}

Value WithManagers(Value object, std::string_view managers) {
  Value* metadata = object.Find("metadata");
  if (managers.empty() || metadata == nullptr) return object;
  if (base::Result<Value> read = json::ParseJson(managers); read.ok())
    metadata->Set("managedFields", *std::move(read));
  return object;
}

std::string ScaleManagers(std::string_view managers) {
  const fields::Set replicas = Replicas();
  Managers out;
  for (Manager& each : fields::ReadManagers(managers)) {
    if (!fields::Covers(each.written(), replicas)) continue;
    each.version = kScaleVersion;
    each.SetFields(replicas);
    out.push_back(std::move(each));
  }
  return fields::WriteManagers(std::move(out));
}

std::string ParentManagers(std::string_view managers, std::string_view scale_managers,
                           const std::string& api_version) {
  Managers parents = fields::ReadManagers(managers);
  Managers scales = fields::ReadManagers(scale_managers);
  const fields::Set replicas = Replicas();
  for (Manager& each : parents) {
    if (!fields::Covers(each.written(), replicas)) continue;
    // As upstream has it: an updater's entry of the Scale is another one, as its version is.
    if (Manager* kept = fields::FindSame(scales, each))
      kept->SetFields({});
    else
      each.SetFields(Difference(each.set(), replicas));
  }
  for (Manager& each : scales) {
    if (!fields::Covers(each.written(), replicas)) continue;
    each.version = api_version;
    each.time.clear();
    each.SetFields(replicas);
    parents.push_back(std::move(each));
  }
  fields::DropEmpty(parents);
  return fields::WriteManagers(std::move(parents));
}

std::optional<std::string> ChangedBytes(const schema::Resource& resource, Value object,
                                        std::string_view managers, const fields::Split& stored,
                                        watch::Revision revision) {
  Value* metadata = object.Find("metadata");
  if (metadata == nullptr) return std::nullopt;
  metadata->Erase("resourceVersion");
  std::string bytes = AsStored(resource, std::move(object));
  if (WithRevision(bytes, revision) == stored.object &&
      fields::SameButTimes(managers, stored.managers))
    return std::nullopt;
  return fields::JoinManagers(std::move(bytes), managers);
}

}  // namespace keelson::api
