// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/decode.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/decode_parts.h"
#include "lib/kube/schema.h"
#include "lib/kube/validate.h"

namespace keelson::kube {
namespace {

base::Status CheckKind(const json::Value& document, std::initializer_list<std::string_view> kinds) {
  if (!document.IsObject())
    return base::InvalidArgument("line {}: must be an object", std::max(document.line(), 1));
  const Field root(document);
  const Field version = root["apiVersion"];
  const Field kind = root["kind"];
  Problems problems;
  if (!kind.Present()) problems.Required(kind);
  if (!version.Present()) problems.Required(version);
  const bool known = std::find(kinds.begin(), kinds.end(), kind.String()) != kinds.end();
  if (problems.empty() && (version.String() != "v1" || !known)) {
    problems.AddBare(kind.line(),
                     fmt::format("no kind {} is registered for version {} here",
                                 json::Quote(kind.String()), json::Quote(version.String())));
  }
  if (problems.empty()) return base::Ok();
  return problems.ToError();
}

}  // namespace

ObjectMeta DecodeMeta(const json::Value& v) {
  ObjectMeta out;
  out.name = Text(v, "name");
  out.namespace_name = Text(v, "namespace");
  out.uid = Text(v, "uid");
  out.resource_version = Text(v, "resourceVersion");
  out.labels = TextMap(Member(v, "labels"));
  out.annotations = TextMap(Member(v, "annotations"));
  out.creation_timestamp = Text(v, "creationTimestamp");
  out.deletion_timestamp = Text(v, "deletionTimestamp");
  out.deletion_grace_period_seconds = MaybeInt(v, "deletionGracePeriodSeconds");
  return out;
}

namespace {

base::Result<Pod> DecodePodOf(const json::Value& document, bool stored) {
  RETURN_IF_ERROR(CheckKind(document, {"Pod"}));
  Problems problems;
  const Field root(document);
  if (CheckSchema(root, "Pod", problems)) ValidatePod(root, stored, problems);
  if (!problems.empty()) return problems.ToError();
  Pod pod;
  pod.metadata = DecodeMeta(Member(document, "metadata"));
  pod.spec = DecodeSpec(Member(document, "spec"));
  pod.object = document;
  return pod;
}

}  // namespace

base::Result<Pod> DecodePod(const json::Value& document) { return DecodePodOf(document, false); }
base::Result<Pod> DecodeStoredPod(const json::Value& document) {
  return DecodePodOf(document, true);
}

base::Result<ConfigObject> DecodeConfigObject(const json::Value& document) {
  RETURN_IF_ERROR(CheckKind(document, {"ConfigMap", "Secret"}));
  Problems problems;
  const Field root(document);
  const bool secret = root["kind"].String() == "Secret";
  if (CheckSchema(root, secret ? "Secret" : "ConfigMap", problems))
    ValidateConfigObject(root, problems);
  if (!problems.empty()) return problems.ToError();
  ConfigObject out;
  out.secret = secret;
  out.metadata = DecodeMeta(Member(document, "metadata"));
  out.immutable = Member(document, "immutable").AsBool();
  for (const auto& [key, value] : Member(document, secret ? "data" : "binaryData").members()) {
    out.data[key] = base::Base64Decode(value.AsString()).value_or("");
  }
  for (const auto& [key, value] : Member(document, secret ? "stringData" : "data").members())
    out.data[key] = value.AsString();
  return out;
}

}  // namespace keelson::kube
