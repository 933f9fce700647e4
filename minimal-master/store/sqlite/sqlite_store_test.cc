// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/sqlite_store.h"

#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/sqlite/maintenance.h"
#include "minimal-master/store/store_contract.h"

namespace keelson::store {
namespace {

class SqlitePlace final : public Place {
 public:
  std::unique_ptr<Store> Open() override {
    auto store = SqliteStore::Open({.dir = dir_.path()}, clock_);
    if (!store.ok()) ADD_FAILURE() << store.error().message();
    return store.ok() ? std::move(*store) : nullptr;
  }

 private:
  os::TempDir dir_ = *os::TempDir::Create("keelson-store");
  base::SystemClock clock_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         testing::Values(PlaceKind{
                             "sqlite", [] { return std::make_unique<SqlitePlace>(); }}));

class SqliteStoreTest : public testing::Test {
 protected:
  void OpenStore(SqliteStore::Options options = {}) {
    store_.reset();
    options.dir = dir_.path();
    options.busy_pause = options.quiet_pause = std::chrono::milliseconds(50);
    auto store = SqliteStore::Open(options, clock_);
    ASSERT_TRUE(store.ok()) << store.error().message();
    store_ = std::move(*store);
  }
  Revision Commit(std::vector<Change> changes, Durability durability = Durability::kRelaxed) {
    const auto revision = store_->Commit(std::move(changes), durability);
    EXPECT_TRUE(revision.ok()) << revision.error().message();
    return revision.ok() ? *revision : 0;
  }
  // As a process that died leaves it: the files are copied while the store is open.
  void OpenAsAfterACrash() {
    const os::TempDir copy = *os::TempDir::Create("keelson-store-crash");
    for (const char* suffix : {"", "-wal"}) {
      const auto content = os::ReadFile(StorePath(dir_.path()) + suffix, 1u << 30);
      ASSERT_TRUE(content.ok());
      ASSERT_TRUE(os::WriteFileAtomic(copy.path() + "/store.db" + suffix, *content, 0600).ok());
    }
    store_.reset();
    for (const char* suffix : {"", "-wal"}) {
      ASSERT_TRUE(os::WriteFileAtomic(StorePath(dir_.path()) + suffix,
                                      *os::ReadFile(copy.path() + "/store.db" + suffix, 1u << 30),
                                      0600)
                      .ok());
    }
    OpenStore();
  }
  base::Status Execute(const std::string& sql) {
    auto database = Database::Open(StorePath(dir_.path()), Database::Mode::kReadWrite);
    if (!database.ok()) return database.error();
    return database->Run(sql);
  }
  template <typename Condition>
  static bool Eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-store");
  base::ManualClock clock_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(SqliteStoreTest, JumpsAheadAfterAnUncleanStopAndKnowsTheHole) {
  OpenStore();
  const Revision first = Commit({Put("/a", "1")});
  const Revision last = Commit({Put("/a", "2")});
  OpenAsAfterACrash();
  const Revision now = *store_->CurrentRevision();
  EXPECT_GT(now, last + 1'000);
  RecordingSubscriber resumed;
  const auto subscription = store_->Subscribe(first, resumed);
  ASSERT_TRUE(subscription.ok()) << subscription.error().message();
  EXPECT_GT(Commit({Put("/a", "3")}), now);
  EXPECT_EQ(TextsOf(resumed.events()), (std::vector<std::string>{"/a=2 was 1", "/a=3 was 2"}));
  // Revisions that somebody may have seen and that are lost.
  RecordingSubscriber other;
  const auto lost = store_->Subscribe(last + 1, other);
  ASSERT_FALSE(lost.ok());
  ASSERT_NE(CompactedOf(lost.error()), nullptr);
  EXPECT_EQ(CompactedOf(lost.error())->oldest, now);
  EXPECT_TRUE(store_->Subscribe(now, other).ok());
  EXPECT_EQ(store_->GetStats()->holes.size(), 1u);
}

TEST_F(SqliteStoreTest, DoesNotJumpAfterAnOrderlyEnd) {
  OpenStore();
  const Revision last = Commit({Put("/a", "1")});
  OpenStore();
  EXPECT_EQ(*store_->CurrentRevision(), last);
  EXPECT_EQ(Commit({Put("/a", "2")}), last + 1);
}

TEST_F(SqliteStoreTest, IsOpenOnce) {
  OpenStore();
  const auto second = SqliteStore::Open({.dir = dir_.path()}, clock_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), base::Code::kFailedPrecondition);
  EXPECT_NE(second.error().message().find("in use by another process"), std::string::npos);
}

TEST_F(SqliteStoreTest, TheLogIsBoundedByCountAndAge) {
  SqliteStore::Options options;
  options.limits = {.max_log = 200, .log_age = std::chrono::minutes(5), .min_log = 20};
  OpenStore(options);
  const Revision first = Commit({Put("/a", "0")});
  for (int i = 0; i < 1'000; ++i) Commit({Put("/a", std::to_string(i)), Put("/b", "x")});
  EXPECT_TRUE(Eventually([&] { return store_->GetStats()->log_events <= 220; }));
  RecordingSubscriber subscriber;
  EXPECT_NE(CompactedOf(store_->Subscribe(first, subscriber).error()), nullptr);
  const Revision last = *store_->CurrentRevision();
  EXPECT_TRUE(store_->Subscribe(last - 150, subscriber).ok());
  EXPECT_EQ(subscriber.events().size(), 300u);
  clock_.Advance(std::chrono::minutes(3));
  Commit({Put("/a", "x")});
  clock_.Advance(std::chrono::minutes(3));
  Commit({Put("/a", "x")});
  clock_.Advance(std::chrono::minutes(6));
  EXPECT_TRUE(Eventually([&] {  // the writer looks after it when nobody waits
    return store_->GetStats()->log_events <= 21;
  }));
}

TEST_F(SqliteStoreTest, TheWriteAheadLogIsBounded) {
  SqliteStore::Options options;
  options.limits.wal_pages = 50;
  options.limits.most_wal_pages = 200;
  OpenStore(options);
  const std::string value(10'000, 'x');
  int64_t most = 0;
  for (int i = 0; i < 1'500; ++i) {
    Commit({Put("/a/" + std::to_string(i % 50), value)});
    most = std::max(most, store_->GetStats()->wal_bytes);
  }
  EXPECT_LT(most, 4 * 200 * 4096);
}

TEST_F(SqliteStoreTest, FreePagesGoBackToTheDisk) {
  SqliteStore::Options options;
  options.limits = {.max_log = 10, .min_log = 1, .wal_pages = 100, .spare_pages = 64};
  OpenStore(options);
  const std::string value(100'000, 'x');
  for (int i = 0; i < 200; ++i) Commit({Put("/a/" + std::to_string(i), value)});
  for (int i = 0; i < 200; ++i) Commit({Delete("/a/" + std::to_string(i))});
  EXPECT_TRUE(Eventually([&] {  // the writer looks after it when nobody waits
    return store_->GetStats()->file_bytes < 4'000'000;
  })) << store_->GetStats()->file_bytes;
}

TEST_F(SqliteStoreTest, ADamagedRowIsFoundAndTheOthersServed) {
  SqliteStore::Options options;
  options.check_pause = options.check_period = std::chrono::milliseconds(1);
  OpenStore(options);
  for (int i = 0; i < 500; ++i) Commit({Put("/a/" + std::to_string(i), "value")});
  EXPECT_EQ(*store_->Check(), 0);
  ASSERT_TRUE(Execute("UPDATE kv SET val = x'00' WHERE key = '/a/77'").ok());
  EXPECT_TRUE(Eventually([&] { return store_->GetStats()->damaged == 1; })) << "in the background";
  EXPECT_EQ(store_->Get("/a/77").error().code(), base::Code::kDataLoss);
  int seen = 0;
  ASSERT_TRUE(store_->Scan("/a/", [&](const KeyValue&) { ++seen; }).ok());
  EXPECT_EQ(seen, 499);
  Commit({Put("/a/77", "anew")});
  EXPECT_EQ(*store_->Check(), 0);
}

TEST_F(SqliteStoreTest, WhatADamagedRowWasMayBeMadeAnew) {
  OpenStore();
  for (const char* key : {"/a/whole", "/a/damaged"}) Commit({Put(key, "value")});
  ASSERT_TRUE(Execute("UPDATE kv SET val = x'00' WHERE key = '/a/damaged'").ok());
  EXPECT_FALSE(store_->Commit({Put("/a/whole", "anew", kAbsent)}, Durability::kDurable).ok());
  const auto made = store_->Commit({Put("/a/damaged", "anew", kAbsent)}, Durability::kDurable);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(store_->Get("/a/damaged")->value.view(), "anew");
  EXPECT_EQ(*store_->Check(), 0);
}

TEST_F(SqliteStoreTest, ADamagedLogIsNotReplayed) {
  OpenStore();
  const Revision first = Commit({Put("/a", "1")});
  Commit({Put("/a", "2")});
  Commit({Put("/a", "3")});
  ASSERT_TRUE(Execute("UPDATE log SET prev = x'00' WHERE prev IS NOT NULL").ok());
  RecordingSubscriber subscriber;
  const auto subscription = store_->Subscribe(first, subscriber);
  ASSERT_FALSE(subscription.ok());
  EXPECT_EQ(subscription.error().code(), base::Code::kDataLoss);
}

TEST_F(SqliteStoreTest, AFileThatIsNoneIsRefusedWithASentence) {
  ASSERT_TRUE(os::WriteFileAtomic(StorePath(dir_.path()), std::string(8192, 'x'), 0600).ok());
  const auto store = SqliteStore::Open({.dir = dir_.path()}, clock_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code(), base::Code::kDataLoss);
  EXPECT_NE(store.error().message().find("restore a backup"), std::string::npos)
      << store.error().message();
}

TEST_F(SqliteStoreTest, GroupsWhatWaits) {
  OpenStore();
  std::vector<std::thread> writers;
  for (int w = 0; w < 16; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 30; ++i) {
        Commit({Put("/" + std::to_string(w), std::to_string(i))}, Durability::kDurable);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto stats = store_->GetStats();
  EXPECT_EQ(stats->commits, 480);
  EXPECT_LT(stats->groups, stats->commits);
}

}  // namespace
}  // namespace keelson::store
