// SPDX-License-Identifier: Apache-2.0
// A process that writes with 32 threads is killed at random moments, again and again. Every
// acknowledged write must be there, revisions must only grow, and whoever resumes from where he was
// must hear of each change once. KEELSON_STORE_CRASH_ROUNDS=N: more rounds;
// KEELSON_STORE_CRASH_SEED=N.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <map>
#include <random>
#include <sstream>

#include "lib/base/clock.h"
#include "lib/base/testing/places.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/sqlite/sqlite_store.h"
#include "minimal-master/store/store_contract.h"
#include "minimal-master/watch/cache.h"
#include "minimal-master/watch/fake_reader.h"

namespace keelson::store {
namespace {

struct Write {
  uint64_t number = 0;
  Revision revision = 0;
};
using Writes = std::map<std::string, std::map<uint64_t, Revision>>;  // of a key: number → revision

int FromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// Lets the writer write for so long, kills it, returns what it was acknowledged.
Writes RunAndKill(const std::string& dir, std::chrono::milliseconds time) {
  auto pipe = os::CreatePipe();
  EXPECT_TRUE(pipe.ok());
  auto child =
      os::ChildProcess::Spawn({.argv = {base::BinDir() + "/keelson-store-writer", dir, "32"},
                               .env = {"PATH=/usr/bin:/bin"},
                               .fds = {{pipe->write_end.get(), 1}, {2, 2}}});
  EXPECT_TRUE(child.ok());
  pipe->write_end = {};
  std::string text;
  std::chrono::steady_clock::time_point kill_at{};
  bool killed = false;
  for (char buffer[65536];;) {
    pollfd readable{pipe->read_end.get(), POLLIN, 0};
    const int ready = ::poll(&readable, 1, 1);
    if (ready > 0) {
      const ssize_t size = ::read(pipe->read_end.get(), buffer, sizeof buffer);
      if (size <= 0) break;
      // The time runs from the first acknowledgement on.
      if (text.empty()) kill_at = std::chrono::steady_clock::now() + time;
      text.append(buffer, static_cast<size_t>(size));
    }
    if (!killed && !text.empty() && std::chrono::steady_clock::now() >= kill_at) {
      EXPECT_TRUE(child->Signal(SIGKILL).ok());
      killed = true;
    }
  }
  const auto status = child->Wait();
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status->signal(), SIGKILL) << "it ended by itself";
  Writes writes;
  std::istringstream lines(text);
  std::string line, key;
  Write write;
  while (std::getline(lines, line) && !lines.eof()) {  // the last may be cut
    std::istringstream words(line);
    words >> key >> write.number >> write.revision;
    writes[key][write.number] = write.revision;
  }
  return writes;
}

uint64_t NumberOf(const Bytes& value) {
  return std::stoull(std::string(value.view().substr(0, value.view().find(' '))));
}

TEST(StoreCrash, NothingAcknowledgedIsLostAndWatchesResume) {
  const int rounds = FromEnvironment("KEELSON_STORE_CRASH_ROUNDS", 6);
  const int seed = FromEnvironment("KEELSON_STORE_CRASH_SEED", static_cast<int>(::getpid()));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  const os::TempDir dir = *os::TempDir::Create("keelson-store-crash");
  base::SystemClock clock;
  std::map<std::string, Write> heard;  // what a watcher knows that resumes in each round
  Revision resume = 1, highest = 0;
  size_t total = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const Writes writes = RunAndKill(
        dir.path(), std::chrono::milliseconds(20 + random() % (rounds > 20 ? 900 : 250)));
    auto store = SqliteStore::Open({.dir = dir.path()}, clock);
    ASSERT_TRUE(store.ok()) << store.error().message();
    EXPECT_EQ(*(*store)->Check(), 0) << "damaged rows";
    for (const auto& [key, numbers] : writes) {
      const auto found = (*store)->Get(key);
      ASSERT_TRUE(found.ok()) << key << ": " << found.error().message();
      const auto& [number, revision] = *numbers.rbegin();
      EXPECT_GE(NumberOf(found->value), number) << key;
      EXPECT_GE(found->revision, revision) << key;
      EXPECT_GT(numbers.begin()->second, highest) << "a revision from before the round";
      total += numbers.size();
    }
    RecordingSubscriber subscriber;
    auto subscription = (*store)->Subscribe(resume, subscriber);
    ASSERT_TRUE(subscription.ok()) << subscription.error().message();
    std::map<std::string, std::map<uint64_t, Revision>> told;
    for (const Event& event : subscriber.events()) {
      EXPECT_GT(event.revision, resume) << event.key;
      resume = event.revision;
      Write& last = heard[event.key];
      EXPECT_EQ(event.previous_revision, last.revision) << "a gap or a repeat of " << event.key;
      EXPECT_EQ(NumberOf(event.value), last.number + 1) << event.key;
      last = {NumberOf(event.value), event.revision};
      told[event.key][last.number] = last.revision;
    }
    for (const auto& [key, numbers] : writes) {
      for (const auto& [number, revision] : numbers) {
        EXPECT_EQ(told[key][number], revision) << key << " " << number;
      }
    }
    highest = *(*store)->CurrentRevision();
    EXPECT_GE(highest, resume);
    subscription->reset();
    // A watch cache resumes its clients from the revision that they had.
    watch::FakeReader reader;
    auto cache = watch::Cache::Open(**store, reader, clock, {});
    ASSERT_TRUE(cache.ok()) << cache.error().message();
    EXPECT_EQ((*cache)->Current().Count("/w/"), heard.size());
    if (resume > (*cache)->oldest()) {
      auto watcher = (*cache)->Watch({.prefix = "/w/", .from = resume - 1});
      ASSERT_TRUE(watcher.ok()) << watcher.error().message();
      const auto taken = (*watcher)->Take();
      ASSERT_EQ(taken.events.size(), 1u);
      EXPECT_EQ(taken.events[0].revision, resume);
    }
  }
  std::printf("%zu writes acknowledged in %d rounds, seed %d\n", total, rounds, seed);
}

}  // namespace
}  // namespace keelson::store
