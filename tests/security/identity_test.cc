// SPDX-License-Identifier: Apache-2.0
// Class I: who a process becomes, with which groups and rights.
#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

class IdentityCase : public SecurityCase {
 protected:
  // The user ids of a container whose image names `user`; the refusal's words if there was one.
  std::string IdOf(const std::string& pod, const std::string& user) {
    images_->config().user = user;
    const auto said = Says(pod, Next("id -u"));
    return said ? std::string(base::Trim(*said)) : "refused";
  }
};

using Cve_2016_3697 = IdentityCase;
TEST_F(Cve_2016_3697, ANumberIsNoNameOfTheImages) {
  Write(layer() + "/etc/passwd",
        "root:x:0:0::/root:/bin/sh\n1000:x:0:0::/root:/bin/sh\n007:x:0:0::/:/bin/sh\n");
  const std::string pod = Start("p");
  Watch();
  EXPECT_EQ(IdOf(pod, "1000"), "1000");
  EXPECT_EQ(IdOf(pod, "1000:1000"), "1000");
  EXPECT_EQ(IdOf(pod, "007"), "7");
  cri::ContainerConfig config = Next("id -u");
  SecurityOf(config).mutable_run_as_user()->set_value(1000);
  images_->config().user = "";
  EXPECT_EQ(Says(pod, config), "1000\n");
}

using Cve_2024_40635 = IdentityCase;
TEST_F(Cve_2024_40635, ANumberTooLargeIsRefusedAndNeverRoot) {
  Write(layer() + "/etc/passwd", "root:x:0:0::/root:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n");
  const std::string pod = Start("p");
  Watch();
  for (const std::string& user :
       {std::string("4294967295"), std::string("4294967296"), std::string("65536:4294967296"),
        std::string("0x0"), std::string(" 0"), std::string("0 "), std::string("-1"),
        std::string("+0"), std::string("18446744073709551616"), std::string(300, '9'),
        std::string(600, '0'), std::string(":"), std::string("0:0:0"), std::string("1,0")})
    EXPECT_EQ(IdOf(pod, user), "refused") << user;
  EXPECT_EQ(IdOf(pod, "2147483648"), "2147483648") << "large, and a user";
  for (const int64_t number : {int64_t{-1}, int64_t{4294967295}, int64_t{4294967296}}) {
    cri::ContainerConfig config = Next("id -u");
    SecurityOf(config).mutable_run_as_user()->set_value(number);
    EXPECT_NE(Refusal(pod, config), "") << number;
  }
}

using Cve_2022_24769 = IdentityCase;
TEST_F(Cve_2022_24769, NothingIsInheritable) {
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Script("c", "while true; do sleep 1; done");
  const std::string id = Run(pod, config);
  const std::string script = "busybox grep CapInh /proc/self/status";
  EXPECT_EQ(Out(id, script), "CapInh:\t0000000000000000") << "a command";
  EXPECT_EQ(Says(pod, Next(script)), "CapInh:\t0000000000000000\n") << "the first process";
  config = Next(script);
  SecurityOf(config).mutable_run_as_user()->set_value(33);
  EXPECT_EQ(Says(pod, config), "CapInh:\t0000000000000000\n") << "a user";
}

using Cve_2022_2995 = IdentityCase;
TEST_F(Cve_2022_2995, ThePrimaryGroupIsAmongTheGroupsAndCannotBeShed) {
  // A file that its group alone may not read: who left the group out of the list reads it.
  Write(layer() + "/etc/group", "root:x:0:\nweb:x:33:\nextra:x:77:web\n");
  const std::string pod = Start("p");
  Watch();
  struct Case {
    cri::SupplementalGroupsPolicy policy;
    const char* groups;
  };
  for (const Case& one : {Case{cri::Merge, "33 77 5000"}, Case{cri::Strict, "33 5000"}}) {
    cri::ContainerConfig config = Next("busybox grep Groups: /proc/self/status");
    SecurityOf(config).mutable_run_as_user()->set_value(33);
    SecurityOf(config).mutable_run_as_group()->set_value(33);
    SecurityOf(config).add_supplemental_groups(5000);
    SecurityOf(config).set_supplemental_groups_policy(one.policy);
    EXPECT_EQ(Says(pod, config), fmt::format("Groups:\t{} \n", one.groups));
  }
}

using Cve_2023_25809 = IdentityCase;
TEST_F(Cve_2023_25809, TheCgroupTreeIsReadOnlyAndEndsAtTheContainersOwn) {
  const std::string pod = Start("p");
  Watch();
  const auto said = Says(
      pod,
      Next("cat /proc/self/cgroup | busybox grep -v ':/$'; for d in /sys/fs/cgroup "
           "/sys/fs/cgroup/*/; do mkdir $d/made && echo made $d; done; for f in "
           "/sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/pids.max /sys/fs/cgroup/*/tasks; do echo 0 "
           ">$f && echo wrote $f; done; ls -d /sys/fs/cgroup/keelson* "
           "/sys/fs/cgroup/*/keelson* 2>/dev/null; exit 0"));
  ASSERT_TRUE(said);
  EXPECT_EQ(said->find("made /"), std::string::npos) << *said;
  EXPECT_EQ(said->find("wrote /"), std::string::npos) << *said;
  EXPECT_EQ(said->find("cgroup/keelson"), std::string::npos) << *said;
}

using Go_2024_2458 = IdentityCase;
TEST_F(Go_2024_2458, AContainerStaysInItsGroup) {
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script(
      "c",
      "mkdir /sys/fs/cgroup/leaf; echo $$ >/sys/fs/cgroup/leaf/cgroup.procs; echo $$ "
      ">/sys/fs/cgroup/../cgroup.procs; echo max >/sys/fs/cgroup/pids.max; echo max "
      ">/sys/fs/cgroup/memory.max; busybox mount -o remount,rw /sys/fs/cgroup; touch /tried; while "
      "true; do sleep 1; done");
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  const std::string id = Run(pod, config);
  EXPECT_TRUE(Eventually([&] { return os::Exists(runtime_->DirectoryOf(id) + "/diff/tried"); }));
  const std::string group = runtime_->GetContainer(id).value().record.cgroup_path;
  const pid_t pid = runtime_->GetContainer(id).value().record.pid;
  const std::string now = os::ReadFile(fmt::format("/proc/{}/cgroup", pid)).value();
  for (const std::string_view line : base::Split(std::string_view(now), '\n')) {
    if (line.starts_with("0::")) {
      EXPECT_TRUE(line.ends_with(group)) << line;
    }
  }
  const std::string limit =
      os::ReadFile("/sys/fs/cgroup" + group + "/memory.max").ValueOr("67108864\n");
  EXPECT_EQ(limit, "67108864\n");
  EXPECT_FALSE(os::Exists("/sys/fs/cgroup" + group + "/leaf"));
}

using Cve_2022_0492 = IdentityCase;
TEST_F(Cve_2022_0492, NoCgroupTreeThatWouldRunAProgramCanBeHad) {
  const std::string pod = Start("p");
  Watch();
  const auto said = Says(
      pod, Next("mkdir /m; for t in cgroup cgroup2; do busybox mount -t $t none /m && echo "
                "mounted $t; busybox unshare -Urm busybox mount -t $t -o rdma none /m && echo "
                "unshared $t; done; for f in $(busybox find /sys/fs/cgroup -name release_agent "
                "-o -name notify_on_release); do echo 1 >$f && echo wrote $f; done; exit 0"));
  ASSERT_TRUE(said);
  for (const char* word : {"mounted", "unshared", "wrote"})
    EXPECT_EQ(said->find(std::string(word) + " "), std::string::npos) << *said;
}

}  // namespace
}  // namespace keelson::security_tests
