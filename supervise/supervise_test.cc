// SPDX-License-Identifier: Apache-2.0
// The supervisor as a process, over programs that only wait.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"
#include "supervise/finder.h"
#include "supervise/protocol/protocol.h"

namespace keelson::supervise {
namespace {

class SuperviseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write({Waiter("one"), Waiter("two")});
    auto child = os::ChildProcess::Spawn({.argv = {base::BinDir() + "/keelson-supervise", dir()}});
    ASSERT_TRUE(child.ok()) << child.error().message();
    first_.emplace(*std::move(child));
    ASSERT_TRUE(Eventually([this] { return Runs("one") && Runs("two"); }));
  }
  void TearDown() override {
    for (const char* name : {"one", "two", "three"})
      (void)Ask(paths(), {.verb = Verb::kStop, .name = name});
    (void)Ask(paths(), {.verb = Verb::kQuit});
    if (first_) (void)first_->WaitFor(std::chrono::minutes(1));
    first_.reset();
    EXPECT_TRUE(Eventually([this] { return FindRunning(Everything()).empty(); }));
  }

  std::string dir() const { return dir_.path(); }
  Paths paths() const { return {dir()}; }
  // A program whose words nobody else has.
  Process Waiter(const std::string& name) const {
    return {name, {"/usr/bin/tail", "-f", "/dev/null", dir() + "/" + name}, dir() + "/log"};
  }
  Layout Everything() const {
    return {{Waiter("one"),
             Waiter("two"),
             Waiter("three"),
             {"supervisor", {base::BinDir() + "/keelson-supervise", dir()}, ""}}};
  }
  void Write(std::vector<Process> processes) {
    for (const char* name : {"one", "two", "three"})
      ASSERT_TRUE(os::WriteFileAtomic(dir() + "/" + name, "", 0600).ok());
    ASSERT_TRUE(
        os::WriteFileAtomic(paths().layout(), Encode(Layout{std::move(processes)}), 0600).ok());
  }
  Reply Tell() const { return Ask(paths(), {}).ValueOr(Reply()); }
  ProcessStatus Of(const std::string& name) const {
    for (const ProcessStatus& one : Tell().processes)
      if (one.name == name) return one;
    return {};
  }
  static void Kill(int pid) {
    ASSERT_GT(pid, 0);  // never the group of this test
    ASSERT_EQ(kill(pid, SIGKILL), 0);
  }
  bool Runs(const std::string& name) const { return Of(name).state == State::kRunning; }
  static bool Eventually(const std::function<bool()>& good) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < deadline) {
      if (good()) return true;
      poll(nullptr, 0, 10);
    }
    return good();
  }

  os::TempDir dir_ = os::TempDir::Create("keelson-supervise").value();
  std::optional<os::ChildProcess> first_;
};

TEST_F(SuperviseTest, WhatIsKilledIsStartedAgain) {
  const int pid = Of("one").pid, other = Of("two").pid;
  for (int round = 1; round <= 3; ++round) {
    ASSERT_NO_FATAL_FAILURE(Kill(Of("one").pid));
    ASSERT_TRUE(Eventually([&] {
      const ProcessStatus now = Of("one");
      return now.state == State::kRunning && now.restarts == static_cast<uint32_t>(round);
    }));
    EXPECT_EQ(Of("one").last_end, "killed by signal 9");
  }
  EXPECT_NE(Of("one").pid, pid);
  EXPECT_EQ(Of("two").pid, other);
  EXPECT_EQ(Of("two").restarts, 0u);
}

TEST_F(SuperviseTest, TheTwinTakesOverAndNothingIsStartedTwice) {
  const Reply before = Tell();
  ASSERT_NE(before.twin, 0);
  ASSERT_NO_FATAL_FAILURE(Kill(before.keeper));
  (void)first_->Wait();
  ASSERT_TRUE(Eventually([&] { return Tell().keeper == before.twin && Tell().twin != 0; }));
  const Reply after = Tell();
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(after.processes[i].pid, before.processes[i].pid);
  // What was adopted is watched as well.
  ASSERT_NO_FATAL_FAILURE(Kill(after.processes[0].pid));
  EXPECT_TRUE(Eventually([&] { return Runs("one") && Of("one").pid != before.processes[0].pid; }));
}

TEST_F(SuperviseTest, WhatWasBegunAMomentAgoIsWaitedForAndFound) {
  const Layout layout{{Waiter("begins")}};
  const os::Pipe go = os::CreatePipe().value();
  std::vector<char*> words;
  for (const std::string& word : layout.processes[0].argv)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ASSERT_TRUE(os::WriteFileAtomic(dir() + "/begins", "", 0600).ok());
  const pid_t child = fork();
  if (child == 0) {  // with this program's words until it is told
    char byte = 0;
    if (read(go.read_end.get(), &byte, 1) == 1) execv(words[0], words.data());
    _exit(1);
  }
  EXPECT_FALSE(FindRunning(layout).contains("begins"));
  std::thread tells([&] { EXPECT_EQ(write(go.write_end.get(), "x", 1), 1); });
  AwaitBegun();
  EXPECT_TRUE(FindRunning(layout).contains("begins"));
  tells.join();
  Kill(child);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(SuperviseTest, AKilledTwinIsReplaced) {
  const Reply before = Tell();
  ASSERT_NO_FATAL_FAILURE(Kill(before.twin));
  EXPECT_TRUE(Eventually([&] {
    const Reply now = Tell();
    return now.keeper == before.keeper && now.twin != 0 && now.twin != before.twin;
  }));
}

TEST_F(SuperviseTest, ANewListStopsStartsAndExchanges) {
  Process changed = Waiter("two");
  changed.argv.insert(changed.argv.begin() + 1, "-q");
  const int pid = Of("two").pid;
  Write({changed, Waiter("three")});
  ASSERT_TRUE(Ask(paths(), {.verb = Verb::kReload}).ok());
  EXPECT_TRUE(Eventually([&] { return Runs("two") && Of("two").pid != pid && Runs("three"); }));
  EXPECT_EQ(Of("two").restarts, 0u);
  EXPECT_TRUE(Eventually([&] { return !FindRunning(Everything()).contains("one"); }));
  EXPECT_EQ(Tell().processes.size(), 2u);
}

TEST_F(SuperviseTest, WhatIsStoppedStaysSoUntilTheListIsReadAgain) {
  ASSERT_TRUE(Ask(paths(), {.verb = Verb::kStop, .name = "one"}).ok());
  EXPECT_EQ(Of("one").state, State::kStopped);
  EXPECT_FALSE(FindRunning(Everything()).contains("one"));
  ASSERT_TRUE(Ask(paths(), {.verb = Verb::kReload}).ok());
  EXPECT_TRUE(Eventually([this] { return Runs("one"); }));
}

TEST_F(SuperviseTest, WhatNobodyWatchesIsEnded) {
  const Process one = Everything().processes[0];
  const Reply before = Tell();
  // Stopped, it does not replace its twin.
  ASSERT_EQ(kill(before.keeper, SIGSTOP), 0);
  ASSERT_NO_FATAL_FAILURE(Kill(before.twin));
  ASSERT_NO_FATAL_FAILURE(Kill(before.keeper));
  (void)first_->Wait();
  ASSERT_EQ(FindAll(one).size(), 1u);
  for (const Process& process : Everything().processes)
    EXPECT_TRUE(EndAll(process, std::chrono::minutes(1)).ok()) << "some have ended already";
  EXPECT_TRUE(FindRunning(Everything()).empty());
}

TEST_F(SuperviseTest, AProgramThatIsNotThereIsTriedAgainAndSaid) {
  Write({Waiter("one"), Waiter("two"), {"three", {dir() + "/none"}, dir() + "/log"}});
  ASSERT_TRUE(Ask(paths(), {.verb = Verb::kReload}).ok());
  EXPECT_EQ(Of("three").state, State::kWaiting);
  EXPECT_NE(Of("three").last_end.find("No such file"), std::string::npos) << Of("three").last_end;
}

}  // namespace
}  // namespace keelson::supervise
