// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/record.h"

#include <gtest/gtest.h>

namespace keelson::container {
namespace {

TEST(Records, RoundTripAndRefuseDamage) {
  ContainerRecord container{.id = "c",
                            .sandbox_id = "s",
                            .state = ContainerState::kExited,
                            .exit_code = 137,
                            .reason = "OOMKilled",
                            .config = std::string("\0\xff", 2),
                            .groups = {1, 2},
                            .stop_signal = 3,
                            .resources = "r",
                            .volume_images = {"i"},
                            .volume_digests = {"d"},
                            .updating = true};
  const std::string bytes = Encode(container);
  EXPECT_EQ(Encode(DecodeContainerRecord(bytes).value()), bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_FALSE(DecodeContainerRecord(bad).ok()) << i;
    EXPECT_FALSE(DecodeContainerRecord(std::string_view(bytes).substr(0, i)).ok()) << i;
  }
  SandboxRecord sandbox{
      .id = "s", .state = SandboxState::kStopped, .addresses = {"10.0.0.2"}, .boot_id = "b"};
  EXPECT_EQ(Encode(DecodeSandboxRecord(Encode(sandbox)).value()), Encode(sandbox));
  EXPECT_FALSE(DecodeSandboxRecord(bytes).ok()) << "one kind is not the other";
}

}  // namespace
}  // namespace keelson::container
