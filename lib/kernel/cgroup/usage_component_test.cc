// SPDX-License-Identifier: Apache-2.0
// Readings of groups of our own on the machine's real cgroup trees, v1 or v2 as they are.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/ids.h"
#include "lib/kernel/cgroup/usage.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::cgroup {
namespace {

constexpr size_t kMegabytes = 24;

class UsageOfARealGroup : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    layout_ = DetectLayout().value();
    group_.emplace(layout_, name_);
    const base::Status status = group_->Create();
    ASSERT_TRUE(status.ok()) << status.error().message();
  }
  void TearDown() override {
    if (group_) {
      EXPECT_TRUE(group_->Remove().ok());
    }
    if (child_ > 0) waitpid(child_, nullptr, 0);
  }
  // A process in the group that holds 24 MiB and then computes for ever.
  void StartEater() {
    os::Pipe ready = os::CreatePipe().value();
    child_ = fork();
    if (child_ == 0) {
      for (const std::string& dir : group_->V1Directories()) {
        if (!os::WriteControl(AT_FDCWD, dir + "/tasks", "0").ok()) _exit(90);
      }
      if (!group_->UnifiedDirectory().empty() &&
          !os::WriteControl(AT_FDCWD, group_->UnifiedDirectory() + "/cgroup.procs", "0").ok())
        _exit(91);
      auto* memory = static_cast<volatile char*>(mmap(
          nullptr, kMegabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      for (size_t i = 0; i < kMegabytes << 20; i += 4096) memory[i] = 1;
      if (write(ready.write_end.get(), "x", 1) != 1) _exit(92);
      for (;;) memory[0] = static_cast<char>(memory[0] + 1);
    }
    char byte = 0;
    ASSERT_EQ(read(ready.read_end.get(), &byte, 1), 1);
  }

  static size_t OpenFiles() { return os::ListDir("/proc/self/fd").value().size(); }

  const std::string name_ = "/keelson-test-usage-" + base::RandomHex(4);
  Layout layout_;
  std::optional<Group> group_;
  pid_t child_ = -1;
  base::SystemClock clock_;
  DescriptorBudget budget_{100};
};

TEST_F(UsageOfARealGroup, SeesProcessorMemoryAndProcesses) {
  StartEater();
  UsageReader reader(layout_, name_, budget_, clock_);
  const base::Result<Usage> first = reader.Read(Detail::kBasic);
  ASSERT_TRUE(first.ok()) << first.error().message();
  ASSERT_TRUE(first->cpu && first->memory && first->processes);
  EXPECT_EQ(first->processes, 1u);
  EXPECT_GE(first->memory->usage, kMegabytes << 20);
  EXPECT_GE(first->memory->WorkingSet(), kMegabytes << 20);
  EXPECT_GE(first->memory->anonymous, (kMegabytes << 20) / 2);  // v1 counts in batches
  EXPECT_GT(first->memory->page_faults, 0u);
  EXPECT_TRUE(first->pids.empty());
  base::Result<Usage> later = reader.Read(Detail::kBasic);
  while (later.ok() && later->cpu->total_ns < first->cpu->total_ns + 20'000'000) {
    sched_yield();
    later = reader.Read(Detail::kBasic);
  }
  ASSERT_TRUE(later.ok());
  EXPECT_GT(later->cpu_at, first->cpu_at);
}

TEST_F(UsageOfARealGroup, GivesEverythingWhenAskedForEverything) {
  Resources limits;
  limits.memory_limit = 100 << 20;
  limits.cpu_period = 100'000;
  limits.cpu_quota = 60'000;
  limits.cpu_shares = 512;
  limits.pids_limit = 77;
  ASSERT_TRUE(group_->Apply(limits).ok());
  StartEater();
  UsageReader reader(layout_, name_, budget_, clock_);
  const base::Result<Usage> usage = reader.Read(Detail::kAll);
  ASSERT_TRUE(usage.ok()) << usage.error().message();
  EXPECT_EQ(usage->memory->limit, uint64_t{100} << 20);
  EXPECT_EQ(usage->cpu_period_us, 100'000u);
  EXPECT_EQ(usage->cpu_quota_us, 60'000);
  EXPECT_NEAR(static_cast<double>(usage->cpu_shares), 512, 12);  // a weight is coarser than shares
  EXPECT_EQ(usage->threads, 1u);
  EXPECT_EQ(usage->threads_limit, 77u);
  EXPECT_EQ(usage->pids, std::vector<int>{child_});
  EXPECT_GE(usage->memory->max_usage, layout_.v2 && usage->memory->max_usage == 0
                                          ? 0  // memory.peak came with 5.19
                                          : kMegabytes << 20);
}

TEST_F(UsageOfARealGroup, CountsTheProcessesOfGroupsThatAContainerMadeForItself) {
  StartEater();
  UsageReader reader(layout_, name_, budget_, clock_);
  ASSERT_EQ(reader.Read(Detail::kBasic)->processes, 1u);
  const Group inner(layout_, name_ + "/inner");
  if (layout_.v2) GTEST_SKIP() << "a v2 group with processes hands no controllers down";
  ASSERT_TRUE(inner.Create().ok());
  for (const std::string& dir : inner.V1Directories())
    ASSERT_TRUE(os::WriteControl(AT_FDCWD, dir + "/cgroup.procs", std::to_string(child_)).ok());
  const base::Result<Usage> usage = reader.Read(Detail::kAll);
  EXPECT_EQ(usage->processes, 1u);
  EXPECT_EQ(usage->pids, std::vector<int>{child_});
}

TEST_F(UsageOfARealGroup, PressureIsReadWhereTheKernelMeasuresIt) {
  if (!os::ReadFile("/proc/pressure/cpu").ok()) GTEST_SKIP() << "PSI is off";
  UsageReader reader(layout_, name_, budget_, clock_);
  const base::Result<Usage> usage = reader.Read(Detail::kBasic);
  ASSERT_TRUE(usage.ok());
  EXPECT_TRUE(usage->cpu_pressure);
  EXPECT_TRUE(usage->memory_pressure);
  EXPECT_TRUE(usage->io_pressure);
}

TEST_F(UsageOfARealGroup, AGroupThatEndsIsNotFoundAndKeepsNoDescriptor) {
  const size_t before = OpenFiles();
  UsageReader reader(layout_, name_, budget_, clock_);
  ASSERT_TRUE(reader.Read(Detail::kAll).ok());
  EXPECT_GT(OpenFiles(), before);
  EXPECT_LT(budget_.left(), 100);
  ASSERT_TRUE(group_->Remove().ok());
  for (int i = 0; i < 2; ++i) {
    const base::Result<Usage> usage = reader.Read(Detail::kBasic);
    ASSERT_FALSE(usage.ok());
    EXPECT_EQ(usage.error().code(), base::Code::kNotFound);
  }
  EXPECT_EQ(OpenFiles(), before);
  EXPECT_EQ(budget_.left(), 100);
}

TEST_F(UsageOfARealGroup, WorksWithoutAnyDescriptorToKeep) {
  DescriptorBudget none(0);
  const size_t before = OpenFiles();
  UsageReader reader(layout_, name_, none, clock_);
  for (int i = 0; i < 2; ++i) {
    const base::Result<Usage> usage = reader.Read(Detail::kAll);
    ASSERT_TRUE(usage.ok());
    EXPECT_TRUE(usage->cpu && usage->memory);
  }
  EXPECT_EQ(OpenFiles(), before);
  EXPECT_EQ(none.left(), 0);
}

}  // namespace
}  // namespace keelson::cgroup
