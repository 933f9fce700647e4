// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"
#include "minimal-master/store/memory_store.h"
#include "minimal-master/watch/fake_reader.h"
#include "minimal-master/watch/follower.h"

namespace keelson::watch {
namespace {

using testing::ElementsAre;

class CacheTest : public testing::Test {
 protected:
  void OpenCache(Cache::Options options = {}) {
    auto cache = Cache::Open(store_, reader_, clock_, options);
    ASSERT_TRUE(cache.ok()) << cache.error().message();
    cache_ = std::move(*cache);
  }
  Revision Put(std::string key, std::string_view value) {
    return *store_.Commit({{std::move(key), Bytes::Copy(value)}}, store::Durability::kDurable);
  }
  Revision Erase(std::string key) {
    return *store_.Commit({{std::move(key), {}}}, store::Durability::kDurable);
  }
  // Writes on until `done` says so; a minute at most.
  template <typename F>
  bool PutUntil(F&& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      Put("/a", "again");
      std::this_thread::yield();
    }
    return true;
  }
  static std::vector<std::string> Texts(const Snapshot& snapshot, std::string_view prefix = "/") {
    std::vector<std::string> out;
    snapshot.ForEach(prefix, "", [&](const ObjectPtr& object) {
      out.push_back(std::string(object->key()) + " " + std::string(object->bytes().view()));
      return true;
    });
    return out;
  }

  store::MemoryStore store_;
  FakeReader reader_;
  base::ManualClock clock_;
  std::unique_ptr<Cache> cache_;
};

TEST_F(CacheTest, HoldsWhatWasThereAndWhatIsWritten) {
  const Revision first = Put("/pods/a/x", "u1;app=web,tier=1;node1");
  OpenCache();
  const Revision second = Put("/pods/a/y", "u2");
  EXPECT_EQ(cache_->revision(), second);
  const ObjectPtr found = cache_->Find("/pods/a/x");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name(), "x");
  EXPECT_EQ(found->ns(), "a");
  EXPECT_EQ(found->uid(), "u1");
  EXPECT_EQ(found->revision(), first);
  EXPECT_EQ(found->field(0), "node1");
  EXPECT_EQ(found->field(7), "");
  ASSERT_NE(found->FindLabel("app"), nullptr);
  EXPECT_EQ(*found->FindLabel("app"), "web");
  EXPECT_EQ(found->FindLabel("none"), nullptr);
  Erase("/pods/a/x");
  EXPECT_FALSE(cache_->Find("/pods/a/x"));
  EXPECT_EQ(found->name(), "x") << "whoever holds it keeps it";
}

TEST_F(CacheTest, ASnapshotIsAsOfOneRevision) {
  OpenCache();
  const Revision first = Put("/a/1", "x");
  const Snapshot before = cache_->Current();
  Put("/a/2", "y");
  Erase("/a/1");
  EXPECT_EQ(before.revision(), first);
  EXPECT_THAT(Texts(before), ElementsAre("/a/1 x@" + std::to_string(first)));
  EXPECT_EQ(before.Count("/a/"), 1u);
  EXPECT_EQ(cache_->Current().Count("/a/"), 1u);
  EXPECT_EQ(cache_->Current().Count("/b/"), 0u);
}

TEST_F(CacheTest, AFollowerHearsOnceOfWhatChangedBelowItsPrefix) {
  OpenCache();
  Put("/a/1", "x");
  Put("/a/2", "x");
  Follower follower(*cache_, "/a/");
  std::vector<std::string> heard;
  const auto catch_up = [&] {
    heard.clear();
    follower.CatchUp([&](const ObjectPtr& before, const ObjectPtr& after) {
      heard.push_back((before ? std::string(before->key()) : "new") + " " +
                      (after ? std::string(after->key()) : "gone"));
    });
    return heard;
  };
  EXPECT_THAT(catch_up(), ElementsAre("new /a/1", "new /a/2"));
  EXPECT_THAT(catch_up(), ElementsAre());
  Put("/b/1", "x");
  Erase("/a/1");
  Put("/a/2", "y");
  EXPECT_THAT(catch_up(), ElementsAre("/a/1 gone", "/a/2 /a/2"));
}

TEST_F(CacheTest, ListsAtARevisionThatHasPassed) {
  OpenCache();
  std::vector<std::pair<Revision, std::vector<std::string>>> past;
  for (int i = 0; i < 40; ++i) {
    const std::string key = "/a/" + std::to_string(i % 7);
    const Revision revision =
        i % 5 == 4 && cache_->Find(key) ? Erase(key) : Put(key, std::to_string(i));
    past.emplace_back(revision, Texts(cache_->Current()));
    Put("/b/other", std::to_string(i));
  }
  for (const auto& [revision, texts] : past) {
    const auto then = cache_->At(revision, "/a/");
    ASSERT_TRUE(then.ok()) << then.error().message();
    EXPECT_EQ(then->revision(), revision);
    std::vector<std::string> of_a;
    for (const std::string& text : texts) {
      if (text.starts_with("/a/")) of_a.push_back(text);
    }
    EXPECT_EQ(Texts(*then, "/a/"), of_a);
  }
  EXPECT_EQ(cache_->At(cache_->revision() + 1, "/").error().code(), base::Code::kInvalidArgument);
}

TEST_F(CacheTest, ForgetsByCountBytesAndAge) {
  Cache::Options options;
  options.history = {
      .age = std::chrono::seconds(80), .min_events = 5, .max_events = 50, .max_bytes = 1 << 20};
  OpenCache(options);
  const Revision first = Put("/a", "0");
  for (int i = 0; i < 20; ++i) Put("/a", std::to_string(i));
  clock_.Advance(std::chrono::seconds(79));
  const Revision young = Put("/a", "young");
  EXPECT_TRUE(cache_->At(first, "/").ok()) << "79 s old";
  clock_.Advance(std::chrono::seconds(2));
  // The hub's thread has to be done with an event before it goes.
  EXPECT_TRUE(PutUntil([&] { return !cache_->At(first, "/").ok(); }));
  const auto old = cache_->At(first, "/");
  ASSERT_FALSE(old.ok());
  ASSERT_NE(store::CompactedOf(old.error()), nullptr);
  EXPECT_GE(store::CompactedOf(old.error())->oldest, first);
  EXPECT_TRUE(PutUntil([&] { return !cache_->At(young, "/").ok(); })) << "more than 50 since";
  EXPECT_TRUE(PutUntil([&] { return cache_->GetStats().history_events <= 50; }));
}

TEST_F(CacheTest, WaitsForARevisionThatIsToCome) {
  OpenCache();
  const Revision now = Put("/a", "1");
  EXPECT_TRUE(cache_->AtLeast(now, std::chrono::milliseconds(0)).ok());
  const auto late = cache_->AtLeast(now + 1, std::chrono::milliseconds(1));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), base::Code::kDeadlineExceeded);
  std::thread writer([&] { Put("/a", "2"); });
  EXPECT_TRUE(cache_->AtLeast(now + 1, std::chrono::minutes(1)).ok());
  writer.join();
}

TEST_F(CacheTest, LeavesOutWhatCannotBeReadAndCountsIt) {
  Put("/a/bad", "unreadable");
  Put("/a/good", "x");
  OpenCache();
  Put("/a/then", "x");
  Put("/a/then", "unreadable");
  EXPECT_EQ(cache_->Current().Count("/"), 1u);
  EXPECT_GE(cache_->GetStats().unreadable, 2u);
  Put("/a/bad", "x");
  EXPECT_EQ(cache_->Current().Count("/"), 2u);
}

TEST_F(CacheTest, OpensWithTheHistoryOfTheStore) {
  Put("/a/1", "one");
  const Revision from = Put("/a/2", "two");
  Put("/a/1", "one again");
  Erase("/a/2");
  Put("/a/3", "three");
  OpenCache();
  EXPECT_THAT(Texts(*cache_->At(from, "/")), ElementsAre("/a/1 one@2", "/a/2 two@3"));
  auto watcher = cache_->Watch({.prefix = "/a/", .from = from});
  ASSERT_TRUE(watcher.ok()) << watcher.error().message();
  std::vector<std::string> seen;
  for (const Delivery& event : (*watcher)->Take().events) {
    seen.push_back(std::to_string(static_cast<int>(event.kind)) + " " +
                   std::string(event.object->bytes().view()));
  }
  EXPECT_THAT(seen, ElementsAre("1 one again@4", "2 two@5", "0 three@6"));
}

TEST_F(CacheTest, ReadsEverythingAnewWhenTheStoreLosesIt) {
  Cache::Options options;
  options.retry = std::chrono::milliseconds(1);
  OpenCache(options);
  const Revision old = Put("/a/1", "x");
  auto watcher = cache_->Watch({.prefix = "/a/", .from = old});
  ASSERT_TRUE(watcher.ok());
  store_.LoseSubscribers();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (cache_->GetStats().resets == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  const Revision next = Put("/a/2", "y");
  EXPECT_EQ(cache_->revision(), next);
  EXPECT_EQ(cache_->Current().Count("/a/"), 2u);
  std::optional<base::Error> end;
  while (!end && std::chrono::steady_clock::now() < deadline) end = (*watcher)->Take().end;
  ASSERT_TRUE(end.has_value());
  EXPECT_NE(store::CompactedOf(*end), nullptr);
  EXPECT_FALSE(cache_->Watch({.prefix = "/a/", .from = old - 1}).ok());
}

}  // namespace
}  // namespace keelson::watch
