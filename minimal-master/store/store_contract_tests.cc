// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <map>
#include <set>

#include "minimal-master/store/store_contract.h"

namespace keelson::store {

using base::Code;
using testing::ElementsAre;

TEST_P(StoreContract, KeepsWhatWasCommittedUnderGrowingRevisions) {
  const Revision first = MustCommit({Put("/registry/pods/a/1", "one")});
  const Revision second = MustCommit({Put("/registry/pods/a/2", "two")});
  EXPECT_GT(first, 0);
  EXPECT_GT(second, first);
  const auto found = store_->Get("/registry/pods/a/1");
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->key, "/registry/pods/a/1");
  EXPECT_EQ(found->revision, first);
  EXPECT_EQ(found->value.view(), "one");
  EXPECT_EQ(*store_->CurrentRevision(), second);
}

TEST_P(StoreContract, KeepsAnyBytes) {
  std::string value;
  for (int i = 0; i < 70'000; ++i) value += static_cast<char>(i * 7);
  MustCommit({Put("/bytes", value), Put("/empty", "")});
  EXPECT_EQ(ValueOf("/bytes"), value);
  EXPECT_EQ(ValueOf("/empty"), "");
  EXPECT_TRUE(store_->Get("/empty")->value);
}

TEST_P(StoreContract, AKeyThatIsNotThereIsNotFound) {
  EXPECT_EQ(ValueOf("/none"), "(NotFound)");
  const auto deleted = store_->Commit({Delete("/none")});
  ASSERT_FALSE(deleted.ok());
  EXPECT_EQ(deleted.error().code(), Code::kNotFound);
}

TEST_P(StoreContract, CreatesOnlyWhatIsNotThere) {
  const Revision first = MustCommit({Put("/a", "1", kAbsent)});
  const auto again = store_->Commit({Put("/a", "2", kAbsent)});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), Code::kAborted);
  ASSERT_NE(ConflictOf(again.error()), nullptr);
  EXPECT_EQ(ConflictOf(again.error())->current, first);
  EXPECT_EQ(ConflictOf(again.error())->key, "/a");
  EXPECT_EQ(ValueOf("/a"), "1");
}

TEST_P(StoreContract, ChangesOnlyTheRevisionThatIsExpected) {
  const Revision first = MustCommit({Put("/a", "1")});
  const Revision second = MustCommit({Put("/a", "2", first)});
  for (const Change& late : {Put("/a", "3", first), Delete("/a", first)}) {
    const auto result = store_->Commit({late});
    ASSERT_FALSE(result.ok());
    ASSERT_NE(ConflictOf(result.error()), nullptr) << result.error().message();
    EXPECT_EQ(ConflictOf(result.error())->current, second);
  }
  MustCommit({Delete("/a", second)});
  EXPECT_EQ(ValueOf("/a"), "(NotFound)");
  const auto gone = store_->Commit({Put("/a", "3", second)});
  ASSERT_FALSE(gone.ok());
  ASSERT_NE(ConflictOf(gone.error()), nullptr);
  EXPECT_EQ(ConflictOf(gone.error())->current, kAbsent);
}

TEST_P(StoreContract, ACommitIsDoneWholeOrNotAtAll) {
  MustCommit({Put("/a", "1")});
  ASSERT_FALSE(store_->Commit({Put("/b", "2"), Put("/a", "2", kAbsent)}).ok());
  EXPECT_EQ(ValueOf("/b"), "(NotFound)");
  ASSERT_FALSE(store_->Commit({Put("/b", "2"), Delete("/none")}).ok());
  EXPECT_EQ(ValueOf("/b"), "(NotFound)");
  const Revision both = MustCommit({Put("/b", "2"), Delete("/a"), Put("/c", "3")});
  EXPECT_EQ(ValueOf("/a"), "(NotFound)");
  EXPECT_EQ(store_->Get("/b")->revision, both);
  EXPECT_EQ(store_->Get("/c")->revision, both);
}

TEST_P(StoreContract, RefusesWhatNoStoreCanKeep) {
  for (const auto& changes : std::vector<std::vector<Change>>{
           {},
           {Put("", "x")},
           {Put(std::string(kMaxKeyBytes + 1, 'k'), "x")},
           {Put("/a", "1"), Put("/a", "2")},
           {Put("/a", "1", -5)},
           {Delete("/a", kAbsent)},
           std::vector<Change>(kMaxChanges + 1, Put("/a", "1")),
       }) {
    const auto result = store_->Commit(changes);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), Code::kInvalidArgument) << result.error().message();
  }
}

TEST_P(StoreContract, ListsByPrefixInOrderAndInPages) {
  for (const char* key : {"/p/b", "/p/a", "/p/c", "/p0", "/o/z", "/p/a/x"})
    MustCommit({Put(key, key)});
  EXPECT_THAT(KeysOf(*store_->List("/p/", "", 0)), ElementsAre("/p/a", "/p/a/x", "/p/b", "/p/c"));
  const auto page = store_->List("/p/", "", 2);
  EXPECT_THAT(KeysOf(*page), ElementsAre("/p/a", "/p/a/x"));
  EXPECT_TRUE(page->more);
  const auto rest = store_->List("/p/", std::string("/p/a/x") + '\0', 2);
  EXPECT_THAT(KeysOf(*rest), ElementsAre("/p/b", "/p/c"));
  EXPECT_FALSE(rest->more);
  EXPECT_EQ(rest->revision, *store_->CurrentRevision());
  EXPECT_THAT(KeysOf(*store_->List("/none/", "", 0)), ElementsAre());
}

TEST_P(StoreContract, ScansEverythingAtOneRevision) {
  std::map<std::string, Revision> expected;
  for (int i = 0; i < 1200; ++i) {
    const std::string key = "/scan/" + std::to_string(i);
    expected[key] = MustCommit({Put(key, key)}, Durability::kRelaxed);
  }
  std::map<std::string, Revision> seen;
  const auto revision = store_->Scan("/scan/", [&](KeyValue item) {
    EXPECT_EQ(item.value.view(), item.key);
    seen[item.key] = item.revision;
  });
  ASSERT_TRUE(revision.ok()) << revision.error().message();
  EXPECT_EQ(*revision, *store_->CurrentRevision());
  EXPECT_EQ(seen, expected);
}

TEST_P(StoreContract, PublishesBeforeTheWriterHasItsAnswer) {
  RecordingSubscriber subscriber;
  const auto subscription = store_->Subscribe(*store_->CurrentRevision(), subscriber);
  ASSERT_TRUE(subscription.ok()) << subscription.error().message();
  const Revision first = MustCommit({Put("/a", "1")});
  ASSERT_EQ(subscriber.events().size(), 1u);
  MustCommit({Put("/a", "2")});
  MustCommit({Delete("/a")}, Durability::kRelaxed);
  const Revision both = MustCommit({Put("/b", "3"), Put("/c", "4")});
  const auto events = subscriber.events();
  EXPECT_THAT(TextsOf(events), ElementsAre("+/a=1", "/a=2 was 1", "-/a was 2", "+/b=3", "+/c=4"));
  EXPECT_EQ(events[0].revision, first);
  EXPECT_EQ(events[1].previous_revision, first);
  EXPECT_EQ(events[3].revision, both);
  EXPECT_EQ(events[4].revision, both);
  const auto refused = store_->Commit({Put("/b", "5", kAbsent)});
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(subscriber.events().size(), 5u);
}

TEST_P(StoreContract, ResumesFromARevisionWithoutGapOrRepeat) {
  const Revision first = MustCommit({Put("/a", "1")});
  const Revision second = MustCommit({Put("/a", "2")});
  MustCommit({Put("/b", "x")});
  MustCommit({Delete("/b")});
  MustCommit({Put("/a", "3"), Put("/b", "y")});
  RecordingSubscriber from_first;
  const auto subscription = store_->Subscribe(first, from_first);
  ASSERT_TRUE(subscription.ok()) << subscription.error().message();
  EXPECT_THAT(TextsOf(from_first.Await(5)),
              ElementsAre("/a=2 was 1", "+/b=x", "-/b was x", "/a=3 was 2", "+/b=y"));
  EXPECT_EQ(from_first.events()[0].revision, second);
  MustCommit({Put("/c", "z")});
  EXPECT_EQ(TextsOf(from_first.events()).back(), "+/c=z");
  EXPECT_EQ(from_first.events().size(), 6u);
}

TEST_P(StoreContract, KnowsFromWhereTheLastEventsCanBeHad) {
  for (int i = 0; i < 9; ++i) MustCommit({Put("/a", std::to_string(i))});
  const auto from = store_->RevisionBefore(3);
  ASSERT_TRUE(from.ok()) << from.error().message();
  RecordingSubscriber subscriber;
  const auto subscription = store_->Subscribe(*from, subscriber);
  ASSERT_TRUE(subscription.ok()) << subscription.error().message();
  EXPECT_THAT(TextsOf(subscriber.Await(3)), ElementsAre("/a=6 was 5", "/a=7 was 6", "/a=8 was 7"));
  RecordingSubscriber other;
  EXPECT_TRUE(store_->Subscribe(*store_->RevisionBefore(1'000'000), other).ok());
}

TEST_P(StoreContract, AnEndedSubscriptionIsQuiet) {
  RecordingSubscriber subscriber;
  auto subscription = store_->Subscribe(*store_->CurrentRevision(), subscriber);
  ASSERT_TRUE(subscription.ok());
  MustCommit({Put("/a", "1")});
  subscription->reset();
  MustCommit({Put("/a", "2")});
  EXPECT_EQ(subscriber.events().size(), 1u);
}

TEST_P(StoreContract, ForgetsWhatIsCompacted) {
  const Revision first = MustCommit({Put("/a", "1")});
  MustCommit({Put("/a", "2")});
  const Revision third = MustCommit({Put("/a", "3")});
  const auto done = store_->Compact(third);
  ASSERT_TRUE(done.ok()) << done.error().message();
  RecordingSubscriber subscriber;
  const auto late = store_->Subscribe(first - 1, subscriber);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), Code::kOutOfRange);
  ASSERT_NE(CompactedOf(late.error()), nullptr);
  EXPECT_EQ(CompactedOf(late.error())->oldest, third);
  EXPECT_TRUE(store_->Subscribe(third, subscriber).ok());
  EXPECT_EQ(ValueOf("/a"), "3");
  EXPECT_FALSE(store_->Compact(third + 1'000'000'000).ok());
}

TEST_P(StoreContract, ManyWritersGetTheirOwnRevisionsInTheOrderOfEvents) {
  RecordingSubscriber subscriber;
  const auto subscription = store_->Subscribe(*store_->CurrentRevision(), subscriber);
  ASSERT_TRUE(subscription.ok());
  constexpr int kWriters = 16, kEach = 20;
  std::mutex mutex;
  std::map<Revision, std::string> acknowledged;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        const std::string key = "/w/" + std::to_string(w) + "/" + std::to_string(i);
        const auto revision = store_->Commit(
            {Put(key, key, kAbsent)}, i % 3 == 0 ? Durability::kRelaxed : Durability::kDurable);
        ASSERT_TRUE(revision.ok()) << revision.error().message();
        std::lock_guard lock(mutex);
        EXPECT_TRUE(acknowledged.emplace(*revision, key).second) << "a revision came twice";
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto events = subscriber.events();
  ASSERT_EQ(events.size(), acknowledged.size());
  auto expected = acknowledged.begin();
  for (const Event& event : events) {
    EXPECT_EQ(event.revision, expected->first);
    EXPECT_EQ(event.key, (expected++)->second);
  }
}

TEST_P(StoreContract, OneOfManyRacersWins) {
  const Revision start = MustCommit({Put("/race", "0")});
  std::atomic<int> won{0}, lost{0};
  std::vector<std::thread> racers;
  for (int i = 0; i < 8; ++i) {
    racers.emplace_back([&, i] {
      const auto result = store_->Commit({Put("/race", std::to_string(i), start)});
      if (result.ok()) {
        ++won;
      } else {
        EXPECT_NE(ConflictOf(result.error()), nullptr) << result.error().message();
        ++lost;
      }
    });
  }
  for (std::thread& racer : racers) racer.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
}

TEST_P(StoreContract, IsTheSameWhenOpenedAgain) {
  if (!place_->survives()) GTEST_SKIP() << "made to forget";
  const Revision first = MustCommit({Put("/a", "1"), Put("/b", "1")});
  const Revision second = MustCommit({Put("/a", "2"), Delete("/b")});
  MustCommit({Put("/lease", "x")}, Durability::kRelaxed);
  OpenAgain();
  EXPECT_EQ(ValueOf("/a"), "2");
  EXPECT_EQ(ValueOf("/b"), "(NotFound)");
  EXPECT_EQ(ValueOf("/lease"), "x");
  EXPECT_EQ(store_->Get("/a")->revision, second);
  EXPECT_GT(MustCommit({Put("/c", "1")}), second);
  RecordingSubscriber subscriber;
  const auto subscription = store_->Subscribe(first, subscriber);
  ASSERT_TRUE(subscription.ok()) << subscription.error().message();
  EXPECT_THAT(TextsOf(subscriber.Await(4)),
              ElementsAre("/a=2 was 1", "-/b was 1", "+/lease=x", "+/c=1"));
}

TEST_P(StoreContract, CountsWhatItHolds) {
  MustCommit({Put("/a", "1"), Put("/b", "2")});
  MustCommit({Delete("/a")});
  const auto stats = store_->GetStats();
  ASSERT_TRUE(stats.ok()) << stats.error().message();
  EXPECT_FALSE(stats->backend.empty());
  EXPECT_EQ(stats->revision, *store_->CurrentRevision());
  EXPECT_LE(stats->oldest, stats->revision);
  if (place_->alone()) {
    EXPECT_EQ(stats->keys, 1);
  }
  EXPECT_EQ(stats->damaged, 0);
}

}  // namespace keelson::store
