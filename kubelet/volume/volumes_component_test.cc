// SPDX-License-Identifier: Apache-2.0
// Volumes on the real kernel, in a mount namespace of the test's own.
#include "kubelet/volume/volumes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubelet/volume/mounts.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::volume {
namespace {

class FakeObjects final : public Objects {
 public:
  std::optional<kube::ConfigObject> Find(bool secret, const std::string&,
                                         const std::string& name) const override {
    kube::ConfigObject object;
    object.secret = secret;
    object.data = {{"key", value}};
    return name == "there" ? std::optional(object) : std::nullopt;
  }
  std::string value = "one";
};

class VolumesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() != 0) return;
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_TRUE(mount::MakeAllPrivate().ok());
  }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    pod_.metadata.uid = "u1";
    pod_.metadata.namespace_name = "default";
    kube::Container container;
    container.name = "c";
    pod_.spec.containers.push_back(container);
  }
  void TearDown() override {
    const base::Status gone = volumes_.TearDown("u1");
    EXPECT_TRUE(gone.ok()) << gone.error().message();
    EXPECT_FALSE(os::Exists(volumes_.PodDir("u1")));
  }
  template <typename Source>
  std::string Add(const std::string& name, const Source& source) {
    pod_.spec.volumes.push_back({name, source});
    const auto paths = volumes_.SetUp(pod_, {});
    return paths.ok() ? paths->at(name) : "error: " + paths.error().message();
  }
  static unsigned Mode(const std::string& path) {
    struct stat st{};
    return stat(path.c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
  }

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-volume")).value();
  FakeObjects objects_;
  Volumes volumes_{dir_.path(), objects_};
  kube::Pod pod_;
};

TEST_F(VolumesTest, EmptyDirsOnDiskAndInMemoryKeepWhatIsInThem) {
  pod_.spec.security_context.fs_group = 1234;
  const std::string disk = Add("disk", kube::EmptyDirVolume{});
  EXPECT_EQ(disk, dir_.path() + "/pods/u1/volumes/kubernetes.io~empty-dir/disk");
  EXPECT_EQ(Mode(disk), 02777u);
  kube::EmptyDirVolume in_memory;
  in_memory.medium = "Memory";
  in_memory.size_limit = kube::Quantity::Parse("1Mi").value();
  const std::string memory = Add("memory", in_memory);
  EXPECT_TRUE(IsMountPoint(memory));
  ASSERT_TRUE(os::WriteFileAtomic(memory + "/file", "kept", 0644).ok());
  ASSERT_TRUE(os::WriteFileAtomic(disk + "/file", "kept", 0644).ok());
  ASSERT_TRUE(volumes_.SetUp(pod_, {}).ok());
  EXPECT_EQ(os::ReadFile(memory + "/file").ValueOr(""), "kept");
  EXPECT_EQ(os::ReadFile(disk + "/file").ValueOr(""), "kept");
  EXPECT_FALSE(os::WriteFileAtomic(memory + "/big", std::string(2u << 20, 'x'), 0644).ok())
      << "over the size limit";
}

TEST_F(VolumesTest, SecretsLieInMemoryAndChangeAtOnce) {
  kube::ObjectVolume secret;
  secret.secret = true;
  secret.name = "there";
  const std::string path = Add("secret", secret);
  EXPECT_TRUE(IsMountPoint(path));
  EXPECT_EQ(os::ReadFile(path + "/key").ValueOr(""), "one");
  objects_.value = "two";
  ASSERT_TRUE(volumes_.Refresh(pod_, {}).ok());
  EXPECT_EQ(os::ReadFile(path + "/key").ValueOr(""), "two");
}

TEST_F(VolumesTest, WhatCannotBeSetUpNamesTheVolume) {
  kube::ObjectVolume missing;
  missing.name = "nope";
  EXPECT_EQ(Add("cfg", missing),
            "error: MountVolume.SetUp failed for volume \"cfg\" : configmap \"nope\" not found");
}

TEST_F(VolumesTest, HostPathsAreOfTheTypeSaid) {
  const std::string base = dir_.path() + "/host";
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/file", "", 0644).ok());
  EXPECT_EQ(Add("made", kube::HostPathVolume{base + "/a/b", "DirectoryOrCreate"}), base + "/a/b");
  EXPECT_EQ(Mode(base + "/a/b"), 0755u);
  EXPECT_EQ(Add("made-file", kube::HostPathVolume{base + "/new", "FileOrCreate"}), base + "/new");
  EXPECT_EQ(Mode(base + "/new"), 0644u);
  EXPECT_EQ(Add("null", kube::HostPathVolume{"/dev/null", "CharDevice"}), "/dev/null");
  EXPECT_EQ(Add("wrong", kube::HostPathVolume{dir_.path() + "/file", "Directory"}),
            "error: MountVolume.SetUp failed for volume \"wrong\" : hostPath type check failed: " +
                dir_.path() + "/file is not a directory");
}

TEST_F(VolumesTest, SubPathsStayInTheVolumeWhateverItsLinksSay) {
  const std::string path = Add("v", kube::EmptyDirVolume{});
  ASSERT_EQ(symlink("/etc", (path + "/out").c_str()), 0);
  ASSERT_EQ(symlink("../../../../../../..", (path + "/up").c_str()), 0);
  const std::string made = volumes_.SubPath("u1", "v", path, "new/dir", "c", 0).ValueOr("");
  EXPECT_EQ(made, volumes_.PodDir("u1") + "/volume-subpaths/v/c/0");
  EXPECT_TRUE(IsMountPoint(made));
  ASSERT_TRUE(os::WriteFileAtomic(made + "/f", "x", 0644).ok());
  EXPECT_TRUE(os::Exists(path + "/new/dir/f"));

  for (const char* escape : {"out", "up/etc", "out/passwd"}) {
    SCOPED_TRACE(escape);
    const auto bound = volumes_.SubPath("u1", "v", path, escape, "c", 1);
    if (!bound.ok()) continue;
    EXPECT_FALSE(os::Exists(*bound + "/passwd"));
    EXPECT_NE(os::ReadFile(*bound + "/hostname").ValueOr("(none)"),
              os::ReadFile("/etc/hostname").ValueOr(""));
  }

  ASSERT_TRUE(os::WriteFileAtomic(path + "/one-file", "content", 0644).ok());
  const auto file = volumes_.SubPath("u1", "v", path, "one-file", "c", 2);
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(os::ReadFile(*file).ValueOr(""), "content");
  const auto again = volumes_.SubPath("u1", "v", path, "one-file", "c", 2);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(os::ReadFile(*again).ValueOr(""), "content");
}

TEST_F(VolumesTest, TearDownNeverRemovesThroughAMount) {
  const std::string outside = dir_.path() + "/outside";
  ASSERT_TRUE(os::MakeDirs(outside, 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(outside + "/precious", "x", 0644).ok());
  const std::string path = Add("v", kube::EmptyDirVolume{});
  ASSERT_EQ(symlink(outside.c_str(), (path + "/link").c_str()), 0);
  ASSERT_TRUE(volumes_.SubPath("u1", "host", outside, "/", "c", 0).ok());
  EXPECT_THAT(volumes_.PodsOnDisk().value(), testing::ElementsAre("u1"));
  ASSERT_TRUE(volumes_.TearDown("u1").ok());
  EXPECT_TRUE(os::Exists(outside + "/precious"));
  EXPECT_TRUE(volumes_.TearDown("u1").ok()) << "absent is fine";
}

TEST_F(VolumesTest, NamesCannotLeaveTheFolder) {
  pod_.metadata.uid = "../../etc";
  EXPECT_FALSE(volumes_.SetUp(pod_, {}).ok());
  EXPECT_FALSE(volumes_.TearDown("..").ok());
  EXPECT_FALSE(volumes_.SubPath("u1", "../x", dir_.path(), "a", "c", 0).ok());
}

}  // namespace
}  // namespace keelson::volume
