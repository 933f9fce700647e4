// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"
#include "minimal-master/store/memory_store.h"
#include "minimal-master/watch/cache.h"
#include "minimal-master/watch/fake_reader.h"

namespace keelson::watch {
namespace {

using testing::ElementsAre;

class WatcherTest : public testing::Test {
 protected:
  void SetUp() override { cache_ = *Cache::Open(store_, reader_, clock_, {}); }
  void TearDown() override {
    watchers_.clear();
    cache_.reset();
  }
  Revision Put(std::string key, std::string_view value) {
    return last_ =
               *store_.Commit({{std::move(key), Bytes::Copy(value)}}, store::Durability::kDurable);
  }
  Revision Erase(std::string key) {
    return last_ = *store_.Commit({{std::move(key), {}}}, store::Durability::kDurable);
  }
  Watcher& Watch(WatchRequest request) {
    auto watcher = cache_->Watch(std::move(request));
    EXPECT_TRUE(watcher.ok()) << watcher.error().message();
    watchers_.push_back(std::move(*watcher));
    return *watchers_.back();
  }
  // Everything up to the last write.
  std::vector<std::string> TakeAll(Watcher& watcher) {
    std::vector<std::string> out;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (Deliveries taken; taken.revision < last_ && !taken.end;) {
      EXPECT_LT(std::chrono::steady_clock::now(), deadline);
      if (std::chrono::steady_clock::now() >= deadline) break;
      const Revision before = taken.revision;
      taken = watcher.Take();
      EXPECT_GE(taken.revision, before);
      for (const Delivery& event : taken.events) {
        const char* kinds[] = {"ADDED", "MODIFIED", "DELETED"};
        out.push_back(std::string(kinds[static_cast<int>(event.kind)]) + " " +
                      std::string(event.object->bytes().view()));
        EXPECT_EQ(event.object->revision(), event.revision);
      }
      if (taken.end) out.push_back("END " + std::string(base::CodeName(taken.end->code())));
      std::this_thread::yield();
    }
    return out;
  }

  // Until everything up to the last write was handed out to everybody: which watcher gets a batch
  // first is not known.
  void HandOut() {
    if (idle_ == nullptr) idle_ = &Watch({.prefix = "/nothing/", .from = 1});
    EXPECT_TRUE(TakeAll(*idle_).empty());
  }

  store::MemoryStore store_;
  FakeReader reader_;
  base::ManualClock clock_;
  std::unique_ptr<Cache> cache_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  Watcher* idle_ = nullptr;
  Revision last_ = 0;
};

TEST_F(WatcherTest, TellsOfItsKeysInOrder) {
  Watcher& pods = Watch({.prefix = "/pods/", .from = cache_->revision()});
  Watcher& of_a = Watch({.prefix = "/pods/a/", .from = cache_->revision()});
  Watcher& one = Watch({.prefix = "/pods/a/x", .exact = true, .from = cache_->revision()});
  Watcher& all = Watch({.prefix = "", .from = cache_->revision()});
  Put("/pods/a/x", "1");
  Put("/pods/b/x", "2");
  Put("/pods/a/x", "3");
  Put("/other/a/x", "4");
  Put("/pods/a/xx", "5");
  Erase("/pods/a/x");
  EXPECT_THAT(TakeAll(pods),
              ElementsAre("ADDED 1@2", "ADDED 2@3", "MODIFIED 3@4", "ADDED 5@6", "DELETED 3@7"));
  EXPECT_THAT(TakeAll(of_a), ElementsAre("ADDED 1@2", "MODIFIED 3@4", "ADDED 5@6", "DELETED 3@7"));
  EXPECT_THAT(TakeAll(one), ElementsAre("ADDED 1@2", "MODIFIED 3@4", "DELETED 3@7"));
  EXPECT_EQ(TakeAll(all).size(), 6u);
  EXPECT_FALSE(cache_->Watch({.prefix = "/pods", .from = 1}).ok());
}

TEST_F(WatcherTest, WhatBeginsOrStopsMatchingIsAddedOrDeleted) {
  const auto web = [](const Object& object) {
    const std::string_view* app = object.FindLabel("app");
    return app != nullptr && *app == "web";
  };
  Watcher& watcher = Watch({.prefix = "/pods/", .from = cache_->revision(), .filter = web});
  Put("/pods/x", "1;app=db");
  Put("/pods/x", "2;app=web");
  Put("/pods/x", "3;app=web");
  Put("/pods/x", "4;app=db");
  Put("/pods/x", "5;app=web");
  Erase("/pods/x");
  Put("/pods/y", "6;app=db");
  Erase("/pods/y");
  EXPECT_THAT(TakeAll(watcher),
              ElementsAre("ADDED 2;app=web@3", "MODIFIED 3;app=web@4", "DELETED 3;app=web@5",
                          "ADDED 5;app=web@6", "DELETED 5;app=web@7"));
}

TEST_F(WatcherTest, ThoseOfAFieldHearOfItsValueOnly) {
  const auto on = [](std::string node) {
    return [node](const Object& object) { return object.field(0) == node; };
  };
  std::atomic<int> asked{0};
  Watcher& first = Watch({.prefix = "/pods/", .from = 1, .filter = on("n1"), .field = {{0, "n1"}}});
  Watcher& second = Watch({.prefix = "/pods/",
                           .from = 1,
                           .filter =
                               [&](const Object& object) {
                                 ++asked;
                                 return object.field(0) == "n2";
                               },
                           .field = {{0, "n2"}}});
  for (int i = 0; i < 50; ++i) Put("/pods/x", "1;;n1");
  Put("/pods/x", "2;;n2");
  Put("/pods/y", "3;;n1");
  Put("/pods/x", "4;;n2");
  const auto of_first = TakeAll(first);
  ASSERT_EQ(of_first.size(), 52u);
  EXPECT_EQ(of_first[50], "DELETED 1;;n1@52");
  EXPECT_THAT(TakeAll(second), ElementsAre("ADDED 2;;n2@52", "MODIFIED 4;;n2@54"));
  EXPECT_LE(asked, 4);
}

TEST_F(WatcherTest, ResumesFromEachRevisionWithoutGapOrRepeat) {
  for (int i = 0; i < 30; ++i) Put("/pods/" + std::to_string(i % 3), std::to_string(i));
  const Revision middle = last_;
  Watcher& whole = Watch({.prefix = "/pods/", .from = 1});
  std::vector<Watcher*> resumed;
  for (Revision from = 1; from <= middle; ++from) {
    resumed.push_back(&Watch({.prefix = "/pods/", .from = from}));
    Put("/pods/3", "more");
  }
  const auto all = TakeAll(whole);
  EXPECT_EQ(all.size(), 30 + resumed.size());
  for (size_t i = 0; i < resumed.size(); ++i) {
    EXPECT_EQ(TakeAll(*resumed[i]),
              std::vector<std::string>(all.begin() + static_cast<ptrdiff_t>(i), all.end()));
  }
}

TEST_F(WatcherTest, RegisteringWhileWritesGoOnLosesNothing) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop && i < 50'000; ++i) {  // the history keeps twice as many
      ASSERT_TRUE(
          store_.Commit({{"/pods/x", Bytes::Copy(std::to_string(i))}}, store::Durability::kRelaxed)
              .ok());
    }
  });
  std::vector<std::pair<Revision, Watcher*>> all;
  for (int i = 0; i < 50; ++i) {
    const Revision from = cache_->Current().revision();
    all.emplace_back(from, &Watch({.prefix = "/pods/", .from = from, .queue_limit = 10'000'000}));
  }
  stop = true;
  writer.join();
  last_ = cache_->revision();
  for (const auto& [from, watcher] : all) {
    Revision expected = from;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (Deliveries taken; expected < last_;) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      taken = watcher->Take();
      for (const Delivery& event : taken.events) ASSERT_EQ(event.revision, ++expected);
      ASSERT_FALSE(taken.end);
    }
  }
}

TEST_F(WatcherTest, IsWokenOnceUntilItTookEverything) {
  std::atomic<int> woken{0};
  Watcher& watcher = Watch({.prefix = "/a/", .from = 1, .wake = [&] { ++woken; }});
  for (int i = 0; i < 3; ++i) {
    Put("/a/1", "x");
    HandOut();
    EXPECT_EQ(woken, 1);
  }
  EXPECT_TRUE(watcher.Take(2).more);
  EXPECT_EQ(watcher.Take().events.size(), 1u);
  Put("/a/1", "x");
  HandOut();
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(watcher.Take().events.size(), 1u);
  Put("/b/1", "x");
  HandOut();
  EXPECT_EQ(watcher.Take().revision, last_) << "a bookmark without events";
  EXPECT_EQ(woken, 2);
}

TEST_F(WatcherTest, ASlowOneIsEndedAndOthersGoOn) {
  std::atomic<int> woken{0};
  Watcher& slow = Watch({.prefix = "/a/", .from = 1, .wake = [&] { ++woken; }, .queue_limit = 10});
  Watcher& other = Watch({.prefix = "/a/", .from = 1});
  for (int i = 0; i < 30; ++i) Put("/a/" + std::to_string(i), "x");
  EXPECT_EQ(TakeAll(other).size(), 30u);
  HandOut();
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(TakeAll(slow).back(), "END ResourceExhausted");
}

TEST_F(WatcherTest, OneThatAsksForTooOldIsTold) {
  cache_.reset();
  Cache::Options options;
  options.resume_events = 2;
  for (int i = 0; i < 9; ++i) Put("/a/1", std::to_string(i));
  cache_ = *Cache::Open(store_, reader_, clock_, options);
  EXPECT_TRUE(cache_->Watch({.prefix = "/a/", .from = last_ - 2}).ok());
  const auto old = cache_->Watch({.prefix = "/a/", .from = last_ - 3});
  ASSERT_FALSE(old.ok());
  ASSERT_NE(store::CompactedOf(old.error()), nullptr);
  EXPECT_EQ(store::CompactedOf(old.error())->oldest, last_ - 2);
}

}  // namespace
}  // namespace keelson::watch
