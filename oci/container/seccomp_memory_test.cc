// SPDX-License-Identifier: Apache-2.0
#include "oci/container/seccomp_memory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "lib/os/files.h"

namespace keelson::oci {
namespace {

class SeccompMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/keelson-seccomp-memory.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    root_ = name;
  }
  void TearDown() override { (void)os::RemoveTree(root_); }
  std::string OnlyFile() const {
    const auto entries = os::ListDir(root_ + "/!seccomp");
    return entries.ok() && entries->size() == 1 ? root_ + "/!seccomp/" + entries->front().name : "";
  }
  std::string root_;
};

TEST_F(SeccompMemoryTest, FindsWhatWasKeptUnderTheSameKeyAlone) {
  const SeccompMemory memory(root_);
  EXPECT_EQ(memory.Find("profile"), std::nullopt);
  memory.Keep("profile", "12345678");
  EXPECT_EQ(memory.Find("profile"), "12345678");
  EXPECT_EQ(memory.Find("profil"), std::nullopt);
  EXPECT_EQ(SeccompMemory(root_ + "/other").Find("profile"), std::nullopt);
}

TEST_F(SeccompMemoryTest, TakesNothingThatIsCutOrThatOthersMayWrite) {
  const SeccompMemory memory(root_);
  memory.Keep("profile", "12345678");
  const std::string path = OnlyFile();
  ASSERT_NE(path, "");
  ASSERT_EQ(chmod(path.c_str(), 0620), 0);
  EXPECT_EQ(memory.Find("profile"), std::nullopt);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  const std::string whole = os::ReadFile(path).value();
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(os::WriteFileAtomic(path, whole.substr(0, size), 0600).ok());
    EXPECT_EQ(memory.Find("profile"), std::nullopt) << size;
  }
  // Another key with the same number.
  ASSERT_TRUE(os::WriteFileAtomic(path, "keelson seccomp 1\n5 other12345678", 0600).ok());
  EXPECT_EQ(memory.Find("profile"), std::nullopt);
}

TEST_F(SeccompMemoryTest, IsBounded) {
  const SeccompMemory memory(root_);
  for (int i = 0; i < 200; ++i) memory.Keep(std::to_string(i), "12345678");
  EXPECT_LE(os::ListDir(root_ + "/!seccomp").value().size(), 64u);
  EXPECT_EQ(memory.Find("199"), "12345678");
}

}  // namespace
}  // namespace keelson::oci
