// SPDX-License-Identifier: Apache-2.0
// Writable layers as containers leave them: counting follows nothing and leaves nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/stats/disk_usage.h"

namespace keelson::stats {
namespace {

class DiskUsageOfALayer : public testing::Test {
 protected:
  void Write(const std::string& name, size_t bytes) {
    ASSERT_TRUE(os::WriteFileAtomic(top_ + "/" + name, std::string(bytes, 'x'), 0600).ok());
  }
  base::Result<DiskUsage> Count(DiskLimits limits = {}) {
    return CountDisk(top_, limits, [] { return true; });
  }
  os::TempDir dir_ = os::TempDir::Create("keelson-stats").value();
  const std::string top_ = dir_.path();
};

TEST_F(DiskUsageOfALayer, CountsFilesDirectoriesAndBlocks) {
  const DiskUsage empty = *Count();
  EXPECT_EQ(empty.inodes, 1u);
  ASSERT_TRUE(os::MakeDirs(top_ + "/a/b", 0700).ok());
  Write("a/b/file", 100'000);
  const DiskUsage usage = *Count();
  EXPECT_EQ(usage.inodes, 4u);
  EXPECT_GE(usage.bytes, empty.bytes + 100'000);
  EXPECT_LT(usage.bytes, empty.bytes + 150'000);
  EXPECT_TRUE(usage.whole);
}

TEST_F(DiskUsageOfALayer, FollowsNoSymlink) {
  ASSERT_EQ(symlink("/usr", (top_ + "/out").c_str()), 0);
  ASSERT_EQ(symlink(".", (top_ + "/loop").c_str()), 0);
  EXPECT_EQ(Count()->inodes, 3u);
}

TEST_F(DiskUsageOfALayer, CountsAFileWithSeveralNamesOnce) {
  Write("one", 50'000);
  const DiskUsage before = *Count();
  ASSERT_EQ(link((top_ + "/one").c_str(), (top_ + "/two").c_str()), 0);
  EXPECT_EQ(Count()->inodes, before.inodes);
  EXPECT_EQ(Count()->bytes, before.bytes);
}

TEST_F(DiskUsageOfALayer, StaysOnItsFileSystem) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(os::MakeDirs(top_ + "/mnt", 0700).ok());
  ASSERT_EQ(mount("none", (top_ + "/mnt").c_str(), "tmpfs", 0, nullptr), 0);
  Write("mnt/big", 1 << 20);
  const base::Result<DiskUsage> usage = Count();
  umount2((top_ + "/mnt").c_str(), MNT_DETACH);
  EXPECT_EQ(usage->inodes, 1u);
}

TEST_F(DiskUsageOfALayer, DepthAndNumberAreBounded) {
  std::string path = top_;
  for (int i = 0; i < 12; ++i) path += "/d";
  ASSERT_TRUE(os::MakeDirs(path, 0700).ok());
  const DiskUsage shallow = *Count({.deepest = 5});
  EXPECT_FALSE(shallow.whole);
  EXPECT_EQ(shallow.inodes, 6u);
  const DiskUsage few = *Count({.most_inodes = 3});
  EXPECT_FALSE(few.whole);
  EXPECT_EQ(few.inodes, 3u);
}

TEST_F(DiskUsageOfALayer, IsCountedAsideAndRemembered) {
  Write("file", 10'000);
  base::SystemClock clock;
  DiskCounter counter(clock, std::chrono::hours(1));
  EXPECT_FALSE(counter.Find("c1"));
  counter.Want({{"c1", top_}, {"c2", top_ + "/not-there"}});
  for (int i = 0; i < 6000 && !counter.Find("c1"); ++i) (void)poll(nullptr, 0, 10);
  ASSERT_TRUE(counter.Find("c1"));
  EXPECT_EQ(counter.Find("c1")->inodes, 2u);
  EXPECT_GT(counter.Find("c1")->counted_at, 0);
  EXPECT_FALSE(counter.Find("c2")) << "what cannot be counted has no figures";
  counter.Want({});
  EXPECT_FALSE(counter.Find("c1"));
}

TEST_F(DiskUsageOfALayer, ItsCountingEndsAtOnceWithTheCounter) {
  for (int i = 0; i < 2000; ++i) Write("f" + std::to_string(i), 1);
  base::SystemClock clock;
  const base::SteadyTime began = clock.Steady();
  {
    DiskCounter counter(clock, std::chrono::hours(1));
    counter.Want({{"c1", top_}});
  }
  EXPECT_LT(clock.Steady() - began, std::chrono::minutes(1));
}

}  // namespace
}  // namespace keelson::stats
