// SPDX-License-Identifier: Apache-2.0
// A store as a process that died left it, whose log is then spoilt at each kind of place: all that
// was answered is there, or it is refused by name and no byte is another.
#include "minimal-master/store/sqlite/commit_mark.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <thread>

#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/sqlite/log_file.h"
#include "minimal-master/store/sqlite/maintenance.h"
#include "minimal-master/store/sqlite/sqlite_store.h"
#include "minimal-master/store/store_contract.h"

namespace keelson::store {
namespace {

using testing::HasSubstr;

class CommitMarkTest : public testing::Test {
 protected:
  static constexpr size_t kHeader = 32, kFrame = 24 + 4096;

  void Open(const std::string& dir, SqliteStore::Options options = {}) {
    options.dir = dir;
    auto store = SqliteStore::Open(options, clock_);
    ASSERT_TRUE(store.ok()) << store.error().message();
    store_ = std::move(*store);
  }
  void Commit(const std::string& key, const std::string& value,
              Durability durability = Durability::kDurable) {
    const auto done = store_->Commit({Put(key, value)}, durability);
    ASSERT_TRUE(done.ok()) << done.error().message();
    if (durability == Durability::kDurable) answered_[key] = value;
  }
  void OpenUntilAllIsInTheFile() {
    SqliteStore::Options options;
    options.limits.wal_pages = 10;
    options.busy_pause = options.quiet_pause = std::chrono::milliseconds(1);
    Open(dir_.path(), options);
    // A checkpoint comes when nobody waits: perhaps between two of these.
    const std::string mark = AnsweredPath(StorePath(dir_.path()));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    CommitSome("/a", 12);
    for (int i = 0; ReadAnswered(mark).value()->state != Answered::State::kInFile; ++i) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      if (ReadLogFile(dir_.path() + "/store.db-wal").frames < 12) Commit("/a1", std::to_string(i));
      std::this_thread::yield();
    }
  }
  // Of values of many pages and of less than one, so that frames begin and end commits.
  void CommitSome(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i)
      Commit(prefix + std::to_string(i % 5),
             prefix + std::to_string(i) + std::string(i % 3 == 0 ? 9'000 : 50, 'v'));
  }
  static std::string Bytes(const std::string& path) {
    return os::ReadFile(path, size_t{1} << 30).ValueOr("");
  }
  static std::map<std::string, std::string> Contents(const std::string& dir) {
    std::map<std::string, std::string> out;
    const auto entries = os::ListDir(dir);
    EXPECT_TRUE(entries.ok());
    for (const os::DirEntry& entry : *entries) {
      if (entry.name.ends_with("-shm")) continue;  // SQLite's, made anew by each start
      out[entry.name] = Bytes(dir + "/" + entry.name);
    }
    return out;
  }
  void Freeze() {
    frozen_ = Contents(dir_.path());
    store_.reset();
  }
  void Thaw(const std::string& log) {
    ASSERT_TRUE(os::RemoveTree(place_).ok());
    ASSERT_TRUE(os::MakeDirs(place_, 0700).ok());
    for (const auto& [name, bytes] : frozen_)
      ASSERT_TRUE(os::WriteFileAtomic(place_ + "/" + name, bytes, 0600).ok());
    ASSERT_TRUE(os::WriteFileAtomic(place_ + "/store.db-wal", log, 0600).ok());
  }
  // Whether it was served, and then whole.
  bool OpensWholeOrRefuses() {
    const auto before = Contents(place_);
    {
      auto store = SqliteStore::Open({.dir = place_}, clock_);
      if (store.ok()) {
        for (const auto& [key, value] : answered_) {
          const auto found = (*store)->Get(key);
          EXPECT_TRUE(found.ok() && found->value.view() == value) << key;
        }
        EXPECT_EQ(*(*store)->Check(), 0);
        return true;
      }
      EXPECT_EQ(store.error().code(), base::Code::kDataLoss) << store.error().message();
      EXPECT_THAT(store.error().message(), HasSubstr(place_ + "/store.db-wal'"));
      EXPECT_THAT(store.error().message(), HasSubstr("restore a backup"));
    }
    EXPECT_TRUE(Contents(place_) == before) << "something was changed";
    return false;
  }
  std::string Log() const { return frozen_.at("store.db-wal"); }
  // Each kind of damage at each frame, or one kind after the other: cut before it, in its head, in
  // its page; a bit of its head, a bit of its page, its page zeroed. And of the log's own head.
  enum class Which { kAll, kInTurn };
  std::vector<std::pair<std::string, std::string>> SpoiltLogs(Which which) const {
    std::vector<std::pair<std::string, std::string>> out = {{"empty", ""}};
    const std::string log = Log();
    const auto cut = [&](const std::string& what, size_t at) {
      out.emplace_back("cut " + what, log.substr(0, at));
    };
    const auto flip = [&](const std::string& what, size_t at) {
      std::string spoilt = log;
      spoilt[at] = static_cast<char>(spoilt[at] ^ 0x10);
      out.emplace_back("a bit of " + what, spoilt);
    };
    cut("in the head", kHeader / 2);
    for (const size_t at : {0u, 4u, 9u, 13u, 17u, 25u}) flip("the head", at);
    out.emplace_back("garbage", std::string(log.size(), 'x'));
    for (size_t at = kHeader, i = 1; at + kFrame <= log.size(); at += kFrame, ++i) {
      const std::string frame = "frame " + std::to_string(i);
      cut("before " + frame, at);
      cut("in the head of " + frame, at + 11);
      cut("in the page of " + frame, at + 2'000);
      for (const size_t place : {2u, 6u, 9u, 20u}) flip("the head of " + frame, at + place);
      flip("the page of " + frame, at + 24 + 4'000);
      std::string spoilt = log;
      spoilt.replace(at + 24, 4096, 4096, '\0');
      out.emplace_back("zeroed " + frame, spoilt);
    }
    constexpr size_t kEvery = 7;  // of nine kinds: each comes, at another frame
    for (size_t i = 0; which == Which::kInTurn && i < out.size(); ++i)
      out.erase(out.begin() + static_cast<ptrdiff_t>(i),
                out.begin() + static_cast<ptrdiff_t>(std::min(i + kEvery - 1, out.size() - 1)));
    return out;
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-answered");
  const os::TempDir other_ = *os::TempDir::Create("keelson-answered-copy");
  const std::string place_ = other_.path() + "/it";
  base::ManualClock clock_;
  std::unique_ptr<SqliteStore> store_;
  std::map<std::string, std::string> frozen_, answered_;
};

TEST_F(CommitMarkTest, ASpoiltLogIsRefusedByNameAndNothingIsChanged) {
  Open(dir_.path());
  CommitSome("/a", 12);
  Freeze();
  Thaw(Log());
  EXPECT_TRUE(OpensWholeOrRefuses()) << "as it was left";
  // What lies behind is of no commit: as of one that was under way.
  Thaw(Log() + std::string(kFrame / 2, 'x'));
  EXPECT_TRUE(OpensWholeOrRefuses());
  ASSERT_EQ((Log().size() - kHeader) % kFrame, 0u);
  for (const auto& [name, log] : SpoiltLogs(Which::kAll)) {
    SCOPED_TRACE(name);
    Thaw(log);
    EXPECT_FALSE(OpensWholeOrRefuses());
    if (HasFailure()) return;
  }
  Thaw("");
  ASSERT_TRUE(os::RemoveFile(place_ + "/store.db-wal").ok());
  EXPECT_FALSE(OpensWholeOrRefuses()) << "gone";
  ASSERT_TRUE(os::MakeDirs(place_ + "/store.db-wal", 0700).ok());
  EXPECT_FALSE(OpensWholeOrRefuses()) << "a folder";
  // As the sentence says: without the mark it goes on with what can be read.
  ASSERT_TRUE(os::RemoveFile(AnsweredPath(StorePath(place_))).ok());
  answered_.clear();
  EXPECT_TRUE(SqliteStore::Open({.dir = place_}, clock_).ok());
}

// All of the log is in the file, and yet SQLite would read the first frames of a spoilt one over
// it.
TEST_F(CommitMarkTest, ALogThatIsNotNeededHarmsNothing) {
  OpenUntilAllIsInTheFile();
  Freeze();
  ASSERT_GT(Log().size(), 10 * kFrame);
  for (const auto& [name, log] : SpoiltLogs(Which::kInTurn)) {
    SCOPED_TRACE(name);
    Thaw(log);
    EXPECT_TRUE(OpensWholeOrRefuses());
    if (HasFailure()) return;
  }
}

// The next log begins at the front of the same file, and behind it lies what is left of the former.
TEST_F(CommitMarkTest, OfALogThatBeganAnewItsOwnFramesCount) {
  OpenUntilAllIsInTheFile();
  const size_t former = Contents(dir_.path()).at("store.db-wal").size();
  for (const char* key : {"/a1", "/b"}) Commit(key, "anew");  // too little for a checkpoint
  Freeze();
  ASSERT_EQ(Log().size(), former);
  int whole = 0, refused = 0;
  for (const auto& [name, log] : SpoiltLogs(Which::kInTurn)) {
    SCOPED_TRACE(name);
    Thaw(log);
    ++(OpensWholeOrRefuses() ? whole : refused);
    if (HasFailure()) return;
  }
  EXPECT_GT(whole, 3);
  EXPECT_GT(refused, 3);
}

TEST_F(CommitMarkTest, WhatWasRelaxedIsNotAskedFor) {
  Open(dir_.path());
  CommitSome("/a", 4);
  const size_t durable = Contents(dir_.path()).at("store.db-wal").size();
  Commit("/lease", "renewed", Durability::kRelaxed);
  Freeze();
  ASSERT_GT(Log().size(), durable);
  Thaw(Log().substr(0, durable + 100));
  EXPECT_TRUE(OpensWholeOrRefuses());
}

TEST_F(CommitMarkTest, ADamagedMarkCostsNoStart) {
  Open(dir_.path());
  CommitSome("/a", 4);
  Freeze();
  const std::string name = "store.db-answered", whole = frozen_.at(name);
  for (const std::string& mark : {std::string(), whole.substr(0, 20), std::string(whole.size(), 0),
                                  whole + "x", std::string(9'000, 'x')}) {
    frozen_[name] = mark;
    Thaw(Log());
    EXPECT_TRUE(OpensWholeOrRefuses()) << mark.size();
    EXPECT_TRUE(os::Exists(place_ + "/" + name + ".bad"));
    EXPECT_TRUE(ReadAnswered(place_ + "/" + name).value().has_value());
  }
  frozen_.erase(name);
  Thaw(Log());
  ASSERT_TRUE(os::MakeDirs(place_ + "/" + name + "/with", 0700).ok());
  EXPECT_TRUE(OpensWholeOrRefuses()) << "a folder";
  Thaw(Log());
  EXPECT_TRUE(OpensWholeOrRefuses()) << "of an older program";
}

TEST_F(CommitMarkTest, ARestoredBackupIsAskedForNothing) {
  Open(dir_.path());
  CommitSome("/a", 3);
  const std::string backup = other_.path() + "/backup";
  ASSERT_TRUE(store_->Backup(backup).ok());
  const auto kept = answered_;
  CommitSome("/a", 12);
  Freeze();
  Thaw(Log().substr(0, kHeader + 3 * kFrame));
  EXPECT_FALSE(OpensWholeOrRefuses());
  const std::string spoilt = Bytes(place_ + "/store.db-wal");
  const auto restored = RestoreStore(backup, place_);
  ASSERT_TRUE(restored.ok()) << restored.error().message();
  EXPECT_EQ(Bytes(place_ + "/store.db.before-restore-wal"), spoilt) << "kept for who can read it";
  answered_ = kept;
  EXPECT_TRUE(OpensWholeOrRefuses());
}

}  // namespace
}  // namespace keelson::store
