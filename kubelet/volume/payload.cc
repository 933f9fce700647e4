// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/payload.h"

#include "lib/base/strings.h"

namespace keelson::volume {
namespace {

using base::Result;

unsigned ModeOf(const std::optional<int32_t>& own, int32_t common) {
  return static_cast<unsigned>(own.value_or(common)) & 0777;
}

Result<Payload> OfObject(const kube::ObjectVolume& volume, int32_t default_mode,
                         const PayloadInputs& in) {
  const std::optional<kube::ConfigObject> object =
      in.objects.Find(volume.secret, in.namespace_name, volume.name);
  Payload payload;
  if (!object) {
    if (volume.optional) return payload;
    return base::NotFound("{} \"{}\" not found", volume.secret ? "secret" : "configmap",
                          volume.name);
  }
  if (volume.items.empty()) {
    for (const auto& [key, data] : object->data) payload[key] = {data, ModeOf({}, default_mode)};
    return payload;
  }
  for (const kube::KeyToPath& item : volume.items) {
    const auto found = object->data.find(item.key);
    if (found != object->data.end()) {
      payload[item.path] = {found->second, ModeOf(item.mode, default_mode)};
    } else if (!volume.optional) {
      return base::NotFound("{}: {}",
                            volume.secret ? "references non-existent secret key"
                                          : "configmap references non-existent config key",
                            item.key);
    }
  }
  return payload;
}

Result<Payload> OfDownward(const kube::DownwardApiVolume& volume, int32_t default_mode,
                           const PayloadInputs& in) {
  Payload payload;
  for (const kube::DownwardApiItem& item : volume.items) {
    std::string data;
    if (item.resource) {
      const auto found = in.values.resources.find(ResourceKey(*item.resource, ""));
      if (found == in.values.resources.end()) {
        return base::InvalidArgument("container {} or its resource {} not found",
                                     item.resource->container_name, item.resource->resource);
      }
      data = found->second;
    } else {
      const auto found = in.values.fields.find(item.field_path);
      // A label or annotation that the pod does not have is an empty file.
      if (found == in.values.fields.end() && !item.field_path.ends_with("']")) {
        return base::InvalidArgument("unsupported fieldPath: {}", item.field_path);
      }
      if (found != in.values.fields.end()) data = found->second;
    }
    payload[item.path] = {std::move(data), ModeOf(item.mode, default_mode)};
  }
  return payload;
}

Result<Payload> OfToken(const kube::ServiceAccountTokenSource& source, int32_t default_mode,
                        const PayloadInputs& in) {
  ASSIGN_OR_RETURN(std::string token,
                   in.objects.Token({in.pod_uid, source.audience, source.expiration_seconds}));
  Payload payload;
  payload[source.path] = {std::move(token), ModeOf({}, default_mode)};
  return payload;
}

}  // namespace

Result<Payload> PayloadOf(const kube::ObjectVolume& volume, const PayloadInputs& inputs) {
  return OfObject(volume, volume.default_mode, inputs);
}

Result<Payload> PayloadOf(const kube::DownwardApiVolume& volume, const PayloadInputs& inputs) {
  return OfDownward(volume, volume.default_mode, inputs);
}

Result<Payload> PayloadOf(const kube::ProjectedVolume& volume, const PayloadInputs& inputs) {
  Payload all;
  std::vector<std::string> problems;
  base::Code code = base::Code::kInvalidArgument;
  for (const kube::ProjectedSource& source : volume.sources) {
    Result<Payload> part = Payload();
    if (const auto* object = std::get_if<kube::ObjectVolume>(&source))
      part = OfObject(*object, volume.default_mode, inputs);
    if (const auto* downward = std::get_if<kube::DownwardApiVolume>(&source))
      part = OfDownward(*downward, volume.default_mode, inputs);
    if (const auto* token = std::get_if<kube::ServiceAccountTokenSource>(&source))
      part = OfToken(*token, volume.default_mode, inputs);
    if (part.ok()) {
      for (auto& [path, file] : *part) all[path] = std::move(file);
    } else {
      if (problems.empty()) code = part.error().code();
      problems.push_back(part.error().message());
    }
  }
  if (problems.empty()) return all;
  if (problems.size() == 1) return base::Error(code, problems.front());
  return base::Error(code, "[" + base::Join(problems, ", ") + "]");
}

}  // namespace keelson::volume
