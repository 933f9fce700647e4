// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/manager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "lib/base/fake_clock.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/control/write.h"
#include "minimal-master/store/memory_store.h"
#include "minimal-master/watch/fake_reader.h"

namespace keelson::control {
namespace {

constexpr std::chrono::minutes kDeadline{1};

// What a controller was told and asked, for the test to wait for.
class Seen {
 public:
  void Say(std::string what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
    changed_.notify_all();
  }
  bool WaitFor(const std::string& what, size_t times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kDeadline, [&] { return CountLocked(what) >= times; });
  }
  size_t Count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return CountLocked(what);
  }

 private:
  size_t CountLocked(const std::string& what) const {
    return static_cast<size_t>(std::count(all_.begin(), all_.end(), what));
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
};

class Recorded final : public Controller {
 public:
  Recorded(Seen& seen, std::function<Outcome(const std::string&)> sync)
      : seen_(seen), sync_(std::move(sync)) {}
  std::string_view name() const override { return "recorded"; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&ResourceNamed("", "pods")};
  }
  void Route(const Change& change, const Add& add) override {
    const char* kind = change.kind == watch::Kind::kAdded      ? "+"
                       : change.kind == watch::Kind::kModified ? "~"
                                                               : "-";
    seen_.Say(kind + KeyOf(*change.object) + (change.old ? " was" : ""));
    add(KeyOf(*change.object));
  }
  Outcome Sync(const std::string& key) override {
    Outcome outcome = sync_(key);
    seen_.Say("sync " + key);
    return outcome;
  }

 private:
  Seen& seen_;
  const std::function<Outcome(const std::string&)> sync_;
};

class ManagerTest : public testing::Test {
 protected:
  ManagerTest() { cache_ = *watch::Cache::Open(store_, reader_, clock_, {}); }
  void Put(std::string_view name, std::string_view value) {
    ASSERT_TRUE(store_
                    .Commit({{"/registry/pods/a/" + std::string(name), store::Bytes::Copy(value)}},
                            store::Durability::kDurable)
                    .ok());
  }
  void Erase(std::string_view name) {
    ASSERT_TRUE(
        store_.Commit({{"/registry/pods/a/" + std::string(name), {}}}, store::Durability::kDurable)
            .ok());
  }
  void Start(std::function<Outcome(const std::string&)> sync) {
    manager_.emplace(*cache_, clock_, 4);
    manager_->Add(std::make_unique<Recorded>(seen_, std::move(sync)));
    ASSERT_TRUE(manager_->Start().ok());
  }

  store::MemoryStore store_;
  watch::FakeReader reader_;
  base::ManualClock clock_;
  Seen seen_;
  std::unique_ptr<watch::Cache> cache_;
  std::optional<Manager> manager_;
};

TEST_F(ManagerTest, TellsWhatIsThereAndWhatHappens) {
  Put("x", "u1");
  Start([](const std::string&) { return Outcome::Done(); });
  EXPECT_TRUE(seen_.WaitFor("+a/x"));
  EXPECT_TRUE(seen_.WaitFor("sync a/x"));
  Put("x", "u1;l=1");
  EXPECT_TRUE(seen_.WaitFor("~a/x was"));
  Erase("x");
  EXPECT_TRUE(seen_.WaitFor("-a/x was"));
  Put("y", "u2");
  EXPECT_TRUE(seen_.WaitFor("sync a/y"));
}

TEST_F(ManagerTest, TriesAgainWhatFailedAndWhatHasItsTime) {
  std::atomic<int> tries = 0;
  Start([&](const std::string& key) {
    if (key == "a/later") return Outcome::After(std::chrono::hours(1));
    return ++tries < 3 ? Outcome::Failed("not yet") : Outcome::Done();
  });
  Put("x", "u1");
  for (size_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(seen_.WaitFor("sync a/x", i));
    // The key is put back a moment after its sync says so.
    while (manager_->Stats()[0].working > 0) std::this_thread::yield();
    clock_.Advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(manager_->Stats()[0].failed, 2u);
  Put("later", "u2");
  EXPECT_TRUE(seen_.WaitFor("sync a/later"));
  while (manager_->Stats()[0].delayed == 0) std::this_thread::yield();
  EXPECT_EQ(seen_.Count("sync a/later"), 1u);
  clock_.Advance(std::chrono::hours(1));
  EXPECT_TRUE(seen_.WaitFor("sync a/later", 2));
}

TEST_F(ManagerTest, ListsAgainWhenItsWatchEnds) {
  Put("x", "u1");
  Put("gone", "u2");
  Start([](const std::string&) { return Outcome::Done(); });
  EXPECT_TRUE(seen_.WaitFor("sync a/gone"));
  store_.LoseSubscribers();
  Put("y", "u3");
  Erase("gone");
  EXPECT_TRUE(seen_.WaitFor("+a/y"));
  EXPECT_TRUE(seen_.WaitFor("-a/gone was"));
  EXPECT_EQ(seen_.Count("+a/x"), 1u) << "what is as it was is not told again";
}

TEST_F(ManagerTest, AKeyIsLookedAtByOneAtATime) {
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  bool open = false;
  Start([&](const std::string&) {
    std::unique_lock lock(mutex);
    EXPECT_EQ(++inside, 1);
    changed.notify_all();
    EXPECT_TRUE(changed.wait_for(lock, kDeadline, [&] { return open; }));
    --inside;
    return Outcome::Done();
  });
  Put("x", "u1");
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, kDeadline, [&] { return inside == 1; }));
  }
  Put("x", "u1;l=1");
  EXPECT_TRUE(seen_.WaitFor("~a/x was"));
  manager_->Enqueue("recorded", "a/x");
  {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  EXPECT_TRUE(seen_.WaitFor("sync a/x", 2));
  manager_->Stop();
}

}  // namespace
}  // namespace keelson::control
