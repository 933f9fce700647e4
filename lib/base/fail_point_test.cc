// SPDX-License-Identifier: Apache-2.0
#include "lib/base/fail_point.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "lib/base/fail_point_table.h"

namespace keelson::base::fail_point {
namespace {

// A process with the table, at which the point `name` is reached `times` times: its wait status.
int RunAgainst(int id, const char* name, int times) {
  const pid_t child = fork();
  if (child == 0) {
    setenv(kVariable, std::to_string(id).c_str(), 1);
    errno = 77;
    for (int i = 0; i < times; ++i) {
      FAIL_POINT(name);
      static_cast<void>(name);
    }
    _exit(errno == 77 ? 5 : 6);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

class FailPoint : public testing::Test {
 protected:
  void SetUp() override {
    id_ = shmget(IPC_PRIVATE, sizeof(Table), IPC_CREAT | 0600);
    ASSERT_GE(id_, 0);
    table_ = new (shmat(id_, nullptr, 0)) Table{};
    ASSERT_EQ(shmctl(id_, IPC_RMID, nullptr), 0);  // goes with us
  }
  void TearDown() override { (void)shmdt(table_); }
  Slot& Add(const char* point) {
    Slot* slot = Find(*table_, program_invocation_short_name, point);
    std::strncpy(slot->program, program_invocation_short_name, sizeof slot->program - 1);
    std::strncpy(slot->point, point, sizeof slot->point - 1);
    return *slot;
  }
  int id_ = -1;
  Table* table_ = nullptr;
};

#ifdef KEELSON_DEBUG
TEST_F(FailPoint, CountsAndKillsAtTheHitThatItIsToldOnce) {
  Slot& slot = Add("a.b.c");
  EXPECT_EQ(RunAgainst(id_, "a.b.c", 3), 5 << 8);
  EXPECT_EQ(slot.hits, 3u);
  slot.left = 2;
  EXPECT_EQ(RunAgainst(id_, "a.b.c", 3), SIGKILL);
  EXPECT_EQ(slot.hits, 5u);
  EXPECT_EQ(slot.deaths, 1u);
  EXPECT_EQ(RunAgainst(id_, "a.b.c", 3), 5 << 8);
}
TEST_F(FailPoint, APointWithoutASlotIsTold) {
  EXPECT_EQ(RunAgainst(id_, "a.b.c", 1), 5 << 8);
  EXPECT_EQ(table_->strangers, 1u);
  EXPECT_TRUE(std::string(table_->stranger).ends_with(" a.b.c")) << table_->stranger;
}
TEST_F(FailPoint, WithoutTheVariableNothingHappens) {
  EXPECT_EQ(Inherited(), nullptr);
  FAIL_POINT("a.b.c");
}
#else
TEST_F(FailPoint, IsNotInThisBuild) {
  Add("a.b.c").left = 1;
  EXPECT_EQ(RunAgainst(id_, "a.b.c", 3), 5 << 8);
  EXPECT_EQ(table_->slots[0].hits, 0u);
}
#endif

}  // namespace
}  // namespace keelson::base::fail_point
