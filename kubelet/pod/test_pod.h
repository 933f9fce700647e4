// SPDX-License-Identifier: Apache-2.0
// For tests: a pod out of a few lines of YAML, config maps and secrets out of a map.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <string>

#include "kubelet/volume/objects.h"
#include "lib/kube/decode.h"

namespace keelson::pod {

// `fields` are members of spec, or of metadata in flow style: TestPod("containers: [{name: a,
// image: b}]", "labels: {x: y}").
inline kube::Pod TestPod(const std::string& spec, const std::string& metadata = "") {
  std::string text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, uid: u-1" +
                     (metadata.empty() ? "" : ", " + metadata) + "}\nspec:\n";
  for (size_t at = 0; at < spec.size();) {
    const size_t end = std::min(spec.find('\n', at), spec.size());
    text += "  " + spec.substr(at, end - at) + "\n";
    at = end + 1;
  }
  const base::Result<json::Value> document = json::ParseYaml(text);
  EXPECT_TRUE(document.ok()) << document.error().message() << "\n" << text;
  if (!document.ok()) return {};
  const base::Result<kube::Pod> pod = kube::DecodePod(*document);
  EXPECT_TRUE(pod.ok()) << pod.error().message() << "\n" << text;
  return pod.ok() ? *pod : kube::Pod();
}

class TestObjects final : public volume::Objects {
 public:
  void Add(bool secret, const std::string& name, std::map<std::string, std::string> data) {
    kube::ConfigObject object;
    object.secret = secret;
    object.metadata.name = name;
    object.data = std::move(data);
    const std::lock_guard lock(mutex_);
    objects_[{secret, name}] = std::move(object);
  }
  std::optional<kube::ConfigObject> Find(bool secret, const std::string& namespace_name,
                                         const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find({secret, name});
    return found == objects_.end() || namespace_name != "shop" ? std::nullopt
                                                               : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<bool, std::string>, kube::ConfigObject> objects_;
};

}  // namespace keelson::pod
