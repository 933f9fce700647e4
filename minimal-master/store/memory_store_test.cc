// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/memory_store.h"

#include "minimal-master/store/store_contract.h"

namespace keelson::store {
namespace {

class MemoryPlace final : public Place {
 public:
  std::unique_ptr<Store> Open() override { return std::make_unique<MemoryStore>(); }
  bool survives() const override { return false; }
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract,
                         testing::Values(PlaceKind{
                             "memory", [] { return std::make_unique<MemoryPlace>(); }}));

TEST(MemoryStore, KeepsABoundedLogOfWholeCommits) {
  MemoryStore store(3);
  std::vector<Revision> revisions;
  for (const char* key : {"a", "b", "c"}) {
    revisions.push_back(
        *store.Commit({Put(std::string("/1/") + key, "x"), Put(std::string("/2/") + key, "x")},
                      Durability::kDurable));
  }
  RecordingSubscriber subscriber;
  const auto old = store.Subscribe(revisions[0] - 1, subscriber);
  ASSERT_FALSE(old.ok());
  ASSERT_NE(CompactedOf(old.error()), nullptr);
  EXPECT_EQ(CompactedOf(old.error())->oldest, revisions[1]);
  ASSERT_TRUE(store.Subscribe(revisions[1], subscriber).ok());
  EXPECT_EQ(subscriber.events().size(), 2u);
}

TEST(MemoryStore, FailsOnDemandAndRecovers) {
  MemoryStore store;
  store.FailCommits(base::ResourceExhausted("no room"));
  const auto refused = store.Commit({Put("/a", "1")}, Durability::kDurable);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), base::Code::kResourceExhausted);
  store.FailCommits(std::nullopt);
  EXPECT_TRUE(store.Commit({Put("/a", "1", kAbsent)}, Durability::kDurable).ok());
}

TEST(MemoryStore, TellsSubscribersThatTheyAreLost) {
  MemoryStore store;
  RecordingSubscriber subscriber;
  const auto subscription = store.Subscribe(*store.CurrentRevision(), subscriber);
  ASSERT_TRUE(subscription.ok());
  store.LoseSubscribers();
  EXPECT_TRUE(subscriber.AwaitLost().has_value());
  ASSERT_TRUE(store.Commit({Put("/a", "1")}, Durability::kDurable).ok());
  EXPECT_TRUE(subscriber.events().empty());
}

}  // namespace
}  // namespace keelson::store
