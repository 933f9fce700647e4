// SPDX-License-Identifier: Apache-2.0
// Pods and objects for tables of tests: an object as the cache would hold it.
#pragma once

#include "minimal-master/controllers/pods/facts.h"

namespace keelson::pods {

inline watch::ObjectPtr FakeObject(const std::string& name,
                                   std::vector<std::pair<std::string, std::string>> labels,
                                   const std::string& json = "{}", int64_t revision = 7) {
  watch::Contents contents;
  contents.ns = "ns";
  contents.name = name;
  contents.uid = "uid-" + name;
  contents.labels = std::move(labels);
  contents.bytes = store::Bytes::Copy(json);
  return watch::ObjectPtr(new watch::Object("/registry/x/ns/" + name, revision, contents));
}

// A pod of this name with label app=web, changed as the test likes.
template <typename Change>
PodPtr FakePod(const std::string& name, const Change& change) {
  auto out = std::make_shared<PodFacts>();
  out->object = FakeObject(name, {{"app", "web"}});
  change(*out);
  return out;
}
inline PodPtr FakePod(const std::string& name) {
  return FakePod(name, [](PodFacts&) {});
}

}  // namespace keelson::pods
