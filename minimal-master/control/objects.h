// SPDX-License-Identifier: Apache-2.0
// Reading the cache's objects as values, and the few things every controller asks of them. Pure
// but for the cache that is handed in; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/watch/cache.h"

namespace keelson::control {

// As stored, with its resourceVersion.
json::Value Parse(const watch::Object& object);
// Without metadata.managedFields: for facts about pods and nodes, never for what is written back.
json::Value ParseFacts(const watch::Object& object);
// Null: there is none.
watch::ObjectPtr Find(const watch::Cache& cache, const schema::Resource& resource,
                      std::string_view ns, std::string_view name);
std::optional<json::Value> Get(const watch::Cache& cache, const schema::Resource& resource,
                               std::string_view ns, std::string_view name);
// All of a namespace (empty: of all).
std::vector<watch::ObjectPtr> List(const watch::Cache& cache, const schema::Resource& resource,
                                   std::string_view ns);

// "ns/name", or "name" of what has no namespace; and apart again.
std::string KeyOf(const watch::Object& object);
std::pair<std::string, std::string> SplitKey(std::string_view key);

// The ownerReference with controller: true; null: it has none.
const json::Value* ControllerOf(const json::Value& object);
// For objects made by `owner`: controller and blockOwnerDeletion.
json::Value ControllerReference(std::string_view api_version, std::string_view kind,
                                const json::Value& owner);
// Of a status: true since `now`.
json::Value Condition(std::string_view type, std::string_view reason, std::string_view message,
                      int64_t now_nanos);
bool IsBeingDeleted(const json::Value& object);

}  // namespace keelson::control
