// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/model.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "lib/base/fake_clock.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::page {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ModelTest : public testing::Test {
 protected:
  ModelTest() : cache_(*watch::Cache::Open(store_, reader_, clock_, {.prefix = "/registry/"})) {}

  void Put(const std::string& resource, const std::string& ns, const std::string& name,
           const std::string& rest) {
    const std::string value =
        fmt::format(R"({{"kind":"X","apiVersion":"v1","metadata":{{"name":"{}","namespace":"{}",)"
                    R"("uid":"u"}}{}}})",
                    name, ns, rest);
    ASSERT_TRUE(
        store_
            .Commit({{"/registry/" + resource + "/" + ns + "/" + name, store::Bytes::Copy(value)}},
                    store::Durability::kDurable)
            .ok());
  }
  void Remove(const std::string& resource, const std::string& ns, const std::string& name) {
    ASSERT_TRUE(store_
                    .Commit({{"/registry/" + resource + "/" + ns + "/" + name, {}}},
                            store::Durability::kDurable)
                    .ok());
  }
  // Names of what `of` of the world holds now.
  template <typename Of>
  std::vector<std::string> Names(Of of) {
    clock_.Advance(std::chrono::seconds(1));
    std::vector<std::string> out;
    model_.Look([&](const World& world, watch::Revision revision) {
      EXPECT_EQ(revision, cache_->revision());
      for (const auto& [key, one] : world.*of) out.push_back(one.name);
    });
    return out;
  }

  store::MemoryStore store_;
  api::Reader reader_;
  base::ManualClock clock_;
  std::unique_ptr<watch::Cache> cache_;
  Model model_{*cache_, clock_};
};

TEST_F(ModelTest, FollowsWhatComesChangesAndGoes) {
  EXPECT_THAT(Names(&World::pods), IsEmpty());
  for (const char* name : {"b", "d", "c"}) Put("pods", "n", name, R"(,"spec":{})");
  Put("podtemplates", "n", "e", "");
  EXPECT_THAT(Names(&World::pods), ElementsAre("b", "c", "d"));
  Put("pods", "n", "a", R"(,"spec":{})");
  Put("pods", "n", "c", R"(,"spec":{"nodeName":"here"})");
  Remove("pods", "n", "d");
  EXPECT_THAT(Names(&World::pods), ElementsAre("a", "b", "c"));
  model_.Look([](const World& world, watch::Revision) {
    EXPECT_EQ(world.pods.at("/registry/pods/n/c").node, "here");
    EXPECT_EQ(world.pods.at("/registry/pods/n/b").node, "");
  });
  for (const char* name : {"a", "b", "c"}) Remove("pods", "n", name);
  EXPECT_THAT(Names(&World::pods), IsEmpty());
}

TEST_F(ModelTest, KindsOfWorkloadsAreTakenApart) {
  Put("deployments", "n", "d", "");
  Put("jobs", "n", "j", "");
  Put("daemonsets", "n", "s", "");
  EXPECT_THAT(Names(&World::workloads), ElementsAre("s", "d", "j"));
  Remove("deployments", "n", "d");
  EXPECT_THAT(Names(&World::workloads), ElementsAre("s", "j"));
  model_.Look([](const World& world, watch::Revision) {
    EXPECT_EQ(world.workloads.at("/registry/jobs/n/j").kind, "Job");
  });
}

TEST_F(ModelTest, WithinASecondNothingIsReadAgain) {
  Put("pods", "n", "a", "");
  EXPECT_THAT(Names(&World::pods), ElementsAre("a"));
  Put("pods", "n", "b", "");
  model_.Look([](const World& world, watch::Revision) { EXPECT_EQ(world.pods.size(), 1u); });
  EXPECT_THAT(Names(&World::pods), ElementsAre("a", "b"));
}

TEST_F(ModelTest, OfEventsTheNewestAreKnown) {
  for (size_t i = 0; i < Model::kEvents + 50; ++i)
    Put("events", "n", fmt::format("e{:04}", i), R"(,"involvedObject":{"name":"x"})");
  EXPECT_EQ(Names(&World::events).size(), Model::kEvents);
  // Said again: it is the newest.
  Put("events", "n", "e0007", R"(,"involvedObject":{"name":"again"})");
  EXPECT_EQ(Names(&World::events).size(), Model::kEvents);
  model_.Look([](const World& world, watch::Revision) {
    EXPECT_EQ(world.events.count("/registry/events/n/e0007"), 1u);
    EXPECT_EQ(world.events.at("/registry/events/n/e0007").name, "again");
    EXPECT_EQ(world.events.count("/registry/events/n/e0050"), 0u);
    EXPECT_EQ(world.events.count("/registry/events/n/e0051"), 1u);
  });
}

TEST_F(ModelTest, WhateverHappensItIsWhatTheStoreHas) {
  std::mt19937 random(20260101);
  std::set<std::string> there;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 7; ++i) {
      const std::string name = fmt::format("p{:02}", random() % 40);
      if (random() % 3 == 0 && there.count(name) != 0) {
        Remove("pods", "n", name);
        there.erase(name);
      } else {
        Put("pods", "n", name, "");
        there.insert(name);
      }
    }
    EXPECT_EQ(Names(&World::pods), std::vector<std::string>(there.begin(), there.end()));
  }
}

}  // namespace
}  // namespace keelson::page
