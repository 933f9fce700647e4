// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/objects.h"

#include "lib/json/part.h"
#include "minimal-master/control/times.h"
#include "minimal-master/storage/storage.h"

namespace keelson::control {

json::Value Parse(const watch::Object& object) {
  base::Result<json::Value> value = json::ParseJson(object.bytes().view());
  // What the cache keeps was written by the schema or read by it.
  return value.ok() ? *std::move(value) : json::Value::Object();
}

json::Value ParseFacts(const watch::Object& object) {
  base::Result<json::Value> value = json::ParseJsonPart(
      object.bytes().view(), [](std::string_view top, std::string_view member, char) {
        return top != "metadata" || member != "managedFields";
      });
  return value.ok() ? *std::move(value) : json::Value::Object();
}

watch::ObjectPtr Find(const watch::Cache& cache, const schema::Resource& resource,
                      std::string_view ns, std::string_view name) {
  return cache.Find(storage::KeyOf(storage::StoredAs(resource), ns, name));
}

std::optional<json::Value> Get(const watch::Cache& cache, const schema::Resource& resource,
                               std::string_view ns, std::string_view name) {
  const watch::ObjectPtr object = Find(cache, resource, ns, name);
  if (!object) return std::nullopt;
  return Parse(*object);
}

std::vector<watch::ObjectPtr> List(const watch::Cache& cache, const schema::Resource& resource,
                                   std::string_view ns) {
  std::vector<watch::ObjectPtr> out;
  cache.Current().ForEach(storage::PrefixOf(storage::StoredAs(resource), ns), "",
                          [&](const watch::ObjectPtr& object) {
                            out.push_back(object);
                            return true;
                          });
  return out;
}

std::string KeyOf(const watch::Object& object) {
  if (object.ns().empty()) return std::string(object.name());
  return std::string(object.ns()) + "/" + std::string(object.name());
}

std::pair<std::string, std::string> SplitKey(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {"", std::string(key)};
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

const json::Value* ControllerOf(const json::Value& object) {
  for (const json::Value& owner : object.At({"metadata", "ownerReferences"}).items()) {
    if (owner.At({"controller"}).AsBool()) return &owner;
  }
  return nullptr;
}

json::Value ControllerReference(std::string_view api_version, std::string_view kind,
                                const json::Value& owner) {
  json::Value out;
  out.Set("apiVersion", json::Value(api_version));
  out.Set("kind", json::Value(kind));
  out.Set("name", owner.At({"metadata", "name"}));
  out.Set("uid", owner.At({"metadata", "uid"}));
  out.Set("controller", json::Value(true));
  out.Set("blockOwnerDeletion", json::Value(true));
  return out;
}

json::Value Condition(std::string_view type, std::string_view reason, std::string_view message,
                      int64_t now_nanos) {
  json::Value out;
  out.Set("type", json::Value(type));
  out.Set("status", json::Value("True"));
  out.Set("lastTransitionTime", json::Value(TimeText(now_nanos)));
  out.Set("reason", json::Value(reason));
  out.Set("message", json::Value(message));
  return out;
}

bool IsBeingDeleted(const json::Value& object) {
  return object.At({"metadata", "deletionTimestamp"}).IsString();
}

}  // namespace keelson::control
