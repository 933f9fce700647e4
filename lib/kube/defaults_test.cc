// SPDX-License-Identifier: Apache-2.0
// A spec as it was written and as a real API server completed it must decode to the same thing
// (testdata/defaults.json).
#include <gtest/gtest.h>

#include <fstream>

#include "lib/base/testing/places.h"
#include "lib/kube/decode.h"

namespace keelson::kube {
namespace {

base::Result<Pod> Decode(const json::Value& spec) {
  json::Value meta = json::Value::Object();
  meta.Set("name", json::Value("p"));
  json::Value pod = json::Value::Object();
  pod.Set("apiVersion", json::Value("v1"));
  pod.Set("kind", json::Value("Pod"));
  pod.Set("metadata", std::move(meta));
  pod.Set("spec", spec);
  return DecodePod(pod);
}

// What the server's admission adds, not the defaults of the API.
void DropAdmission(PodSpec& spec) {
  spec.service_account_name.clear();
  spec.priority.reset();
}

TEST(Defaults, AreThoseOfTheRealServer) {
  std::ifstream file(base::SourceDir() + "/lib/kube/testdata/defaults.json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto data = json::ParseJson(text);
  ASSERT_TRUE(data.ok()) << data.error().message();
  for (const json::Value& entry : data->At({"cases"}).items()) {
    SCOPED_TRACE(entry.items()[0].AsString());
    auto written = Decode(entry.items()[1]);
    auto completed = Decode(entry.items()[2]);
    ASSERT_TRUE(written.ok()) << written.error().message();
    ASSERT_TRUE(completed.ok()) << completed.error().message();
    DropAdmission(written->spec);
    DropAdmission(completed->spec);
    EXPECT_TRUE(written->spec.containers == completed->spec.containers);
    EXPECT_TRUE(written->spec.init_containers == completed->spec.init_containers);
    EXPECT_TRUE(written->spec.volumes == completed->spec.volumes);
    EXPECT_TRUE(written->spec == completed->spec);
  }
}

}  // namespace
}  // namespace keelson::kube
