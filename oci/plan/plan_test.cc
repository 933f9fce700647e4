// SPDX-License-Identifier: Apache-2.0
#include "oci/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "lib/base/strings.h"
#include "oci/plan/mount_options.h"
#include "runtime/rootfs/bind_attributes.h"

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

TEST(BindAttributes, AreWhatIsListedAsSoonAsAnythingIs) {
  constexpr uint64_t kAll = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                            MOUNT_ATTR_NOEXEC | 0x00200000 /* NOSYMFOLLOW */;
  constexpr uint64_t kTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
  const struct {
    std::vector<std::string> words;
    bool exact;
    uint64_t set, clear;
  } cases[] = {
      {{"rbind", "rprivate"}, false, 0, 0},
      {{"rbind", "rro"}, false, 0, 0},
      {{"bind", "dev"}, true, 0, kAll},
      {{"bind", "ro", "nosuid"},
       true,
       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
       kAll & ~uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID}},
      {{"bind", "atime"}, true, 0, kAll},
      {{"bind", "noatime", "atime"}, true, 0, kAll},
      {{"bind", "relatime"}, true, 0, kAll | kTimes},
      {{"bind", "nodiratime"}, true, MOUNT_ATTR_NODIRATIME, kAll | MOUNT_ATTR__ATIME},
      {{"bind", "strictatime"}, true, MOUNT_ATTR_STRICTATIME, kAll | kTimes},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(base::Join(c.words, ","));
    const auto mount = ToMount(Entry("bind", c.words), "/b");
    ASSERT_TRUE(mount.ok());
    EXPECT_EQ(mount->further.exact, c.exact);
    if (!c.exact) continue;
    EXPECT_EQ(rootfs::ExactAttributes(*mount), (rootfs::AttributeChange{c.set, c.clear}));
  }
}

TEST(BindAttributes, InAUserNamespaceTheHostsLocksStay) {
  const struct {
    uint64_t source;
    std::vector<std::string> words;
    std::optional<uint64_t> set;  // none: refused
  } cases[] = {
      {MOUNT_ATTR_RDONLY, {"bind", "nodev"}, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV},
      {MOUNT_ATTR_RDONLY, {"bind", "rw", "nodev"}, {}},
      {MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME,
       {"bind", "ro", "exec"},
       MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY},
      {MOUNT_ATTR_NOATIME, {"bind", "atime"}, 0},
      {MOUNT_ATTR_NOATIME, {"bind", "relatime"}, {}},
      {0, {"bind", "strictatime"}, {}},
      {0, {"bind", "rw"}, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(base::Join(c.words, ","));
    const auto mount = ToMount(Entry("bind", c.words), "/b");
    ASSERT_TRUE(mount.ok());
    const auto change = rootfs::WithinLocks(*mount, c.source);
    EXPECT_EQ(change.ok(), c.set.has_value());
    if (change.ok() && c.set) {
      EXPECT_EQ(change->set, *c.set);
      EXPECT_EQ(change->clear & change->set & ~uint64_t{MOUNT_ATTR__ATIME}, 0u);
    }
  }
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
  spec::Capabilities built{.bounding = 3, .effective = 3, .permitted = 3, .ambient = 3};
  EXPECT_TRUE(LimitCapabilities(built, 0b0111).empty()) << "as buildah lists them";
  EXPECT_EQ(built.ambient, 0u);
}

}  // namespace
}  // namespace keelson::oci
