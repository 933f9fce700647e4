// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/identity.h"

#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::node {
namespace {

TEST(NodeIdentity, IsReadFromTheMachinesFiles) {
  const os::TempDir dir = os::TempDir::Create("keelson-identity").value();
  ASSERT_TRUE(os::MakeDirs(dir.path() + "/etc", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/etc/machine-id", "abc\n", 0644).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/etc/os-release",
                                  "ID=x\nPRETTY_NAME=\"Some Linux 1\"\n", 0644)
                  .ok());
  const Identity identity = IdentityOf(dir.path());
  EXPECT_EQ(identity.machine_id, "abc");
  EXPECT_EQ(identity.system_uuid, "abc");
  EXPECT_EQ(identity.os_image, "Some Linux 1");
  EXPECT_FALSE(identity.kernel.empty());
  EXPECT_EQ(identity.boot_id, "");
}

TEST(NodeIdentity, NamesProcessorsAsImagesDo) {
  EXPECT_EQ(GoArchitecture("x86_64"), "amd64");
  EXPECT_EQ(GoArchitecture("aarch64"), "arm64");
  EXPECT_EQ(GoArchitecture("riscv64"), "riscv64");
}

}  // namespace
}  // namespace keelson::node
