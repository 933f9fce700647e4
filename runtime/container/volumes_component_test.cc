// SPDX-License-Identifier: Apache-2.0
// Volume sources on the real kernel: an image's layers as one read-only tree, and nothing outside.
#include "runtime/container/volumes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::container {
namespace {

class VolumeSources : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    const auto make = [&](const std::string& path, const std::string& text) {
      const std::string whole = dir_.path() + "/" + path;
      ASSERT_TRUE(os::MakeDirs(whole.substr(0, whole.find_last_of('/')), 0755).ok());
      ASSERT_TRUE(os::WriteFileAtomic(whole, text, 0644).ok());
    };
    make("bottom/data/one", "bottom");
    make("bottom/data/two", "bottom");
    make("bottom/gone/x", "bottom");
    make("top/data/one", "top");
    ASSERT_EQ(mknod((dir_.path() + "/top/gone").c_str(), S_IFCHR | 0600, makedev(0, 0)), 0);
    ASSERT_EQ(symlink("/", (dir_.path() + "/top/root").c_str()), 0);
    ASSERT_EQ(symlink("/etc/passwd", (dir_.path() + "/top/passwd").c_str()), 0);
    ASSERT_EQ(symlink("../../../../../../..", (dir_.path() + "/top/up").c_str()), 0);
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/staging", 0755).ok());
  }
  HostSource Image(const std::string& sub_path) const {
    return {.path = "app:v1",
            .field = "mounts[0]",
            .image = true,
            .layers = {dir_.path() + "/top", dir_.path() + "/bottom"},
            .sub_path = sub_path};
  }
  base::Result<os::UniqueFd> Open(const HostSource& source) const {
    return OpenImageVolume(source, {dir_.path() + "/empty", dir_.path() + "/staging"});
  }
  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-volumes")).value();
};

TEST_F(VolumeSources, AnImageIsItsLayersAndCannotBeWritten) {
  const auto opened = Open(Image(""));
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const int root = opened->get();
  EXPECT_EQ(os::ReadFileAt(root, "data/one").value(), "top");
  EXPECT_EQ(os::ReadFileAt(root, "data/two").value(), "bottom");
  EXPECT_EQ(os::OpenAt(root, "gone", O_PATH).error().os_errno(), ENOENT);
  EXPECT_EQ(os::OpenAt(root, "new", O_WRONLY | O_CREAT, 0600).error().os_errno(), EROFS);
  EXPECT_EQ(os::OpenAt(root, "data/one", O_WRONLY).error().os_errno(), EROFS);
  EXPECT_TRUE(os::ListDir(dir_.path() + "/staging").value().empty()) << "nothing is left mounted";
  EXPECT_EQ(os::ReadFile("/proc/self/mountinfo").value().find(dir_.path()), std::string::npos);
}

TEST_F(VolumeSources, APathOfAnImageIsADirectoryOrAFile) {
  const auto folder = Open(Image("data"));
  ASSERT_TRUE(folder.ok()) << folder.error().message();
  EXPECT_EQ(os::ReadFileAt(folder->get(), "one").value(), "top");
  const auto file = Open(Image("data/two"));
  ASSERT_TRUE(file.ok()) << file.error().message();
  struct stat st{};
  ASSERT_EQ(fstat(file->get(), &st), 0);
  EXPECT_TRUE(S_ISREG(st.st_mode));
}

TEST_F(VolumeSources, LinksOfAnImageStayInsideIt) {
  for (const char* link : {"root", "up"}) {
    const auto opened = Open(Image(link));
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    EXPECT_EQ(os::ReadFileAt(opened->get(), "data/one").ValueOr("?"), "top") << link;
    EXPECT_TRUE(CheckImageVolumes({Image(link)}).ok()) << link;
  }
  EXPECT_FALSE(Open(Image("passwd")).ok()) << "there is no such file in the image";
  EXPECT_FALSE(CheckImageVolumes({Image("passwd")}).ok());
}

TEST_F(VolumeSources, AMissingPathSaysWhatKubeletsLookFor) {
  for (const char* path : {"nowhere", "gone", "gone/x", "data/one/below"}) {
    for (const base::Status& status :
         {CheckImageVolumes({Image(path)}), base::Status(Open(Image(path)).error())}) {
      ASSERT_FALSE(status.ok()) << path;
      EXPECT_NE(status.error().message().find("ImageVolumeMountFailed"), std::string::npos);
      EXPECT_NE(status.error().message().find("mounts[0]"), std::string::npos);
    }
  }
}

TEST_F(VolumeSources, AnImageWithoutLayersIsAnEmptyDirectory) {
  HostSource none = Image("");
  none.layers.clear();
  const auto opened = Open(none);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  HostSource one = Image("");
  one.layers.erase(one.layers.begin());
  EXPECT_EQ(os::ReadFileAt(Open(one).value().get(), "gone/x").value(), "bottom");
}

}  // namespace
}  // namespace keelson::container
