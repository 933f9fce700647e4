// SPDX-License-Identifier: Apache-2.0
#include "oci/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "oci/plan/mount_options.h"

namespace keelson::oci {
namespace {

using spec::Mount;
using testing::HasSubstr;

MountEntry Entry(std::string type, std::vector<std::string> options) {
  MountEntry entry;
  entry.destination = "/data";
  entry.type = std::move(type);
  entry.source = "src";
  entry.options = std::move(options);
  entry.path = "mounts[0]";
  return entry;
}

TEST(MountOptions, SayWhatTheKernelIsAskedFor) {
  const auto mount =
      ToMount(Entry("none", {"rbind", "ro", "nosuid", "rnoexec", "rslave", "noatime"}), "/bundle");
  ASSERT_TRUE(mount.ok());
  EXPECT_EQ(mount->kind, Mount::Kind::kBind);
  EXPECT_EQ(mount->further.source, "/bundle/src");
  EXPECT_TRUE(mount->further.recursive);
  EXPECT_EQ(mount->attributes,
            uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME});
  EXPECT_EQ(mount->further.clear, uint64_t{MOUNT_ATTR__ATIME});
  EXPECT_EQ(mount->further.set_below, uint64_t{MOUNT_ATTR_NOEXEC});
  EXPECT_EQ(mount->further.propagation, std::vector<uint64_t>{MS_SLAVE | MS_REC});
}

TEST(MountOptions, TheLastOfTwoThatContradictCounts) {
  const auto mount = ToMount(Entry("tmpfs", {"ro", "rw", "size=1m", "sync"}), "/bundle");
  ASSERT_TRUE(mount.ok());
  EXPECT_EQ(mount->attributes, 0u);
  EXPECT_EQ(mount->further.clear, uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(mount->options, "size=1m,sync");
}

TEST(MountOptions, RefusesWhatNobodyKnows) {
  const auto mount = ToMount(Entry("bind", {"bind", "rubbish"}), "/b");
  ASSERT_FALSE(mount.ok());
  EXPECT_THAT(mount.error().message(), HasSubstr("mounts[0].options: rubbish is unknown"));
  EXPECT_FALSE(ToMount(Entry("proc", {"tmpcopyup"}), "/b").ok());
  EXPECT_FALSE(ToMount(Entry("", {}), "/b").ok());
}

Config Parsed(const std::string& mounts) {
  return ParseConfig(R"({"ociVersion":"1.0.2","root":{"path":"r"},
    "process":{"args":["sh"],"cwd":"/"},"mounts":[)" +
                     mounts + R"(],"linux":{"namespaces":[{"type":"mount"},{"type":"cgroup"}]}})")
      .value();
}

TEST(Plan, NothingLiesAboutTheProcessInProc) {
  const struct {
    const char* mount;
    bool ok;
  } cases[] = {
      {R"({"destination":"/proc","type":"proc","source":"proc"})", true},
      {R"({"destination":"/proc","type":"bind","source":"/proc","options":["rbind"]})", true},
      {R"({"destination":"/proc","type":"bind","source":"/tmp"})", false},
      {R"({"destination":"/proc/self/attr","type":"bind","source":"/tmp"})", false},
      {R"({"destination":"/x/../proc/../proc/1","type":"tmpfs","source":"t"})", false},
      {R"({"destination":"/proc/meminfo","type":"bind","source":"/x"})", true},
      {R"({"destination":"/","type":"bind","source":"/x"})", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.mount);
    EXPECT_EQ(ToSpec(Parsed(c.mount), {"id", "/b", "/b/r"}).ok(), c.ok);
  }
}

TEST(Plan, HasTheDefaultDevicesAndNamespaces) {
  const auto spec = ToSpec(Parsed(""), {"id", "/b", "/b/r"});
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->devices.size(), 6u);
  EXPECT_EQ(spec->pid_mode, spec::PidMode::kHost);
  EXPECT_TRUE(spec->own_cgroup_namespace);
  EXPECT_EQ(spec->root_path, "/b/r");
}

TEST(Capabilities, WhatCannotBeGrantedIsTakenAwayAndTold) {
  spec::Capabilities sets{.bounding = 0b1111,
                          .effective = 0b0110,
                          .permitted = 0b0011,
                          .inheritable = 0b1001,
                          .ambient = 0b0011};
  const std::vector<std::string> told = LimitCapabilities(sets, 0b0111);
  EXPECT_EQ(sets.bounding, 0b0111u);
  EXPECT_EQ(sets.permitted, 0b0011u);
  EXPECT_EQ(sets.inheritable, 0b0001u);
  EXPECT_EQ(sets.effective, 0b0010u);
  EXPECT_EQ(sets.ambient, 0b0001u);
  EXPECT_THAT(told,
              testing::Contains(HasSubstr("can't raise ambient capability CAP_DAC_OVERRIDE")));
  EXPECT_EQ(told.size(), 4u);
  EXPECT_TRUE(LimitCapabilities(sets, 0b0111).empty());
}

}  // namespace
}  // namespace keelson::oci
