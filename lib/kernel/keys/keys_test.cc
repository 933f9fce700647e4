// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/keys/keys.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>

#include "lib/base/ids.h"

namespace keelson::keys {
namespace {

bool KernelHasKeys() {
  return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) >= 0;
}

long Add(const char* name, long keyring = KEY_SPEC_SESSION_KEYRING) {
  return syscall(SYS_add_key, "user", name, "x", 1, keyring);
}

bool Finds(const char* name) {
  return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", name, 0) >= 0;
}

// In a process of its own, whose session is nobody else's.
int InChild(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Keys : public testing::Test {
 protected:
  void SetUp() override {
    if (!KernelHasKeys()) GTEST_SKIP() << "this kernel has no keys, or a filter forbids them";
  }
  const std::string name_ = SessionOf("keelson-test-" + base::RandomHex(16));
};

TEST_F(Keys, OfWhoStartedItAreNotFoundInASessionOfItsOwn) {
  for (const bool named : {false, true}) {
    SCOPED_TRACE(named);
    EXPECT_EQ(InChild([&] {
                if (!JoinFreshSession().ok() || Add("one") < 0 || !Finds("one")) return 1;
                if (!(named ? JoinSession(name_) : JoinFreshSession()).ok()) return 2;
                return Finds("one") ? 3 : 0;
              }),
              0);
  }
}

TEST_F(Keys, OfANameAreFoundByWhoeverJoinsItAndByNobodyElse) {
  EXPECT_EQ(
      InChild([&] {
        if (!JoinSession(name_).ok() || Add("one") < 0) return 1;
        const int joined = InChild([&] {
          return JoinFreshSession().ok() && JoinSession(name_).ok() && Finds("one") ? 0 : 1;
        });
        if (joined != 0) return 2;
        return InChild([&] { return JoinSession(name_ + "x").ok() && !Finds("one") ? 0 : 1; }) == 0
                   ? 0
                   : 3;
      }),
      0);
}

TEST_F(Keys, ANameIsSeenByNobodyOutside) {
  EXPECT_EQ(InChild([&] {
              if (!JoinSession(name_).ok()) return 1;
              return InChild([&] {
                if (!JoinFreshSession().ok()) return 2;
                std::ifstream list("/proc/keys");
                for (std::string line; std::getline(list, line);) {
                  if (line.find(name_) != std::string::npos) return 3;
                }
                return 0;
              });
            }),
            0);
}

TEST_F(Keys, AUserWithoutRoomForMoreIsToldAndStaysWhereItWas) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(InChild([&] {
              if (!JoinFreshSession().ok()) return 1;
              // A number that nobody has; its keys go with the last process that holds them.
              const uid_t user = 3'000'000'000u + static_cast<uid_t>(getpid());
              if (setresuid(user, user, user) != 0) return 2;
              if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) < 0)
                return 3;
              for (int i = 0; Add(std::to_string(i).c_str(), KEY_SPEC_PROCESS_KEYRING) >= 0; ++i) {
                if (i > 10'000'000) return 4;
              }
              if (errno != EDQUOT) return 5;
              const base::Status joined = JoinSession(name_);
              return !joined.ok() && joined.error().os_errno() == EDQUOT ? 0 : 6;
            }),
            0);
}

TEST_F(Keys, AKernelOrAFilterWithoutThemIsNoError) {
  for (const int answer : {ENOSYS, EPERM}) {
    SCOPED_TRACE(answer);
    EXPECT_EQ(InChild([&] {
                sock_filter code[] = {
                    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 0, 1),
                    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(answer)),
                    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
                sock_fprog filter{4, code};
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
                  return 1;
                return JoinFreshSession().ok() && JoinSession(name_).ok() ? 0 : 2;
              }),
              0);
  }
}

}  // namespace
}  // namespace keelson::keys
