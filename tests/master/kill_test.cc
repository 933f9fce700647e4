// SPDX-License-Identifier: Apache-2.0
// keelson-master killed with SIGKILL at random moments under 32 clients that write over TLS, while
// others watch and resume where they were: every acknowledged write is there, no resourceVersion is
// given out twice, no watch has a gap or a repeat. KEELSON_TEST_SEED repeats the choices,
// KEELSON_CRASH_ROUNDS makes it long (scripts/crash_master).
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <map>
#include <random>

#include "lib/os/temp_dir.h"
#include "tests/master/kill_clients.h"

namespace keelson::kill {
namespace {

constexpr int kWriters = 32;
constexpr int kWatchers = 6;

class MasterKill : public testing::Test {
 protected:
  void SetUp() override {
    const char* seed = std::getenv("KEELSON_TEST_SEED");
    seed_ = seed != nullptr ? std::strtoul(seed, nullptr, 10) : std::random_device()();
    const char* rounds = std::getenv("KEELSON_CRASH_ROUNDS");
    rounds_ = rounds != nullptr ? std::atoi(rounds) : 8;
    std::fprintf(stderr, "seed: KEELSON_TEST_SEED=%lu, %d kills\n", seed_, rounds_);
  }
  unsigned long seed_ = 0;
  int rounds_ = 0;
};

TEST_F(MasterKill, LosesNothingThatWasAcknowledged) {
  const auto dir = os::TempDir::Create("keelson-kill");
  ASSERT_TRUE(dir.ok());
  auto master = load::MasterProcess::Start({.dir = dir->path()});
  ASSERT_TRUE(master.ok()) << master.error().message();
  Server server;
  std::vector<std::unique_ptr<Writer>> writers;
  std::vector<std::unique_ptr<Follower>> followers;
  Threads writing([&] {
    for (const auto& writer : writers) writer->Finish();
  });
  Threads watching([&] {
    server.End();
    master->Kill();
  });
  for (int i = 0; i < kWatchers; ++i) {
    followers.push_back(std::make_unique<Follower>(server, i % 2 == 0 ? kMaps : kLeases));
    watching.Add([follower = followers.back().get()] { follower->Run(); });
  }
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Writer>(server, i, seed_));
  }
  server.Up(master->client());
  // A watcher that began after a write would not know of it.
  for (const auto& follower : followers) ASSERT_TRUE(follower->AwaitBegun());
  for (const auto& writer : writers) writing.Add([&writer] { writer->Run(); });

  std::mt19937_64 random(seed_);
  uint64_t before = 0;
  for (int round = 0; round < rounds_; ++round) {
    // Some writes at least: a machine may be slow.
    const uint64_t enough = before + 1 + random() % 400;
    ASSERT_TRUE(Eventually([&] { return Writer::acknowledged() >= enough; }));
    (void)poll(nullptr, 0, static_cast<int>(random() % 20));
    master->Kill();
    before = Writer::acknowledged();
    const base::Status restarted = master->Restart();
    ASSERT_TRUE(restarted.ok()) << restarted.error().message();
    server.Up(master->client());
  }
  const uint64_t enough = Writer::acknowledged() + 300;
  ASSERT_TRUE(Eventually([&] { return Writer::acknowledged() >= enough; }));
  writing.Join();

  // Everything is answered now: what is there, and up to which revision.
  std::map<std::string, std::string> there;
  int64_t last = 0;
  for (const char* list : {kMaps, kLeases}) {
    const auto revision = ReadAll(server, list, there);
    ASSERT_TRUE(revision.ok()) << revision.error().message();
    last = std::max(last, *revision);
  }
  for (const auto& follower : followers) follower->AwaitRevision(last, there);
  watching.Join();

  CheckAll(writers, followers, there);
  uint64_t doubtful = 0, events = 0;
  for (const auto& writer : writers) doubtful += writer->doubtful();
  for (const auto& follower : followers) {
    EXPECT_GE(follower->resumed(), 1);
    events += follower->seen().size();
  }
  std::fprintf(
      stderr,
      "%d kills, %lu writes acknowledged, %lu without an answer, %lu events to %d watches\n",
      rounds_, Writer::acknowledged(), doubtful, events, kWatchers);
}

}  // namespace
}  // namespace keelson::kill
