// SPDX-License-Identifier: Apache-2.0
// Groups of our own on the machine's real cgroup trees, v1 or v2 as they are.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"

namespace keelson::cgroup {
namespace {

class RealGroup : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    layout_ = DetectLayout().value();
    group_.emplace(layout_, name_ + "/inner");
    const base::Status status = group_->Create();
    ASSERT_TRUE(status.ok()) << status.error().message();
  }
  void TearDown() override {
    if (group_) {
      EXPECT_TRUE(Group(layout_, name_).Remove().ok());
      EXPECT_FALSE(Group(layout_, name_).Exists());
    }
  }
  // A child in the group that runs `work` once it has joined.
  template <typename F>
  pid_t Fork(F work) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    for (const std::string& dir : group_->V1Directories()) {
      if (!os::WriteControl(AT_FDCWD, dir + "/tasks", "0").ok()) _exit(90);
    }
    if (!group_->UnifiedDirectory().empty() &&
        !os::WriteControl(AT_FDCWD, group_->UnifiedDirectory() + "/cgroup.procs", "0").ok())
      _exit(91);
    _exit(work());
  }
  static os::ExitStatus Wait(pid_t pid) {
    os::ExitStatus status;
    waitpid(pid, &status.wait_status, 0);
    return status;
  }

  const std::string name_ = "/keelson-test-" + base::RandomHex(4);
  Layout layout_;
  std::optional<Group> group_;
};

TEST_F(RealGroup, MadeInOneThatIsNotFilledYetItHasProcessorsAllTheSame) {
  const auto cpuset = layout_.hierarchies.find("cpuset");
  if (cpuset == layout_.hierarchies.end()) GTEST_SKIP() << "cgroup v2 needs no filling";
  // What another thread has just made, and filled with nothing.
  ASSERT_TRUE(os::MakeDir(cpuset->second + name_ + "/new", 0755).ok());
  const base::Status made = Group(layout_, name_ + "/new/leaf").Create();
  ASSERT_TRUE(made.ok()) << made.error().message();
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"})
    EXPECT_GT(os::ReadFile(cpuset->second + name_ + "/new/leaf" + file).value().size(), 1u) << file;
}

TEST_F(RealGroup, KillEndsEveryProcessAndRemoveLeavesNothing) {
  const pid_t pid = Fork([] {
    if (fork() == 0) pause();
    pause();
    return 0;
  });
  while (group_->Processes().value().size() < 2) sched_yield();
  ASSERT_TRUE(group_->Kill().ok());
  EXPECT_EQ(Wait(pid).code(), 137);
}

TEST_F(RealGroup, AMemoryLimitKillsAndIsCounted) {
  Resources limits;
  limits.memory_limit = 8 << 20;
  limits.memory_swap_limit = 8 << 20;
  const base::Status status = group_->Apply(limits);
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_EQ(ReadOomKills(group_->MemoryDirectory()), 0u);
  const pid_t pid = Fork([] {
    char* memory = static_cast<char*>(
        mmap(nullptr, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < (64 << 20); i += 4096) memory[i] = 1;
    return 0;
  });
  EXPECT_EQ(Wait(pid).code(), 137);
  EXPECT_GE(ReadOomKills(group_->MemoryDirectory()).value_or(0), 1u);
}

TEST_F(RealGroup, APidsLimitRefusesForks) {
  Resources limits;
  limits.pids_limit = 1;
  ASSERT_TRUE(group_->Apply(limits).ok());
  EXPECT_EQ(Wait(Fork([] { return fork() < 0 ? 42 : 0; })).code(), 42);
}

TEST_F(RealGroup, DeviceRulesOpenAndClose) {
  Resources limits;
  limits.devices = {{false, 'a', {}, {}, "rwm"}, {true, 'c', 1, 3, "rwm"}};
  const base::Status status = group_->Apply(limits);
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_EQ(Wait(Fork([] {
              const bool null_opens = open("/dev/null", O_RDWR) >= 0;
              const bool zero_opens = open("/dev/zero", O_RDONLY) >= 0;
              return (null_opens ? 1 : 0) + (zero_opens ? 2 : 0);
            })).code(),
            1);
}

TEST_F(RealGroup, DeviceRulesCanBeGivenAgainAndReplaced) {
  Resources limits;
  limits.devices = {{false, 'a', {}, {}, "rwm"}, {true, 'c', 1, 3, "rwm"}};
  ASSERT_TRUE(group_->Apply(limits).ok());
  const base::Status again = group_->Apply(limits);
  ASSERT_TRUE(again.ok()) << again.error().message();
  limits.devices.push_back({true, 'c', 1, 5, "rw"});
  ASSERT_TRUE(group_->Apply(limits).ok());
  EXPECT_EQ(Wait(Fork([] { return open("/dev/zero", O_RDONLY) >= 0 ? 0 : errno; })).code(), 0);
  limits.devices.pop_back();
  ASSERT_TRUE(group_->Apply(limits).ok());
  EXPECT_EQ(Wait(Fork([] { return open("/dev/zero", O_RDONLY) >= 0 ? 0 : errno; })).code(), EPERM);
}

TEST_F(RealGroup, LimitsGrowAndShrinkInAnyOrder) {
  for (const int64_t megabytes : {32, 64, 16, 128}) {
    Resources limits;
    limits.memory_limit = megabytes << 20;
    limits.memory_swap_limit = megabytes << 20;
    limits.cpu_period = megabytes * 1000;
    limits.cpu_quota = megabytes * 500;
    limits.cpu_shares = 2 + megabytes;
    const base::Status status = group_->Apply(limits);
    EXPECT_TRUE(status.ok()) << megabytes << ": " << status.error().message();
  }
}

TEST_F(RealGroup, AMemoryLimitBelowWhatIsInUseIsRefusedAndKillsNobody) {
  Resources limits;
  limits.memory_limit = 64 << 20;
  limits.memory_swap_limit = 64 << 20;
  ASSERT_TRUE(group_->Apply(limits).ok());
  os::Pipe ready = os::CreatePipe().value();
  const pid_t pid = Fork([&] {
    // Filled by the kernel: writes of a sanitized program cost the group several times as much.
    if (mmap(nullptr, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
             -1, 0) == MAP_FAILED)
      return 1;
    if (write(ready.write_end.get(), "x", 1) != 1) return 1;
    pause();
    return 0;
  });
  ready.write_end.reset();  // so that a child that is no more is seen
  char byte = 0;
  ASSERT_EQ(read(ready.read_end.get(), &byte, 1), 1);
  limits.memory_limit = limits.memory_swap_limit = 4 << 20;
  const base::Status status = group_->Apply(limits);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(ReadOomKills(group_->MemoryDirectory()), 0u);
  EXPECT_EQ(kill(pid, 0), 0);
  ASSERT_TRUE(group_->Kill().ok());
  EXPECT_EQ(Wait(pid).code(), 137);
}

TEST_F(RealGroup, AnUpdateThatIsRefusedChangesNothing) {
  Resources before;
  before.cpu_shares = 512;
  before.cpu_period = 100000;
  before.cpu_quota = 50000;
  before.cpuset_cpus = "0";
  before.memory_limit = before.memory_swap_limit = 64 << 20;
  ASSERT_TRUE(group_->Apply(before).ok());
  Resources wanted;
  wanted.cpu_shares = 2048;
  wanted.cpu_period = 50000;
  wanted.cpu_quota = 40000;
  wanted.memory_limit = wanted.memory_swap_limit = 256 << 20;
  wanted.hugepages["3MB"] = 1 << 20;  // no machine has such pages
  const base::Status refused = group_->Update(wanted);
  ASSERT_FALSE(refused.ok());
  const Resources now = group_->Read(before);
  EXPECT_EQ(now.cpu_shares, 512);
  EXPECT_EQ(now.cpu_period, 100000);
  EXPECT_EQ(now.cpu_quota, 50000);
  EXPECT_EQ(now.memory_limit, 64 << 20);
  wanted.hugepages.clear();
  wanted.cpuset_cpus = "99999";
  ASSERT_FALSE(group_->Update(wanted).ok());
  EXPECT_EQ(group_->Read(before).cpuset_cpus, "0");
  EXPECT_EQ(group_->Read(before).memory_limit, 64 << 20);
  EXPECT_EQ(group_->Read(before).cpu_quota, 50000);
}

TEST_F(RealGroup, WhatTheKernelMadeOfALimitIsReadBack) {
  Resources wanted;
  wanted.cpu_shares = 333;
  wanted.cpu_quota = -1;
  wanted.memory_limit = 100'000'000;  // not a whole number of pages
  wanted.cpuset_cpus = "0";
  const base::Status updated = group_->Update(wanted);
  ASSERT_TRUE(updated.ok()) << updated.error().message();
  const Resources now = group_->Read(wanted);
  EXPECT_EQ(now.cpu_shares, 333);
  EXPECT_EQ(now.cpu_quota, -1);
  EXPECT_EQ(now.memory_limit, 100'000'000 / 4096 * 4096);
  EXPECT_EQ(now.cpuset_cpus, "0");
  EXPECT_TRUE(now.cpuset_mems.empty()) << "not asked for";
  Resources unlimited;
  unlimited.memory_limit = -1;
  ASSERT_TRUE(group_->Update(unlimited).ok());
  EXPECT_EQ(group_->Read(unlimited).memory_limit, -1);
}

TEST_F(RealGroup, MemoryAndSwapBelowMemoryIsRefused) {
  Resources limits;
  limits.memory_limit = 64 << 20;
  limits.memory_swap_limit = 32 << 20;
  EXPECT_EQ(group_->Update(limits).error().code(), base::Code::kInvalidArgument);
}

TEST_F(RealGroup, AFrozenGroupCanBeRemoved) {
  const pid_t pid = Fork([] {
    pause();
    return 0;
  });
  while (group_->Processes().value().empty()) sched_yield();
  const base::Status frozen = group_->Freeze(true);
  ASSERT_TRUE(frozen.ok()) << frozen.error().message();
  EXPECT_TRUE(group_->Remove().ok());
  EXPECT_EQ(Wait(pid).code(), 137);
  EXPECT_FALSE(group_->Exists());
  EXPECT_TRUE(group_->Remove().ok()) << "absent is success";
  EXPECT_TRUE(group_->Create().ok());
}

TEST_F(RealGroup, CreatingTwiceIsFineAndDeepPathsAreMade) {
  EXPECT_TRUE(group_->Create().ok());
  const Group deep(layout_, name_ + "/a/b/c");
  const base::Status status = deep.Create();
  ASSERT_TRUE(status.ok()) << status.error().message();
  Resources limits;
  limits.pids_limit = 5;
  limits.cpuset_cpus = "0";
  limits.memory_limit = 16 << 20;
  const base::Status applied = deep.Apply(limits);
  EXPECT_TRUE(applied.ok()) << applied.error().message();
  EXPECT_TRUE(deep.Remove().ok());
}

TEST_F(RealGroup, ARefusedLimitNamesFileValueAndAnswer) {
  Resources limits;
  limits.cpuset_cpus = "99999";
  const base::Status status = group_->Apply(limits);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("cpuset.cpus"), std::string::npos)
      << status.error().message();
  EXPECT_NE(status.error().message().find("99999"), std::string::npos);
}

TEST_F(RealGroup, AnotherOnesGroupsBelowStayWhenOnlyAnEmptyOneMayGo) {
  const Layout layout = DetectLayout().value();
  const std::string parent = "/keelson-test-" + std::to_string(getpid()) + "-shared";
  const Group shared(layout, parent);
  const Group theirs(layout, parent + "/theirs");
  ASSERT_TRUE(theirs.Create().ok());
  EXPECT_TRUE(shared.RemoveIfEmpty().ok());
  EXPECT_TRUE(theirs.Exists());
  EXPECT_TRUE(theirs.Remove().ok());
  EXPECT_TRUE(shared.RemoveIfEmpty().ok());
  EXPECT_FALSE(shared.Exists());
  EXPECT_TRUE(shared.RemoveIfEmpty().ok());
}

TEST_F(RealGroup, WhatV2AloneKnowsIsRefusedOnV1) {
  Resources limits;
  limits.unified["memory.high"] = "max";
  EXPECT_EQ(group_->Apply(limits).ok(), DetectLayout().value().v2);
}

TEST_F(RealGroup, HugePagesBeyondTheLimitAreRefused) {
  const char* const kFree = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
  const int64_t free = base::ParseInt64(base::Trim(os::ReadFile(kFree).ValueOr("0"))).value_or(0);
  if (free < 2) GTEST_SKIP() << "no huge pages are set aside on this machine";
  Resources limits;
  limits.hugepages["2MB"] = 2 << 20;
  const base::Status applied = group_->Update(limits);
  ASSERT_TRUE(applied.ok()) << applied.error().message();
  EXPECT_EQ(group_->Read(limits).hugepages.at("2MB"), 2 << 20);
  const auto use = [](size_t pages) {
    return [pages] {
      char* memory = static_cast<char*>(mmap(nullptr, pages << 21, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
      if (memory == MAP_FAILED) return 7;
      for (size_t i = 0; i < pages; ++i) memory[i << 21] = 1;
      return 0;
    };
  };
  EXPECT_EQ(Wait(Fork(use(1))).code(), 0);
  EXPECT_NE(Wait(Fork(use(2))).code(), 0);
  limits.hugepages["2MB"] = 4 << 20;
  ASSERT_TRUE(group_->Update(limits).ok());
  EXPECT_EQ(Wait(Fork(use(2))).code(), 0);
}

}  // namespace
}  // namespace keelson::cgroup
