// SPDX-License-Identifier: Apache-2.0
// The control plane's store on a disk that loses what was not made durable, cut at every write of
// 50 commits. What is found is what the store held after some commit, whole, and never less than
// what was acknowledged as durable; revisions go on above every one that was told; writing goes on.
// KEELSON_POWER_CUTS=N: at most so many cuts a file system, evenly spread; "all".
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <map>

#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/sqlite/sqlite_store.h"
#include "tests/crash/power/cuts.h"
#include "tests/crash/power/memory.h"
#include "tests/crash/power/power_disk.h"

namespace keelson::power_test {
namespace {

using store::Bytes;
using store::Change;
using store::Durability;
using store::Revision;
using store::SqliteStore;

using Contents = std::map<std::string, std::string>;

struct Done {
  size_t begun = 0, ended = 0;  // positions
  bool durable = false;
  Revision revision = 0;
  Contents after;
};

class StorePower : public testing::TestWithParam<FileSystem> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    MountMemory(dir_.path(), "size=1g");
  }
  void TearDown() override { (void)umount2(dir_.path().c_str(), MNT_DETACH); }

  std::string place() const { return dir_.path() + "/state"; }
  base::Result<std::unique_ptr<SqliteStore>> Open() {
    SqliteStore::Options options;
    options.dir = place() + "/store";
    options.limits.most_wal_pages = 40;  // checkpoints are among what is cut
    options.busy_pause = std::chrono::milliseconds(1);
    return SqliteStore::Open(options, clock_);
  }

  // The i-th of them changes up to three keys at once, of sizes up to some pages.
  static std::vector<Change> Changes(int i, Contents& contents) {
    std::vector<Change> changes;
    for (int k = 0; k <= i % 3; ++k) {
      const std::string key = "/k/" + std::to_string((i * 3 + k) % 11);
      if (i % 7 == 6 && contents.contains(key)) {
        changes.push_back({key, {}, store::kAny});
        contents.erase(key);
        continue;
      }
      contents[key] = std::to_string(i) + std::string(static_cast<size_t>(i * 211 % 6000), 'x');
      changes.push_back({key, Bytes::Copy(contents[key]), store::kAny});
    }
    return changes;
  }

  void Record(RecordedDisk& disk) {
    begin_ = disk.Position();
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.error().message();
    Contents contents;
    for (int i = 0; i < 50; ++i) {
      Done done{.begun = disk.Position(), .durable = i % 5 != 4};
      const auto revision = (*store)->Commit(
          Changes(i, contents), done.durable ? Durability::kDurable : Durability::kRelaxed);
      ASSERT_TRUE(revision.ok()) << revision.error().message();
      done.ended = disk.Position();
      done.revision = *revision;
      done.after = contents;
      done_.push_back(std::move(done));
    }
    end_ = disk.Position();
  }

  void Check(size_t position) {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.error().message();
    EXPECT_EQ(*(*store)->Check(), 0) << "damaged rows";
    Contents found;
    const auto scanned = (*store)->Scan(
        "/", [&](store::KeyValue row) { found[row.key] = std::string(row.value.view()); });
    ASSERT_TRUE(scanned.ok()) << scanned.error().message();
    size_t least = 0, begun = 0;  // how many commits
    Revision told = 0;
    for (size_t i = 0; i < done_.size(); ++i) {
      if (done_[i].begun < position) begun = i + 1;
      if (done_[i].ended <= position && done_[i].durable) least = i + 1;
      if (done_[i].ended <= position) told = done_[i].revision;
    }
    bool is_one = false;
    for (size_t count = least; count <= begun && !is_one; ++count)
      is_one = found == (count == 0 ? Contents() : done_[count - 1].after);
    EXPECT_TRUE(is_one) << "not what it held after " << least << " to " << begun << " commits";
    const auto more =
        (*store)->Commit({{"/more", Bytes::Copy("x"), store::kAbsent}}, Durability::kDurable);
    ASSERT_TRUE(more.ok()) << more.error().message();
    EXPECT_GT(*more, told) << "a revision is given out twice";
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-store-power");
  base::SystemClock clock_;
  std::vector<Done> done_;
  size_t begin_ = 0, end_ = 0;  // without the file system's own making and mounting
};

TEST_P(StorePower, ACutAtAnyWriteLosesNothingThatWasDurable) {
  auto disk = RecordedDisk::Make(GetParam(), dir_.path() + "/disk", place());
  ASSERT_TRUE(disk.ok()) << disk.error().message();
  Record(**disk);
  ASSERT_FALSE(HasFatalFailure());
  const base::Status unmounted = (*disk)->Unmount();
  ASSERT_TRUE(unmounted.ok()) << unmounted.error().message();
  size_t cuts = 0;
  ForEachCut(**disk, begin_, end_, dir_.path(), GetParam() == FileSystem::kExt4 ? 150 : 30,
             [&](size_t position, const std::string& image) {
               ++cuts;
               auto mounted = LoopMount::Mount(GetParam(), image, place());
               ASSERT_TRUE(mounted.ok()) << mounted.error().message();
               Check(position);
               const base::Status gone = mounted->Unmount();
               ASSERT_TRUE(gone.ok()) << gone.error().message();
             });
  std::printf("%s: %zu writes and flushes of %zu commits, %zu cuts\n", NameOf(GetParam()),
              end_ - begin_, done_.size(), cuts);
}

INSTANTIATE_TEST_SUITE_P(On, StorePower, testing::Values(FileSystem::kExt4, FileSystem::kXfs),
                         [](const auto& file_system) { return NameOf(file_system.param); });

}  // namespace
}  // namespace keelson::power_test
