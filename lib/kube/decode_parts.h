// SPDX-License-Identifier: Apache-2.0
// The decoder's own parts: from a document whose types were checked (schema.h) to structs, with
// upstream's defaults filled in (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go, 1.35). Nothing
// here refuses anything. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/kube/pod.h"

namespace keelson::kube {

inline const json::Value& Member(const json::Value& v, std::string_view key) { return v.At({key}); }
inline bool Has(const json::Value& v, std::string_view key) { return !Member(v, key).IsNull(); }
inline std::string Text(const json::Value& v, std::string_view key,
                        std::string_view fallback = "") {
  const std::string& text = Member(v, key).AsString();
  return text.empty() ? std::string(fallback) : text;
}
inline bool Flag(const json::Value& v, std::string_view key, bool fallback = false) {
  return Has(v, key) ? Member(v, key).AsBool() : fallback;
}
std::optional<bool> MaybeFlag(const json::Value& v, std::string_view key);
std::optional<int64_t> MaybeInt(const json::Value& v, std::string_view key);
std::vector<std::string> Texts(const json::Value& list);
std::map<std::string, std::string> TextMap(const json::Value& map);
Quantity DecodeQuantity(const json::Value& v);
ResourceList DecodeResources(const json::Value& map);
// What has no request of its own requests its limit.
ResourceRequirements DecodeRequirements(const json::Value& v);
ResourceFieldSelector DecodeResourceField(const json::Value& v);
SecurityContext DecodeSecurityContext(const json::Value& v);
std::optional<SeccompProfile> DecodeProfile(const json::Value& v);
std::optional<SeLinuxOptions> DecodeSeLinux(const json::Value& v);

ObjectMeta DecodeMeta(const json::Value& v);
Container DecodeContainer(const json::Value& v, bool host_network);
std::optional<Probe> DecodeProbe(const json::Value& v);
std::optional<LifecycleHandler> DecodeLifecycleHandler(const json::Value& v);
Volume DecodeVolume(const json::Value& v);
PodSpec DecodeSpec(const json::Value& v);

// Always for a tag of "latest", given or meant; IfNotPresent for others and for digests.
std::string DefaultPullPolicy(std::string_view image);

}  // namespace keelson::kube
