// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/disk_use.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::lifecycle {
namespace {

TEST(DiskUse, CountsWhatIsThereOnceAndNothingThatIsElsewhere) {
  const os::TempDir dir = os::TempDir::Create("keelson-disk-use").value();
  const std::string folder = dir.path() + "/volume", outside = dir.path() + "/outside";
  EXPECT_EQ(DiskUseOf(folder).value().inodes, 0);
  ASSERT_TRUE(os::MakeDirs(folder + "/a/b", 0755).ok());
  ASSERT_TRUE(os::MakeDirs(outside, 0755).ok());
  const std::string content(1 << 20, 'x');
  ASSERT_TRUE(os::WriteFileAtomic(outside + "/large", content, 0644).ok());
  ASSERT_TRUE(os::WriteFileAtomic(folder + "/a/b/file", content, 0644).ok());
  ASSERT_EQ(link((folder + "/a/b/file").c_str(), (folder + "/again").c_str()), 0);
  ASSERT_EQ(symlink(outside.c_str(), (folder + "/elsewhere").c_str()), 0);
  ASSERT_EQ(symlink("..", (folder + "/a/round").c_str()), 0);
  const eviction::DiskUse use = DiskUseOf(folder).value();
  EXPECT_EQ(use.inodes, 6) << "volume, a, b, file, elsewhere, round";
  EXPECT_GE(use.bytes, 1 << 20);
  EXPECT_LT(use.bytes, (1 << 20) + (100 << 10));
}

}  // namespace
}  // namespace keelson::lifecycle
