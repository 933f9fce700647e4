// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/encode.h"

#include <gtest/gtest.h>

#include <set>

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
  spec.log_limit = {4096, true};
  spec.open_stdin = spec.stdin_once = true;
  spec.process.apparmor_profile = "p";
  spec.process.selinux_label = "s";
  spec.mount_label = "m";
  spec.other.program = "/usr/bin/crun";
  spec.other.state_root = "/run/keelson/oci/crun";
  spec.other.arguments = {"--debug"};
  spec.other.hostname = "web";
  spec.other.host_mounts = 7;
  spec.other.cgroup_path = "/x";
  spec.other.device_rules = {{false, 'a', -1, -1, "rwm"}, {true, 'c', 1, 3, "r"}};
  spec.other.seccomp = "{}";
  spec.other.annotations = {{"a", "b"}};
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

// Bytes that came at the end with each later version.
std::vector<size_t> Later() {
  ContainerSpec without = Example();
  without.other = {};
  const size_t limit = 8 + 1;
  const size_t empty_other = 3 * 4 + 4 + 4 + 4 + 4;
  const size_t empty_last = 4 + 4 + limit, last = empty_last + 4 + 7 + 3;
  const size_t other = Encode(Example()).size() - Encode(without).size() + empty_other + empty_last;
  const size_t labels = other + Example().mounts.size() + size_t{3} * (4 + 1);
  return {limit, last, other, labels, labels + 2};
}

TEST(SpecEncoding, RefusesEveryTruncation) {
  const std::string bytes = Encode(Example());
  // What earlier versions wrote ends before the fields that came later.
  std::set<size_t> earlier;
  for (const size_t later : Later()) earlier.insert(bytes.size() - later);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    if (earlier.contains(cut)) continue;
    EXPECT_FALSE(DecodeContainerSpec(std::string_view(bytes).substr(0, cut)).ok()) << cut;
  }
}

TEST(SpecEncoding, ReadsWhatEarlierVersionsWrote) {
  for (const size_t later : Later()) {
    std::string bytes = Encode(Example());
    bytes.resize(bytes.size() - later);
    const base::Result<ContainerSpec> spec = DecodeContainerSpec(bytes);
    ASSERT_TRUE(spec.ok()) << later;
    EXPECT_EQ(spec->other.program.empty(), later > Later()[1]);
    EXPECT_EQ(spec->other.arguments.empty(), later > Later()[0]);
    EXPECT_EQ(spec->log_limit, LogLimit());
    EXPECT_EQ(spec->log_name, "0.log");
    EXPECT_EQ(spec->open_stdin, later < Later().back());
  }
}

TEST(SpecEncoding, RefusesAnotherVersion) {
  std::string bytes = Encode(Example());
  bytes[0] = 99;
  EXPECT_FALSE(DecodeContainerSpec(bytes).ok());
}

}  // namespace
}  // namespace keelson::spec
