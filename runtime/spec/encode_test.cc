// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/encode.h"

#include <gtest/gtest.h>

namespace keelson::spec {
namespace {

ContainerSpec Example() {
  ContainerSpec spec;
  spec.id = "c1";
  spec.process.args = {"/bin/sh", "-c", "true"};
  spec.process.env = {"A=b", std::string("NOT_UTF8=\xff\xfe")};
  spec.process.identity = {1000, 1001, {5, 6}};
  spec.process.capabilities.bounding = 0xa80425fb;
  spec.process.rlimits = {{7, 1024, 4096}};
  spec.process.seccomp_program = std::string("\0\1\2", 3);
  spec.lower_layers = {"/l/b", "/l/a"};
  spec.upper = "/u";
  spec.mounts = {{.kind = Mount::Kind::kTmpfs,
                  .destination = "/dev",
                  .options = "mode=755",
                  .propagation = Propagation::kSlave}};
  spec.devices = {{"/dev/null", 020666, 1, 3, 0, 0}};
  spec.masked_paths = {"/proc/kcore"};
  spec.pid_mode = PidMode::kPod;
  spec.cgroup_paths = {"/sys/fs/cgroup/cpu/x"};
  spec.log_name = "0.log";
  spec.open_stdin = spec.stdin_once = true;
  spec.process.apparmor_profile = "p";
  spec.process.selinux_label = "s";
  spec.mount_label = "m";
  return spec;
}

TEST(SpecEncoding, RoundTripsEveryField) {
  const std::string bytes = Encode(Example());
  const ContainerSpec back = DecodeContainerSpec(bytes).value();
  EXPECT_EQ(Encode(back), bytes);
  EXPECT_EQ(back.process.env[1], "NOT_UTF8=\xff\xfe");
  EXPECT_EQ(back.mounts[0].propagation, Propagation::kSlave);
  EXPECT_EQ(back.pid_mode, PidMode::kPod);
  EXPECT_EQ(Encode(DecodeProcess(Encode(Example().process)).value()), Encode(Example().process));
}

TEST(SpecEncoding, RefusesEveryTruncation) {
  const std::string bytes = Encode(Example());
  // What an earlier version wrote ends before the fields that came later.
  constexpr size_t kLabels = 3 * (4 + 1);
  constexpr size_t kStdin = 2;
  const size_t idmapped = Example().mounts.size();
  const size_t without_mapped = bytes.size() - idmapped - kLabels;
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    if (cut == without_mapped || cut == without_mapped - kStdin) continue;
    EXPECT_FALSE(DecodeContainerSpec(std::string_view(bytes).substr(0, cut)).ok()) << cut;
  }
}

TEST(SpecEncoding, ReadsWhatAnEarlierVersionWrote) {
  std::string bytes = Encode(Example());
  bytes.resize(bytes.size() - Example().mounts.size() - 3 * (4 + 1) - 2);
  const base::Result<ContainerSpec> spec = DecodeContainerSpec(bytes);
  ASSERT_TRUE(spec.ok());
  EXPECT_FALSE(spec->open_stdin);
  EXPECT_EQ(spec->log_name, "0.log");
}

TEST(SpecEncoding, RefusesAnotherVersion) {
  std::string bytes = Encode(Example());
  bytes[0] = 99;
  EXPECT_FALSE(DecodeContainerSpec(bytes).ok());
}

}  // namespace
}  // namespace keelson::spec
