// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/devices.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::container {
namespace {

TEST(DevicesAsked, AreTakenByWhatTheyAreOnTheHost) {
  const std::vector<FoundDevice> found =
      FindDevices({"/dev/zero", "/dev/nothing", "rw", "devices[0]"}).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].node.path, "/dev/nothing");
  EXPECT_EQ(found[0].node.mode & S_IFMT, static_cast<unsigned>(S_IFCHR));
  EXPECT_EQ(found[0].node.major, 1u);
  EXPECT_EQ(found[0].node.minor, 5u);
  EXPECT_TRUE(found[0].rule.allow);
  EXPECT_EQ(found[0].rule.type, 'c');
  EXPECT_EQ(found[0].rule.major, 1u);
  EXPECT_EQ(found[0].rule.minor, 5u);
  EXPECT_EQ(found[0].rule.access, "rw");
}

TEST(DevicesAsked, WhatIsNoneIsNamed) {
  for (const auto& [path, word] :
       {std::pair{"/dev/no-such-device", "No such file"}, {"/etc/passwd", "neither a device"}}) {
    const base::Result<std::vector<FoundDevice>> found =
        FindDevices({path, "/dev/x", "rwm", "devices[3]"});
    ASSERT_FALSE(found.ok()) << path;
    EXPECT_NE(found.error().message().find(path), std::string::npos) << found.error().message();
    EXPECT_NE(found.error().message().find("devices[3]"), std::string::npos)
        << found.error().message();
    EXPECT_NE(found.error().message().find(word), std::string::npos) << found.error().message();
  }
}

TEST(DevicesOfAFolder, AreAllButLinksAndWhatAContainerHasOfItsOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  os::TempDir dir = std::move(os::TempDir::Create("keelson-devices")).value();
  const auto node = [&](const std::string& path) {
    return mknod((dir.path() + path).c_str(), S_IFCHR | 0600, makedev(1, 3));
  };
  for (const char* folder : {"/pts", "/shm", "/sub", "/sub/deeper"})
    ASSERT_TRUE(os::MakeDirs(dir.path() + folder, 0755).ok());
  if (node("/a") != 0) GTEST_SKIP() << "no device can be made here";
  for (const char* path : {"/console", "/ptmx", "/pts/0", "/shm/x", "/sub/b", "/sub/deeper/c"})
    ASSERT_EQ(node(path), 0) << path;
  ASSERT_EQ(symlink("a", (dir.path() + "/link").c_str()), 0);
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/file", "x", 0600).ok());
  std::vector<std::string> paths;
  for (const spec::Device& device : AllDevices(dir.path()).value())
    paths.push_back(device.path.substr(dir.path().size()));
  EXPECT_EQ(paths, (std::vector<std::string>{"/a", "/sub/b", "/sub/deeper/c"}));
  EXPECT_EQ(FindDevices({dir.path() + "/sub", "/dev/mine", "r", "devices[0]"}).value().size(), 2u);
  EXPECT_EQ(FindDevices({dir.path() + "/sub", "/dev/mine", "r", "devices[0]"}).value()[1].node.path,
            "/dev/mine/deeper/c");
}

}  // namespace
}  // namespace keelson::container
