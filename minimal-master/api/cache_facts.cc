// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/cache_facts.h"

#include <fmt/format.h>

#include "minimal-master/storage/storage.h"

namespace keelson::api {

std::optional<json::Value> CacheFacts::Find(std::string_view group, std::string_view resource,
                                            std::string_view ns, std::string_view name) const {
  const std::string key =
      fmt::format("{}{}{}{}", storage::KeyPrefix(group, resource), ns, ns.empty() ? "" : "/", name);
  const watch::ObjectPtr object = snapshot_.Find(key);
  if (!object) return std::nullopt;
  base::Result<json::Value> value = json::ParseJson(object->bytes().view());
  if (!value.ok()) return std::nullopt;
  return *std::move(value);
}

void CacheFacts::ForEach(std::string_view group, std::string_view resource, std::string_view ns,
                         const std::function<void(const json::Value&)>& each) const {
  const std::string prefix =
      fmt::format("{}{}{}", storage::KeyPrefix(group, resource), ns, ns.empty() ? "" : "/");
  snapshot_.ForEach(prefix, "", [&](const watch::ObjectPtr& object) {
    const base::Result<json::Value> value = json::ParseJson(object->bytes().view());
    if (value.ok()) each(*value);
    return true;
  });
}

}  // namespace keelson::api
