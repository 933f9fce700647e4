// SPDX-License-Identifier: Apache-2.0
#include "tests/damage/damage.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lib/os/files.h"

namespace keelson::damage {

std::string BytesOf(const std::string& path) {
  auto bytes = os::ReadFile(path, size_t{1} << 30);
  EXPECT_TRUE(bytes.ok()) << bytes.error().message();
  return std::move(bytes).ValueOr("");
}

void Rewrite(const std::string& path, const std::string& bytes) {
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0) << path;
  const base::Status written = os::WriteFileAtomic(path, bytes, info.st_mode & 0777);
  ASSERT_TRUE(written.ok()) << written.error().message();
}

const std::vector<Damage>& Damages() {
  static const std::vector<Damage> all = {
      {"cut short",
       [](const std::string& path) {
         const std::string bytes = BytesOf(path);
         Rewrite(path, bytes.substr(0, bytes.size() / 2));
       }},
      {"empty", [](const std::string& path) { Rewrite(path, ""); }},
      {"zeroed",
       [](const std::string& path) { Rewrite(path, std::string(BytesOf(path).size(), '\0')); }},
      {"bit flipped",
       [](const std::string& path) {
         std::string bytes = BytesOf(path);
         ASSERT_FALSE(bytes.empty()) << path;
         bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x04);
         Rewrite(path, bytes);
       }},
      {"garbage",
       [](const std::string& path) {
         // The same in each run: xorshift.
         uint32_t state = 2463534242u;
         std::string bytes(BytesOf(path).size() + 17, '\0');
         for (char& byte : bytes) {
           state ^= state << 13, state ^= state >> 17, state ^= state << 5;
           byte = static_cast<char>(state);
         }
         Rewrite(path, bytes);
       }},
      {"a folder",
       [](const std::string& path) {
         ASSERT_TRUE(os::RemoveFile(path).ok());
         ASSERT_TRUE(os::MakeDirs(path + "/with", 0700).ok());
       }},
      {kMissing, [](const std::string& path) { ASSERT_TRUE(os::RemoveFile(path).ok()); }},
  };
  return all;
}

}  // namespace keelson::damage
