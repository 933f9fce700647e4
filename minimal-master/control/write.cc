// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/write.h"

#include "lib/base/result.h"

namespace keelson::control {

const schema::Resource& ResourceNamed(std::string_view group, std::string_view name) {
  const schema::Resource* found = nullptr;
  for (const schema::Resource& resource : schema::Resources()) {
    if (found == nullptr && resource.group() == group && resource.name() == name) found = &resource;
  }
  KEELSON_CHECK(found != nullptr);
  return *found;
}

Write Create(const schema::Resource& resource, std::string_view ns, json::Value object) {
  const std::string name = object.At({"metadata", "name"}).AsString();
  return {Write::Verb::kCreate, &resource, {}, std::string(ns), name, std::move(object)};
}

Write Update(const schema::Resource& resource, json::Value object, std::string_view subresource) {
  const std::string ns = object.At({"metadata", "namespace"}).AsString();
  const std::string name = object.At({"metadata", "name"}).AsString();
  return {Write::Verb::kUpdate, &resource, std::string(subresource), ns, name, std::move(object)};
}

Write MergePatch(const schema::Resource& resource, std::string_view ns, std::string_view name,
                 json::Value patch, std::string_view subresource) {
  return {Write::Verb::kMergePatch, &resource,         std::string(subresource),
          std::string(ns),          std::string(name), std::move(patch)};
}

Write Delete(const schema::Resource& resource, std::string_view ns, std::string_view name,
             std::string_view uid, std::string_view policy) {
  json::Value options;
  options.Set("apiVersion", json::Value("v1"));
  options.Set("kind", json::Value("DeleteOptions"));
  if (!uid.empty()) options.Set("preconditions", json::Value::Object({{"uid", json::Value(uid)}}));
  if (!policy.empty()) options.Set("propagationPolicy", json::Value(policy));
  return {Write::Verb::kDelete, &resource,         {},
          std::string(ns),      std::string(name), std::move(options)};
}

}  // namespace keelson::control
