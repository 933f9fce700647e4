// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/bodies.h"

#include <fmt/format.h>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "minimal-master/patch/json_patch.h"
#include "minimal-master/patch/strategic.h"

namespace keelson::api {

using json::Value;
using status::Failure;

status::Or<schema::Media> MediaOf(const service::Fields& headers) {
  const std::string* type = service::FindHeader(headers, "content-type");
  if (type == nullptr || type->empty()) return schema::Media::kJson;
  const std::string_view media = base::Trim(std::string_view(*type).substr(0, type->find(';')));
  if (media == "application/json") return schema::Media::kJson;
  if (media == "application/yaml") return schema::Media::kYaml;
  if (media == "application/vnd.kubernetes.protobuf") return schema::Media::kProtobuf;
  return status::UnsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json, application/yaml, application/vnd.kubernetes.protobuf");
}

status::Or<bool> Judge(const std::vector<schema::Problem>& problems, const WriteOptions& options,
                       Call& call) {
  if (problems.empty() || options.validation == Validation::kIgnore) return true;
  if (options.validation == Validation::kStrict) {
    const schema::Resource& resource = *call.route.served;
    return status::BadRequest(schema::RequestRefusal(resource.version(), resource.kind(),
                                                     schema::StrictMessage(problems)));
  }
  for (const schema::Problem& problem : problems) call.warnings.push_back(problem.message);
  return true;
}

status::Or<Value> DecodeBody(Call& call, const WriteOptions& options) {
  const status::Or<schema::Media> media = MediaOf(call.request.headers);
  if (!media.ok()) return media.failure();
  const schema::Resource& resource = *call.route.served;
  base::Result<schema::Decoded> decoded = schema::DecodeRequest(
      call.request.body, *media, resource.group(), resource.version(), resource.kind());
  if (!decoded.ok()) return status::BadRequest(decoded.error().message());
  const status::Or<bool> judged = Judge(decoded->problems, options, call);
  if (!judged.ok()) return judged.failure();
  return std::move(decoded->value);
}

std::string_view PatchMedia(const Call& call) {
  const std::string* header = service::FindHeader(call.request.headers, "content-type");
  return header == nullptr ? std::string_view()
                           : base::Trim(std::string_view(*header).substr(0, header->find(';')));
}

status::Or<bool> CheckPatchMedia(const Call& call) {
  const std::string_view media = PatchMedia(call);
  for (const char* known :
       {"application/json-patch+json", "application/merge-patch+json",
        "application/strategic-merge-patch+json", "application/apply-patch+yaml"}) {
    if (media == known) return true;
  }
  Failure failure = status::UnsupportedMediaType("415: Unsupported Media Type");
  failure.has_details = true;
  return failure;
}

status::Or<Value> PatchValue(const Call& call, const Value& current) {
  const std::string_view media = PatchMedia(call);
  const bool json_patch = media == "application/json-patch+json";
  const bool merge = media == "application/merge-patch+json";
  const bool strategic = media == "application/strategic-merge-patch+json";
  const base::Result<Value> patch = schema::DecodeAny(call.request.body);
  if (!patch.ok())
    return status::BadRequest(strategic ? patch.error().message()
                                        : "error decoding patch: " + patch.error().message());
  if (json_patch) return patch::ApplyJsonPatch(current, *patch);
  if (!patch->IsObject())
    return status::BadRequest(
        fmt::format("{}json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                    strategic ? "" : "error decoding patch: ",
                    patch->IsArray()    ? "array"
                    : patch->IsString() ? "string"
                    : patch->IsBool()   ? "bool"
                                        : "number"));
  if (merge) return patch::ApplyMergePatch(current, *patch);
  const schema::Subresource* sub = call.route.served_sub;
  const schema::Type& type =
      sub != nullptr && sub->type() != nullptr ? *sub->type() : call.route.served->type();
  return patch::ApplyStrategicMerge(current, *patch, type);
}

status::Or<bool> CheckKind(const Call& call, const Value& patched) {
  const schema::Resource& resource = *call.route.served;
  const std::string& kind = patched.At({"kind"}).AsString();
  const std::string& version = patched.At({"apiVersion"}).AsString();
  const std::string own = resource.group().empty()
                              ? std::string(resource.version())
                              : fmt::format("{}/{}", resource.group(), resource.version());
  if ((kind.empty() || kind == resource.kind()) && (version.empty() || version == own)) return true;
  const size_t slash = version.find('/');
  const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
  const std::string name = slash == std::string::npos ? version : version.substr(slash + 1);
  if (schema::FindResourceOfKind(group, name, kind) == nullptr)
    return NotReadable(patched,
                       fmt::format("no kind \"{}\" is registered for version \"{}\" in scheme "
                                   "\"pkg/runtime/scheme.go:111\"",
                                   kind, version));
  return NotReadable(
      patched, fmt::format("unable to decode {}, Kind={} into *{}.{}",
                           slash == std::string::npos ? "/" + version : version, kind,
                           resource.group().empty() ? "core" : resource.group(), resource.kind()));
}

Failure NotReadable(const Value& patched, const std::string& why) {
  return status::Invalid(
      "", "", "",
      {{kube::ProblemKind::kInvalid, "patch",
        fmt::format("Invalid value: {}: {}", json::Quote(json::WriteJson(patched)), why), 0}});
}

}  // namespace keelson::api
