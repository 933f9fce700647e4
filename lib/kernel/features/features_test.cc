// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/features/features.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "lib/os/files.h"

namespace keelson::features {
namespace {

struct FakeMachine : Machine {
  std::map<std::string, std::string> files;
  std::map<Trial, int> errors;
  std::set<std::string> programs;
  int Try(Trial trial) const override { return errors.contains(trial) ? errors.at(trial) : 0; }
  std::optional<std::string> Read(const std::string& path) const override {
    return files.contains(path) ? std::optional(files.at(path)) : std::nullopt;
  }
  bool HasProgram(const std::string& name) const override { return programs.contains(name); }
};

FakeMachine Modern() {
  FakeMachine machine;
  machine.files = {
      {"/proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"},
      {"/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n"},
      {"/proc/sys/kernel/osrelease", "6.12.1-amd64\n"},
      {"/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n"},
      {"/proc/pressure/memory", "some avg10=0.00\n"},
      {"/sys/module/apparmor/parameters/enabled", "Y\n"},
      {"/proc/swaps", "Filename Type\n/dev/sda2 partition\n"},
      {"/proc/sys/net/ipv4/ip_forward", "1\n"},
      {"/proc/sys/kernel/seccomp/actions_avail", "kill_process errno allow\n"}};
  machine.programs = {"nft", "iptables-nft", "iptables-legacy"};
  return machine;
}

const Feature& Find(const std::vector<Feature>& all, const std::string& name) {
  for (const Feature& feature : all) {
    if (feature.name == name) return feature;
  }
  ADD_FAILURE() << "no feature " << name;
  return all.front();
}

TEST(Features, AModernMachineHasAllThatIsRequired) {
  for (const Feature& feature : Judge(Modern())) {
    if (feature.name == "SELinux") continue;
    EXPECT_TRUE(feature.present) << feature.name << ": " << feature.why;
    EXPECT_FALSE(feature.why.empty()) << feature.name;
  }
}

TEST(Features, WhatIsMissingIsSaidWithItsConsequence) {
  FakeMachine machine = Modern();
  machine.errors = {{Trial::kLowerdirPlus, EINVAL},
                    {Trial::kVeth, EOPNOTSUPP},
                    {Trial::kIptablesLegacy, ENOPROTOOPT}};
  machine.files["/proc/self/status"] = "CapEff:\t000000feffffff\n";
  machine.files["/sys/fs/cgroup/cgroup.controllers"] = "cpuset cpu memory\n";
  machine.files["/proc/sys/kernel/osrelease"] = "5.10.0\n";
  machine.files.erase("/proc/pressure/memory");
  const std::vector<Feature> all = Judge(machine);
  EXPECT_FALSE(Find(all, "overlay lowerdir+").present);
  EXPECT_FALSE(Find(all, "overlay lowerdir+").required);
  EXPECT_NE(Find(all, "overlay lowerdir+").why.find("one string"), std::string::npos);
  EXPECT_FALSE(Find(all, "veth").present);
  EXPECT_TRUE(Find(all, "veth").required);
  EXPECT_FALSE(Find(all, "iptables-legacy").present);
  EXPECT_FALSE(Find(all, "CAP_SYS_RESOURCE").present);
  EXPECT_TRUE(Find(all, "CAP_SYS_ADMIN").present);
  EXPECT_FALSE(Find(all, "cgroup pids").present);
  EXPECT_FALSE(Find(all, "cgroup.kill").present);
  EXPECT_FALSE(Find(all, "PSI").present);
}

TEST(Features, BothLayoutsAreNamedAndNoneIsAnError) {
  FakeMachine machine = Modern();
  machine.files["/proc/self/mountinfo"] =
      "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n32 30 0:28 / "
      "/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
  EXPECT_NE(Find(Judge(machine), "cgroup").why.find("v1"), std::string::npos);
  EXPECT_FALSE(Find(Judge(machine), "clone3 into a cgroup").present);
  EXPECT_FALSE(Find(Judge(machine), "cgroup pids").present);
  machine.files.erase("/proc/self/mountinfo");
  EXPECT_FALSE(Find(Judge(machine), "cgroup").present);
  EXPECT_FALSE(Judge(FakeMachine{}).empty());
}

TEST(Features, ThisMachineIsAskedWithoutLeavingAnything) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto count = [] { return os::ListDir("/proc/self/fd").value().size(); };
  const size_t before = count();
  const std::vector<Feature> all = Judge(*ThisMachine());
  EXPECT_EQ(count(), before);
  for (const char* name : {"cgroup", "pidfd", "openat2", "fsopen", "open_tree", "mount_setattr",
                           "overlay", "seccomp", "network namespaces"}) {
    EXPECT_TRUE(Find(all, name).present) << name << ": " << Find(all, name).why;
  }
  for (const Feature& feature : all) {
    std::printf("  %-22s %-3s %-8s %s\n", feature.name.c_str(), feature.present ? "yes" : "no",
                feature.required ? "required"
                : feature.used   ? "used"
                                 : "",
                feature.why.c_str());
  }
}

}  // namespace
}  // namespace keelson::features
