// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/objects.h"

#include <gmock/gmock.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::volume {
namespace {

class LocalObjectsTest : public testing::Test {
 protected:
  void Put(const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/o.yaml", text, 0644).ok());
  }
  std::string Value() {
    const auto object = objects_.Find(false, "default", "c");
    return object && object->data.contains("k") ? object->data.at("k") : "(none)";
  }
  const os::TempDir dir_ = os::TempDir::Create("keelson-objects").value();
  LocalObjects objects_{dir_.path()};
};

std::string Map(const std::string& value, const std::string& more = "") {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: default}\ndata: {k: " +
         value + "}\n" + more;
}

TEST_F(LocalObjectsTest, FollowTheirFiles) {
  Put(Map("one"));
  EXPECT_TRUE(objects_.Reload().empty());
  EXPECT_EQ(Value(), "one");
  Put(Map("two"));
  EXPECT_TRUE(objects_.Reload().empty());
  EXPECT_EQ(Value(), "two");
  Put("kind: [");
  EXPECT_EQ(objects_.Reload().size(), 1u);
}

TEST_F(LocalObjectsTest, ThatAreImmutableStayAsTheyWere) {
  Put(Map("one", "immutable: true\n"));
  EXPECT_TRUE(objects_.Reload().empty());
  for (const std::string& changed : {Map("two", "immutable: true\n"), Map("two"), Map("one")}) {
    Put(changed);
    const std::vector<base::Error> problems = objects_.Reload();
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_THAT(problems[0].message(),
                testing::HasSubstr(
                    "o.yaml: line 1: configmap default/c is immutable: its data cannot change"));
    EXPECT_EQ(Value(), "one");
  }
  ASSERT_TRUE(os::RemoveFile(dir_.path() + "/o.yaml").ok());
  EXPECT_TRUE(objects_.Reload().empty());
  EXPECT_EQ(Value(), "(none)");
  Put(Map("two"));
  EXPECT_TRUE(objects_.Reload().empty());
  EXPECT_EQ(Value(), "two");
}

}  // namespace
}  // namespace keelson::volume
