// SPDX-License-Identifier: Apache-2.0
#include "runtime/volume/open_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <future>

#include "lib/base/clock.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::volume {
namespace {

// A filesystem whose server never answers: its descriptor is held and never read.
class DeadFilesystem {
 public:
  explicit DeadFilesystem(const std::string& place)
      : place_(place), device_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    const std::string options =
        "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=0,group_id=0";
    mounted_ = device_ && mount("dead", place.c_str(), "fuse", 0, options.c_str()) == 0;
  }
  ~DeadFilesystem() {
    device_.reset();  // whoever waits is let go with an error
    if (mounted_) (void)umount2(place_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  const std::string place_;
  os::UniqueFd device_;
  bool mounted_ = false;
};

class OpenSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/there", 0755).ok());
  }
  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-volume")).value();
  Opener opener_{base::BinDir() + "/keelson-volume"};
};

TEST_F(OpenSourceTest, WhatIsThereIsOpenedWithoutAnotherProcess) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED;
  const os::UniqueFd cached(
      static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/proc", &how, sizeof how)));
  if (!cached) GTEST_SKIP() << "this machine's root file system asks its server for every name";
  const Opener without{"/nonexistent"};
  const base::Result<os::UniqueFd> tree = OpenSource(without, dir_.path() + "/there");
  ASSERT_TRUE(tree.ok()) << tree.error().message();
  struct stat opened{}, there{};
  ASSERT_EQ(fstat(tree->get(), &opened), 0);
  ASSERT_EQ(stat((dir_.path() + "/there").c_str(), &there), 0);
  EXPECT_EQ(opened.st_ino, there.st_ino);
}

TEST_F(OpenSourceTest, WhatIsNotThereIsSaid) {
  const base::Result<os::UniqueFd> tree = OpenSource(opener_, dir_.path() + "/nowhere");
  ASSERT_FALSE(tree.ok());
  EXPECT_EQ(tree.error().os_errno(), ENOENT);
}

TEST_F(OpenSourceTest, WhatIsNotCachedIsOpenedByAnotherProcess) {
  // A magic link is never followed from the cache alone.
  const std::string path = "/proc/self/root" + dir_.path() + "/there";
  EXPECT_FALSE(OpenSource(Opener{"/nonexistent"}, path).ok());
  const base::Result<os::UniqueFd> tree = OpenSource(opener_, path);
  ASSERT_TRUE(tree.ok()) << tree.error().message();
  struct stat opened{}, there{};
  ASSERT_EQ(fstat(tree->get(), &opened), 0);
  ASSERT_EQ(stat((dir_.path() + "/there").c_str(), &there), 0);
  EXPECT_EQ(opened.st_ino, there.st_ino);
}

TEST_F(OpenSourceTest, ADeadFilesystemIsGivenUpInTimeAndNamed) {
  const DeadFilesystem dead(dir_.path() + "/there");
  if (!dead.mounted()) GTEST_SKIP() << "this kernel has no FUSE";
  opener_.patience = std::chrono::milliseconds(300);
  const std::string path = dir_.path() + "/there/below";
  const base::Result<os::UniqueFd> tree = OpenSource(opener_, path);
  ASSERT_FALSE(tree.ok());
  EXPECT_EQ(tree.error().code(), base::Code::kDeadlineExceeded);
  EXPECT_NE(tree.error().message().find(path), std::string::npos) << tree.error().message();
}

TEST_F(OpenSourceTest, WhoNoLongerWantsItDoesNotWait) {
  const DeadFilesystem dead(dir_.path() + "/there");
  if (!dead.mounted()) GTEST_SKIP() << "this kernel has no FUSE";
  opener_.patience = std::chrono::minutes(10);
  std::stop_source stop;
  std::future<base::Result<os::UniqueFd>> tree = std::async(std::launch::async, [&] {
    return OpenSource(opener_, dir_.path() + "/there/below", stop.get_token());
  });
  stop.request_stop();
  ASSERT_EQ(tree.wait_for(std::chrono::minutes(1)), std::future_status::ready);
  EXPECT_EQ(tree.get().error().code(), base::Code::kCancelled);
}

}  // namespace
}  // namespace keelson::volume
