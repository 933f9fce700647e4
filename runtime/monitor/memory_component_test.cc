// SPDX-License-Identifier: Apache-2.0
// Containers under very small memory limits: what the start itself needs counts against them.
#include <gmock/gmock.h>

#include "runtime/monitor/testing/monitor_fixture.h"

namespace keelson::monitor {
namespace {

using testing::HasSubstr;

class MemoryTest : public MonitorTest {
 protected:
  spec::ContainerSpec Tiny(const std::string& id, int64_t limit) {
    const std::string program = state_.path() + "/layer/bin/tiny";
    if (!os::Exists(program)) {
      EXPECT_TRUE(os::WriteFileAtomic(
                      program, os::ReadFile(base::BinDir() + "/tests/tiny_program").value(), 0755)
                      .ok());
    }
    spec::ContainerSpec spec = Spec(id, "");
    spec.process.args = {"/bin/tiny"};
    cgroup::Resources limits;
    limits.memory_limit = limit;
    limits.memory_swap_limit = limit;
    const base::Status applied = cgroup::Group(*layout_, group_ + "/" + id).Apply(limits);
    EXPECT_TRUE(applied.ok()) << (applied.ok() ? "" : applied.error().message());
    return spec;
  }
};

TEST_F(MemoryTest, In512KiBAStaticProgramStartsAndIsBusy) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = "c" + std::to_string(i);
    const base::Result<StartedContainer> started = pod_->Start(Tiny(id, 512 << 10), {}, LogDir());
    ASSERT_TRUE(started.ok()) << started.error().message();
    const auto exit = exits_.WaitFor(id);
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->exit_code, 9);
    EXPECT_FALSE(exit->oom_killed);
    (void)LogWith(id, "stdout F busy\n");
  }
}

// The kernel kills it on the way to its program's first instruction. Which side of execve's point
// of no return that is, is the kernel's affair: before, the start is refused; behind, it was one,
// and the container's end says why. Nobody is told that it runs on.
TEST_F(MemoryTest, ALimitThatIsTooLowIsNamedOrTheContainerEndsForIt) {
  const base::Result<StartedContainer> started = pod_->Start(Tiny("c1", 16 << 10), {}, LogDir());
  if (started.ok()) {
    const auto exit = exits_.WaitFor("c1");
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->exit_code, 137);
    EXPECT_TRUE(exit->oom_killed);
    return;
  }
  EXPECT_EQ(started.error().code(), base::Code::kFailedPrecondition);
  EXPECT_THAT(started.error().message(), HasSubstr("the memory limit of 16384 bytes is too low"));
  EXPECT_TRUE(pod_->ListContainers().value().empty());
}

}  // namespace
}  // namespace keelson::monitor
