// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/maintenance.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/sqlite/sqlite_store.h"
#include "minimal-master/store/store_contract.h"

namespace keelson::store {
namespace {

using testing::HasSubstr;

class MaintenanceTest : public testing::Test {
 protected:
  void OpenStore() {
    auto store = SqliteStore::Open({.dir = dir_.path() + "/store"}, clock_);
    ASSERT_TRUE(store.ok()) << store.error().message();
    store_ = std::move(*store);
  }
  Revision Commit(std::string key, std::string_view value) {
    return *store_->Commit({Put(std::move(key), value)}, Durability::kDurable);
  }
  std::string ValueOf(std::string_view key) {
    const auto found = store_->Get(key);
    return found.ok() ? std::string(found->value.view()) : "-";
  }
  std::string Path(const std::string& name) { return dir_.path() + "/" + name; }
  std::string store_dir() { return Path("store"); }

  os::TempDir dir_ = *os::TempDir::Create("keelson-backup");
  base::ManualClock clock_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(MaintenanceTest, ABackupIsOneMomentOfAStoreThatIsWrittenTo) {
  OpenStore();
  Commit("/sum", "0");
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    // Both keys always change together.
    for (int i = 0; !stop; ++i) {
      const std::string text = std::to_string(i);
      EXPECT_TRUE(store_->Commit({Put("/x", text), Put("/y", text)}, Durability::kRelaxed).ok());
    }
  });
  for (int i = 0; i < 5; ++i) {
    const auto done = store_->Backup(Path("backup" + std::to_string(i)));
    EXPECT_TRUE(done.ok()) << done.error().message();
  }
  stop = true;
  writer.join();
  EXPECT_FALSE(store_->Backup(Path("backup0")).ok()) << "never over another one";
  EXPECT_GT(store_->GetStats()->last_backup, 0);
  struct stat status;
  ASSERT_EQ(::stat(Path("backup0").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "secrets are in it";
  store_.reset();
  for (int i = 0; i < 5; ++i) {
    const auto info = RestoreStore(Path("backup" + std::to_string(i)), store_dir());
    ASSERT_TRUE(info.ok()) << info.error().message();
    EXPECT_EQ(info->written, clock_.WallNanos() / 1'000'000'000);
    OpenStore();
    EXPECT_EQ(ValueOf("/x"), ValueOf("/y"));
    EXPECT_EQ(ValueOf("/sum"), "0");
    store_.reset();
  }
}

TEST_F(MaintenanceTest, ARestoredStoreRepeatsNoRevision) {
  OpenStore();
  const Revision kept = Commit("/a", "kept");
  ASSERT_TRUE(store_->Backup(Path("backup")).ok());
  const Revision lost = Commit("/a", "lost");
  const auto in_use = RestoreStore(Path("backup"), store_dir());
  ASSERT_FALSE(in_use.ok());
  EXPECT_THAT(in_use.error().message(), HasSubstr("in use by another process"));
  store_.reset();
  const auto info = RestoreStore(Path("backup"), store_dir());
  ASSERT_TRUE(info.ok()) << info.error().message();
  EXPECT_EQ(info->revision, kept);
  EXPECT_EQ(info->keys, 1);
  EXPECT_TRUE(os::Exists(store_dir() + "/store.db.before-restore"));
  OpenStore();
  EXPECT_EQ(ValueOf("/a"), "kept");
  EXPECT_GT(*store_->CurrentRevision(), lost);
  EXPECT_GT(Commit("/a", "new"), lost);
  RecordingSubscriber subscriber;
  const auto stale = store_->Subscribe(lost, subscriber);
  ASSERT_FALSE(stale.ok());
  EXPECT_NE(CompactedOf(stale.error()), nullptr) << "who saw what is lost begins anew";
  EXPECT_TRUE(store_->Subscribe(kept, subscriber).ok()) << "who did not goes on";
  EXPECT_EQ(TextsOf(subscriber.events()), std::vector<std::string>{"/a=new was kept"});
}

TEST_F(MaintenanceTest, RestoresOverAStoreThatCannotBeRead) {
  OpenStore();
  const Revision kept = Commit("/a", "kept");
  ASSERT_TRUE(store_->Backup(Path("backup")).ok());
  store_.reset();
  ASSERT_TRUE(os::WriteFileAtomic(StorePath(store_dir()), std::string(8192, 'x'), 0600).ok());
  ASSERT_TRUE(RestoreStore(Path("backup"), store_dir()).ok());
  OpenStore();
  EXPECT_EQ(ValueOf("/a"), "kept");
  EXPECT_GT(*store_->CurrentRevision(), kept + 1'000'000'000);
}

TEST_F(MaintenanceTest, ADamagedBackupIsRefusedAndNothingChanges) {
  OpenStore();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(
        store_
            ->Commit({Put("/a/" + std::to_string(i), std::string(500, 'v'))}, Durability::kRelaxed)
            .ok());
  }
  ASSERT_TRUE(store_->Backup(Path("good")).ok());
  store_.reset();
  const std::string good = *os::ReadFile(Path("good"));
  const std::string before = *os::ReadFile(StorePath(store_dir()));
  std::string value_changed = good;
  value_changed[value_changed.find("vvvvvvvv")] = 'w';
  std::string page_zeroed = good;
  page_zeroed.replace(4096 * 3, 4096, std::string(4096, '\0'));
  const struct {
    std::string name, content, sentence;
  } kCases[] = {
      {"a value is another", value_changed, "is damaged"},
      {"a page is gone", page_zeroed, "damaged"},
      {"it is cut", good.substr(0, good.size() / 2), "malformed"},
      {"it is no database", std::string(5'000, 'x'), "not a database"},
      {"it is empty", "", "not a store"},
  };
  for (const auto& [name, content, sentence] : kCases) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(os::WriteFileAtomic(Path("bad"), content, 0600).ok());
    const auto restored = RestoreStore(Path("bad"), store_dir());
    ASSERT_FALSE(restored.ok());
    EXPECT_THAT(restored.error().message(), HasSubstr(sentence));
    EXPECT_EQ(*os::ReadFile(StorePath(store_dir())), before);
  }
  EXPECT_FALSE(RestoreStore(Path("none"), store_dir()).ok());
}

TEST_F(MaintenanceTest, StepsBackToAnOlderProgramAndForwardAgain) {
  OpenStore();
  const Revision first = Commit("/a", "1");
  const Revision second = Commit("/a", "2");
  EXPECT_FALSE(StepBackStore(store_dir(), 1).ok()) << "it is open";
  store_.reset();
  const auto stepped = StepBackStore(store_dir(), 1);
  ASSERT_TRUE(stepped.ok()) << stepped.error().message();
  {
    auto database = Database::Open(StorePath(store_dir()), Database::Mode::kReadOnly);
    EXPECT_EQ(*database->Number("PRAGMA user_version"), 1);
    EXPECT_EQ(*database->Number("SELECT count(*) FROM sqlite_schema WHERE name = 'hole'"), 0);
  }
  OpenStore();
  EXPECT_EQ(ValueOf("/a"), "2");
  EXPECT_EQ(*store_->CurrentRevision(), second);
  RecordingSubscriber subscriber;
  EXPECT_TRUE(store_->Subscribe(first, subscriber).ok());
  store_.reset();
  EXPECT_FALSE(StepBackStore(store_dir(), 7).ok());
  EXPECT_FALSE(StepBackStore(store_dir(), 0).ok());
}

TEST_F(MaintenanceTest, ANewerProgramsStoreIsLeftAlone) {
  OpenStore();
  Commit("/a", "1");
  store_.reset();
  {
    auto database = Database::Open(StorePath(store_dir()), Database::Mode::kReadWrite);
    ASSERT_TRUE(database->Run("PRAGMA user_version = 99").ok());
  }
  const auto store = SqliteStore::Open({.dir = store_dir()}, clock_);
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message(), HasSubstr("its schema is 99, this program knows 2"));
}

}  // namespace
}  // namespace keelson::store
