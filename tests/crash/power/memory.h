// SPDX-License-Identifier: Apache-2.0
// Where a test keeps disks and images: in memory, in a mount namespace of the program's own, so
// that nothing of it outlives the program. As root, before any thread.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <string>

namespace keelson::power_test {

inline void MountMemory(const std::string& dir, const char* options) {
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(mount("tmpfs", dir.c_str(), "tmpfs", 0, options), 0);
}

}  // namespace keelson::power_test
