// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/tree.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

namespace keelson::watch {
namespace {

ObjectPtr Make(const std::string& key, Revision revision) {
  Contents contents;
  contents.name = key;
  contents.bytes = Bytes::Copy(key);
  return ObjectPtr(new Object(key, revision, contents));
}

using Model = std::map<std::string, Revision>;

Model Read(const Tree& tree, std::string_view prefix = {}, std::string_view from = {}) {
  Model out;
  std::string last;
  tree.ForEach(prefix, from, [&](const ObjectPtr& object) {
    EXPECT_TRUE(last.empty() || last < object->key()) << last << " before " << object->key();
    last = object->key();
    out[last] = object->revision();
    return true;
  });
  return out;
}

TEST(Tree, IsEmptyAtFirstAndAgainAtLast) {
  Tree tree;
  EXPECT_EQ(tree.size(), 0u);
  EXPECT_FALSE(tree.Find("a"));
  EXPECT_FALSE(tree.Erase("a"));
  EXPECT_EQ(tree.Count("", ""), 0u);
  EXPECT_FALSE(tree.Put(Make("a", 1)));
  EXPECT_EQ(tree.Put(Make("a", 2))->revision(), 1);
  EXPECT_EQ(tree.Erase("a")->revision(), 2);
  EXPECT_EQ(tree.size(), 0u);
  EXPECT_TRUE(Read(tree).empty());
}

TEST(Tree, TellsWhatChangedSinceAnOlderVersion) {
  std::mt19937 random(11);
  Tree tree;
  Tree older;
  Model before;
  for (int round = 0; round < 120; ++round) {
    const int writes = static_cast<int>(random() % 400);
    for (int i = 0; i < writes; ++i) {
      const std::string key =
          "/" + std::to_string(random() % 3) + "/" + std::to_string(random() % 2'000);
      if (random() % 10 < (round % 40 < 20 ? 7u : 2u)) {
        tree.Put(Make(key, round * 1'000 + i));
      } else {
        tree.Erase(key);
      }
    }
    for (const std::string_view prefix : {"", "/1/", "/9/"}) {
      Model seen = Read(older, prefix);
      std::string last;
      tree.ForEachChange(older, prefix, [&](const ObjectPtr& old, const ObjectPtr& now) {
        const std::string key(now ? now->key() : old->key());
        EXPECT_LT(last, key);
        last = key;
        EXPECT_FALSE(old == now);
        EXPECT_EQ(seen.contains(key), static_cast<bool>(old));
        if (old) {
          EXPECT_EQ(seen[key], old->revision());
        }
        if (now) {
          seen[key] = now->revision();
        } else {
          seen.erase(key);
        }
      });
      ASSERT_EQ(seen, Read(tree, prefix)) << "round " << round << " below '" << prefix << "'";
    }
    older = tree;
  }
}

TEST(Tree, DoesWhatAMapDoes) {
  std::mt19937 random(7);
  Tree tree;
  Model model;
  for (int i = 0; i < 60'000; ++i) {
    const std::string key =
        "/" + std::to_string(random() % 7) + "/" + std::to_string(random() % 900);
    const bool grow = i / 15'000 % 2 == 0;  // fills, empties, fills, empties
    if (random() % 10 < (grow ? 8u : 2u)) {
      const ObjectPtr before = tree.Put(Make(key, i));
      ASSERT_EQ(static_cast<bool>(before), model.contains(key));
      model[key] = i;
    } else {
      const ObjectPtr before = tree.Erase(key);
      ASSERT_EQ(static_cast<bool>(before), model.erase(key) == 1) << key;
    }
    ASSERT_EQ(tree.size(), model.size());
    if (i % 5'000 != 0) continue;
    EXPECT_EQ(Read(tree), model);
    const std::string from = "/3/" + std::to_string(random() % 900);
    Model part(model.lower_bound(from), model.lower_bound("/30"));
    EXPECT_EQ(Read(tree, "/3/", from), part);
    EXPECT_EQ(tree.Count("/3/", from), part.size());
    EXPECT_EQ(tree.Count("/none/", ""), 0u);
  }
}

TEST(Tree, ACopyDoesNotChange) {
  std::mt19937 random(8);
  Tree tree;
  Model model;
  std::vector<std::pair<Tree, Model>> copies;
  for (int i = 0; i < 4'000; ++i) {
    const std::string key = "/" + std::to_string(random() % 1'000);
    if (random() % 3 != 0) {
      tree.Put(Make(key, i));
      model[key] = i;
    } else {
      tree.Erase(key);
      model.erase(key);
    }
    if (i % 100 == 0) copies.emplace_back(tree, model);
  }
  for (const auto& [copy, then] : copies) EXPECT_EQ(Read(copy), then);
}

TEST(Tree, ReadersWalkTheirCopyWhileItIsChanged) {
  Tree tree;
  std::mutex mutex;
  for (int i = 0; i < 2'000; ++i) tree.Put(Make("/" + std::to_string(10'000 + i), 0));
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      while (!stop) {
        Tree copy;
        {
          std::lock_guard lock(mutex);
          copy = tree;
        }
        Revision sum = 0;
        size_t seen = 0;
        copy.ForEach("/", "", [&](const ObjectPtr& object) {
          sum += object->revision();
          ++seen;
          return true;
        });
        ASSERT_EQ(seen, 2'000u);
        ASSERT_EQ(sum % 2'000, 0);  // the writer changes all of them under one lock
      }
    });
  }
  for (int round = 1; round <= 20; ++round) {
    std::lock_guard lock(mutex);
    for (int i = 0; i < 2'000; ++i) tree.Put(Make("/" + std::to_string(10'000 + i), round));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(Tree, StopsWhenAsked) {
  Tree tree;
  for (int i = 0; i < 500; ++i) tree.Put(Make("/" + std::to_string(1'000 + i), i));
  int seen = 0;
  EXPECT_FALSE(tree.ForEach("/", "", [&](const ObjectPtr&) { return ++seen < 100; }));
  EXPECT_EQ(seen, 100);
}

}  // namespace
}  // namespace keelson::watch
