// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/decode_parts.h"

namespace keelson::kube {
namespace {

std::optional<int32_t> Mode(const json::Value& v, std::string_view key) {
  const std::optional<int64_t> mode = MaybeInt(v, key);
  if (!mode) return std::nullopt;
  return static_cast<int32_t>(*mode);
}

ObjectVolume DecodeObject(const json::Value& v, bool secret, std::string_view name) {
  ObjectVolume out;
  out.secret = secret;
  out.name = Text(v, name);
  for (const json::Value& i : Member(v, "items").items())
    out.items.push_back({Text(i, "key"), Text(i, "path"), Mode(i, "mode")});
  out.default_mode = Mode(v, "defaultMode").value_or(0644);
  out.optional = Flag(v, "optional");
  return out;
}

DownwardApiVolume DecodeDownward(const json::Value& v) {
  DownwardApiVolume out;
  for (const json::Value& i : Member(v, "items").items()) {
    DownwardApiItem item;
    item.path = Text(i, "path");
    item.field_path = Text(Member(i, "fieldRef"), "fieldPath");
    if (Has(i, "resourceFieldRef"))
      item.resource = DecodeResourceField(Member(i, "resourceFieldRef"));
    item.mode = Mode(i, "mode");
    out.items.push_back(std::move(item));
  }
  out.default_mode = Mode(v, "defaultMode").value_or(0644);
  return out;
}

ServiceAccountTokenSource DecodeToken(const json::Value& v) {
  ServiceAccountTokenSource out;
  out.path = Text(v, "path");
  out.audience = Text(v, "audience");
  out.expiration_seconds = MaybeInt(v, "expirationSeconds").value_or(3600);
  return out;
}

}  // namespace

Volume DecodeVolume(const json::Value& v) {
  Volume out;
  out.name = Text(v, "name");
  out.source = EmptyDirVolume{};  // also what a volume without a source is
  for (const auto& [kind, source] : v.members()) {
    if (kind == "name" || source.IsNull()) continue;
    if (kind == "emptyDir") {
      EmptyDirVolume volume;
      volume.medium = Text(source, "medium");
      if (Has(source, "sizeLimit")) volume.size_limit = DecodeQuantity(Member(source, "sizeLimit"));
      out.source = std::move(volume);
    } else if (kind == "hostPath") {
      out.source = HostPathVolume{Text(source, "path"), Text(source, "type")};
    } else if (kind == "configMap") {
      out.source = DecodeObject(source, false, "name");
    } else if (kind == "secret") {
      out.source = DecodeObject(source, true, "secretName");
    } else if (kind == "downwardAPI") {
      out.source = DecodeDownward(source);
    } else if (kind == "projected") {
      ProjectedVolume volume;
      volume.default_mode = Mode(source, "defaultMode").value_or(0644);
      std::string unsupported;
      for (const json::Value& s : Member(source, "sources").items()) {
        if (Has(s, "configMap")) {
          volume.sources.push_back(DecodeObject(Member(s, "configMap"), false, "name"));
        } else if (Has(s, "secret")) {
          volume.sources.push_back(DecodeObject(Member(s, "secret"), true, "name"));
        } else if (Has(s, "downwardAPI")) {
          volume.sources.push_back(DecodeDownward(Member(s, "downwardAPI")));
        } else if (Has(s, "serviceAccountToken")) {
          volume.sources.push_back(DecodeToken(Member(s, "serviceAccountToken")));
        } else if (!s.members().empty()) {
          unsupported = "projected." + s.members()[0].first;
        }
      }
      if (unsupported.empty()) {
        out.source = std::move(volume);
      } else {
        out.source = UnsupportedVolume{std::move(unsupported)};
      }
    } else {
      out.source = UnsupportedVolume{kind};
    }
  }
  return out;
}

}  // namespace keelson::kube
