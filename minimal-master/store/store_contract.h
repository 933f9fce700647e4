// SPDX-License-Identifier: Apache-2.0
// What every store must do, as one suite of tests: each implementation's test names a Place (how
// one is made, and opened again) and instantiates StoreContract with it. Tests only.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "minimal-master/store/store.h"

namespace keelson::store {

// Remembers what it is told, as text: "12 +key=value", "13 key=value (was old@12)", "14 -key".
class RecordingSubscriber final : public Subscriber {
 public:
  void OnEvents(const std::vector<Event>& events) override {
    std::lock_guard lock(mutex_);
    events_.insert(events_.end(), events.begin(), events.end());
    changed_.notify_all();
  }
  void OnLost(const base::Error& reason) override {
    std::lock_guard lock(mutex_);
    lost_ = reason;
    changed_.notify_all();
  }
  std::vector<Event> events() const {
    std::lock_guard lock(mutex_);
    return events_;
  }
  // Of keys below `prefix`, after waiting for `count` of them for a while.
  std::vector<Event> Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::minutes(1), [&] { return events_.size() >= count; });
    return events_;
  }
  std::optional<base::Error> AwaitLost() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::minutes(1), [&] { return lost_.has_value(); });
    return lost_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;        // guarded by mutex_
  std::optional<base::Error> lost_;  // guarded by mutex_
};

inline std::string TextOf(const Event& event) {
  std::string text = event.previous ? "" : "+";
  if (!event.value) return "-" + event.key + " was " + std::string(event.previous.view());
  text += event.key + "=" + std::string(event.value.view());
  if (event.previous) text += " was " + std::string(event.previous.view());
  return text;
}
inline std::vector<std::string> TextsOf(const std::vector<Event>& events) {
  std::vector<std::string> out;
  for (const Event& event : events) out.push_back(TextOf(event));
  return out;
}
inline std::vector<std::string> KeysOf(const ListResult& list) {
  std::vector<std::string> out;
  for (const KeyValue& item : list.items) out.push_back(item.key);
  return out;
}
inline Change Put(std::string key, std::string_view value, Revision expected = kAny) {
  return {std::move(key), Bytes::Copy(value), expected};
}
inline Change Delete(std::string key, Revision expected = kAny) {
  return {std::move(key), {}, expected};
}

// Where a store lives; a test has its own. `prefix` keeps tests apart that share a server.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<Store> Open() = 0;  // again on the same data, after the last one is gone
  virtual bool survives() const { return true; }  // the data outlives the object
  virtual bool alone() const { return true; }     // nobody else writes: revisions can be counted
};

struct PlaceKind {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;  // null when it cannot be had here
};
inline void PrintTo(const PlaceKind& kind, std::ostream* out) { *out << kind.name; }

class StoreContract : public testing::TestWithParam<PlaceKind> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    if (place_ == nullptr) GTEST_SKIP() << "there is no " << GetParam().name << " here";
    store_ = place_->Open();
    ASSERT_NE(store_, nullptr);
  }
  void OpenAgain() {
    store_.reset();
    store_ = place_->Open();
    ASSERT_NE(store_, nullptr);
  }
  Revision MustCommit(std::vector<Change> changes, Durability durability = Durability::kDurable) {
    const auto revision = store_->Commit(std::move(changes), durability);
    EXPECT_TRUE(revision.ok()) << revision.error().message();
    return revision.ok() ? *revision : 0;
  }
  std::string ValueOf(std::string_view key) {
    const auto found = store_->Get(key);
    if (!found.ok()) return "(" + std::string(base::CodeName(found.error().code())) + ")";
    return std::string(found->value.view());
  }

  std::unique_ptr<Place> place_;
  std::unique_ptr<Store> store_;
};

}  // namespace keelson::store
