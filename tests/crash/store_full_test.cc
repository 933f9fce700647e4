// SPDX-License-Identifier: Apache-2.0
// A disk that fills under the store: writes are refused with ResourceExhausted, reads go on,
// nothing acknowledged is lost, and with room again writes work. On a small tmpfs in a mount
// namespace of the test's own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/sqlite/sqlite_store.h"
#include "minimal-master/store/store_contract.h"

namespace keelson::store {
namespace {

class SmallDisk {
 public:
  // Empty: mounted. Else the reason why it could not be.
  std::string Mount() {
    if (::unshare(CLONE_NEWNS) != 0) return std::string("unshare: ") + std::strerror(errno);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=6m") != 0) {
      return std::string("mount: ") + std::strerror(errno);
    }
    mounted_ = true;
    return {};
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }

 private:
  os::TempDir dir_ = *os::TempDir::Create("keelson-full");
  bool mounted_ = false;
};

TEST(StoreOnAFullDisk, RefusesWritesLosesNothingAndRecovers) {
  SmallDisk disk;
  if (const std::string reason = disk.Mount(); !reason.empty()) GTEST_SKIP() << reason;
  ASSERT_TRUE(os::WriteFileAtomic(disk.Path("ballast"), std::string(2 << 20, 'b'), 0600).ok());
  base::SystemClock clock;
  SqliteStore::Options options;
  options.dir = disk.Path("store");
  options.limits.most_wal_pages = 200;
  auto opened = SqliteStore::Open(options, clock);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  auto store = std::move(*opened);
  RecordingSubscriber subscriber;
  auto subscription = store->Subscribe(*store->CurrentRevision(), subscriber);
  ASSERT_TRUE(subscription.ok());

  std::map<std::string, std::string> acknowledged;
  std::mutex mutex;
  std::atomic<int> next{0}, refused{0};
  const auto write = [&](Durability durability) -> base::Status {
    const int i = next++;
    const std::string key = "/a/" + std::to_string(i);
    const std::string value(20'000, static_cast<char>('a' + i % 26));
    const auto done = store->Commit({Put(key, value, kAbsent)}, durability);
    if (!done.ok()) return done.error();
    std::lock_guard lock(mutex);
    acknowledged[key] = value;
    return base::Ok();
  };
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 2'000; ++i) {
        const auto done = write(w == 0 ? Durability::kRelaxed : Durability::kDurable);
        if (done.ok()) continue;
        EXPECT_EQ(done.error().code(), base::Code::kResourceExhausted) << done.error().message();
        if (++refused > 20) return;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_GT(refused, 0);
  ASSERT_GT(acknowledged.size(), 20u);
  EXPECT_TRUE(store->GetStats()->full);
  const auto check = [&] {
    for (const auto& [key, value] : acknowledged) {
      const auto found = store->Get(key);
      ASSERT_TRUE(found.ok()) << key << ": " << found.error().message();
      EXPECT_EQ(found->value.view(), value);
    }
    EXPECT_EQ(store->List("/a/", "", 0)->items.size(), acknowledged.size()) << "refused, yet there";
    EXPECT_EQ(subscriber.events().size(), acknowledged.size()) << "refused, yet told";
  };
  check();

  ASSERT_TRUE(os::RemoveFile(disk.Path("ballast")).ok());
  for (int i = 0; i < 10; ++i) {
    const auto done = write(Durability::kDurable);
    EXPECT_TRUE(done.ok()) << done.error().message();
  }
  EXPECT_FALSE(store->GetStats()->full);
  check();
  subscription->reset();
  store.reset();
  opened = SqliteStore::Open(options, clock);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  store = std::move(*opened);
  check();
  EXPECT_EQ(*store->Check(), 0);
}

}  // namespace
}  // namespace keelson::store
