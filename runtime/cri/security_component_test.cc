// SPDX-License-Identifier: Apache-2.0
// AppArmor where the kernel enforces it, and CDI devices; named after the calls.
#include <algorithm>

#include "lib/os/process.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

class SecurityTest : public RuntimeTest {
 protected:
  static constexpr const char* kLoop = "while true; do sleep 1; done";
  static cri::LinuxContainerSecurityContext& Of(cri::ContainerConfig& config) {
    return *config.mutable_linux()->mutable_security_context();
  }
  std::string Out(const std::string& id, const std::string& script) {
    const base::Result<ExecOutput> done =
        runtime_->ExecSync(id, {"sh", "-c", script + " 2>&1"}, std::chrono::seconds(60));
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message());
    return done.ok() ? std::string(base::Trim(done->out)) : "";
  }
};

class AppArmorTest : public SecurityTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    if (IsSkipped()) return;
    apparmor_ = security::PrepareAppArmor(run_);
    if (!apparmor_.enabled || apparmor_.default_profile.empty())
      GTEST_SKIP() << "this kernel has no AppArmor, or there is no apparmor_parser";
    Boot();
  }
  void TearDown() override {
    RuntimeTest::TearDown();
    for (const std::string& text : loaded_) EXPECT_TRUE(Parse("--remove", text));
  }
  static bool Parse(const std::string& what, const std::string& text) {
    os::SpawnOptions options;
    options.argv = {"/usr/sbin/apparmor_parser", what, "--skip-cache", "--quiet"};
    const base::Result<os::CommandResult> done =
        os::RunCommand(options, text, std::chrono::seconds(60));
    return done.ok() && done->status.code() == 0;
  }
  // A profile of its own name that lets everything happen but what `rule` says.
  std::string Load(const std::string& rule) {
    const std::string name = "keelson-test-" + base::RandomHex(4);
    const std::string text = "profile " + name +
                             " flags=(attach_disconnected,mediate_deleted) {\n  file,\n  network,\n"
                             "  capability,\n  signal,\n  ptrace,\n  umount,\n" +
                             rule + "\n}\n";
    EXPECT_TRUE(Parse("--add", text));
    loaded_.push_back(text);
    return name;
  }
  static constexpr const char* kWhich = "cat /proc/self/attr/current";
  std::vector<std::string> loaded_;
};

TEST_F(AppArmorTest, StartContainerEntersTheDefaultProfileUnlessToldOtherwise) {
  const std::string pod = Start("p");
  const std::string unset = Run(pod, Script("unset", kLoop));
  cri::ContainerConfig config = Script("default", kLoop);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  const std::string by_default = Run(pod, config);
  for (const std::string& id : {unset, by_default}) {
    const std::string pid = std::to_string(runtime_->GetContainer(id).value().record.pid);
    EXPECT_EQ(os::ReadFile("/proc/" + pid + "/attr/current").value(),
              "keelson-default (enforce)\n");
    EXPECT_EQ(Out(id, kWhich), "keelson-default (enforce)") << "commands too";
    EXPECT_EQ(Out(id, "touch /x && echo made; sleep 100 & kill $! && echo killed"), "made\nkilled");
    EXPECT_NE(Out(id, "echo 1 >/proc/sysrq-trigger || echo denied").find("denied"),
              std::string::npos);
    // To what they are.
    for (const char* file : {"/proc/stat", "/proc/tty/drivers", "/proc/sysvipc/shm"})
      EXPECT_NE(Out(id, std::string("chmod 0444 ") + file + " || echo denied").find("denied"),
                std::string::npos)
          << file;
    EXPECT_EQ(Out(id, "echo word >/proc/self/comm && cat /proc/stat >/x && echo written"),
              "written");
  }
  config = Script("unconfined", kLoop);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_EQ(Out(Run(pod, config), kWhich), "unconfined");
  EXPECT_TRUE(runtime_->StopContainer(unset, std::chrono::seconds(0)).ok()) << "it can be killed";
}

TEST_F(AppArmorTest, StartContainerEntersAProfileOfTheNode) {
  const std::string name = Load("  deny /blocked w,");
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("new", kLoop);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Of(config).mutable_apparmor()->set_localhost_ref(name);
  const std::string id = Run(pod, config);
  EXPECT_EQ(Out(id, kWhich), name + " (enforce)");
  EXPECT_NE(Out(id, "touch /blocked || echo refused").find("refused"), std::string::npos);
  EXPECT_EQ(Out(id, "touch /free && echo made"), "made");
  config = Script("old", kLoop);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  Of(config).set_apparmor_profile("localhost/" + name);
  EXPECT_EQ(Out(Run(pod, config), kWhich), name + " (enforce)");
  config = Script("both", kLoop);
  Of(config).set_apparmor_profile("localhost/" + name);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_EQ(Out(Run(pod, config), kWhich), "unconfined") << "the newer field stands";
#pragma GCC diagnostic pop
}

TEST_F(AppArmorTest, CreateContainerRefusesAProfileThatIsNotLoaded) {
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("c", kLoop);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Of(config).mutable_apparmor()->set_localhost_ref("keelson-test-nowhere");
  const base::Result<std::string> made = runtime_->CreateContainer(pod, config);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message().find("is not loaded"), std::string::npos)
      << made.error().message();
}

TEST_F(AppArmorTest, StartContainerWritesItsLabelToNoForgedProcfs) {
  // A volume over /proc that looks like one: the label is written to the kernel all the same.
  const std::string name = Load("  deny /blocked w,");
  const std::string fake = dir_.path() + "/fake";
  for (const char* place : {"/self/attr/apparmor", "/1/attr/apparmor"})
    ASSERT_TRUE(os::MakeDirs(fake + place, 0777).ok());
  for (const char* file : {"/self/attr/apparmor/exec", "/1/attr/apparmor/exec", "/1/attr/exec"})
    ASSERT_TRUE(os::WriteFileAtomic(fake + file, "", 0666).ok());
  cri::ContainerConfig config = Script("c", kLoop);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Of(config).mutable_apparmor()->set_localhost_ref(name);
  cri::Mount& mount = *config.add_mounts();
  mount.set_container_path("/proc");
  mount.set_host_path(fake);
  const std::string id = runtime_->CreateContainer(Start("p"), config).value();
  if (!runtime_->StartContainer(id).ok()) return;  // refused is as good
  const std::string pid = std::to_string(runtime_->GetContainer(id).value().record.pid);
  EXPECT_EQ(os::ReadFile("/proc/" + pid + "/attr/current").value(), name + " (enforce)\n");
  EXPECT_EQ(os::ReadFile(fake + "/1/attr/apparmor/exec").value(), "");
}

TEST_F(SecurityTest, CreateContainerRefusesAnAppArmorProfileThatCannotBeApplied) {
  if (os::ReadFile("/sys/module/apparmor/parameters/enabled").ValueOr("") == "Y\n")
    GTEST_SKIP() << "this kernel has AppArmor";
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("c", kLoop);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  Of(config).mutable_apparmor()->set_localhost_ref("mine");
  const base::Result<std::string> made = runtime_->CreateContainer(pod, config);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message().find("no AppArmor"), std::string::npos);
  Of(config).mutable_apparmor()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  EXPECT_TRUE(runtime_->CreateContainer(pod, config).ok()) << "the default is what there is";
}

TEST_F(SecurityTest, CreateContainerGivesCdiDevicesAsTheirVendorSays) {
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/cdi", 0755).ok());
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/library", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/library/lib.so", "code", 0644).ok());
  const std::string file = dir_.path() + "/cdi/vendor.json";
  ASSERT_TRUE(os::WriteFileAtomic(
                  file,
                  R"({"cdiVersion":"0.7.0","kind":"vendor.com/card","containerEdits":{"env":
                     ["DRIVER=1"]},"devices":[{"name":"0","containerEdits":{"env":["CARD=zero"],
                     "deviceNodes":[{"path":"/dev/card0","hostPath":"/dev/zero","permissions":"r",
                     "fileMode":438,"gid":44}],"additionalGids":[44],
                     "mounts":[{"hostPath":")" +
                      dir_.path() +
                      R"(/library","containerPath":"/usr/vendor","options":["ro","nosuid"]}]}}]})",
                  0644)
                  .ok());
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("c", kLoop);
  config.add_cdi_devices()->set_name("vendor.com/card=0");
  const std::string id = Run(pod, config);
  EXPECT_EQ(Out(id, "echo $DRIVER $CARD"), "1 zero");
  EXPECT_EQ(Out(id, "busybox stat -c %t:%T:%g:%a /dev/card0"), "1:5:44:666");
  EXPECT_EQ(Out(id, "busybox head -c 3 /dev/card0 | busybox od -An -tx1"), "00 00 00");
  EXPECT_EQ(Out(id, "cat /usr/vendor/lib.so"), "code");
  EXPECT_NE(Out(id, "touch /usr/vendor/x || echo closed").find("closed"), std::string::npos);
  EXPECT_EQ(Out(id, "id -G"), "0 44");
  ASSERT_TRUE(os::RemoveFile(file).ok());
  EXPECT_EQ(Out(id, "echo $CARD"), "zero") << "commands get what the container got";
  Boot();
  EXPECT_EQ(Out(id, "echo $CARD"), "zero");
  config.mutable_metadata()->set_name("later");
  const base::Result<std::string> gone = runtime_->CreateContainer(pod, config);
  ASSERT_FALSE(gone.ok());
  EXPECT_NE(gone.error().message().find("vendor.com/card=0"), std::string::npos);
}

TEST_F(SecurityTest, CreateContainerTakesCdiDevicesFromNoAnnotation) {
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("c", kLoop);
  (*config.mutable_annotations())["cdi.k8s.io/x"] = "vendor.com/card=0";
  EXPECT_TRUE(runtime_->CreateContainer(pod, config).ok()) << "it means nothing here";
}

TEST_F(SecurityTest, RunPodSandboxRefusesSysctlsThatAreNotThePodsOwn) {
  const auto refused = [&](const std::string& name, const std::string& value,
                           const std::string& words, bool host_network, bool host_ipc) {
    cri::PodSandboxConfig config = Pod("p");
    (*config.mutable_linux()->mutable_sysctls())[name] = value;
    auto& options =
        *config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    if (host_network) options.set_network(cri::NODE);
    if (host_ipc) options.set_ipc(cri::NODE);
    const base::Result<std::string> made = runtime_->RunPodSandbox(config, "");
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.error().code(), base::Code::kInvalidArgument) << name;
    EXPECT_NE(made.error().message().find(words), std::string::npos) << made.error().message();
    EXPECT_TRUE(runtime_->ListSandboxes().empty());
  };
  const std::string core = os::ReadFile("/proc/sys/kernel/core_pattern").value();
  refused("kernel.core_pattern", "|/x", "does not belong", false, false);
  refused("vm.overcommit_memory", "1", "does not belong", false, false);
  refused("net.ipv4.ip_forward", "1", "host's network", true, false);
  refused("kernel.shmmax", "1", "host's IPC", false, true);
  refused("kernel.shmmax", "1\n2", "control character", false, false);
  refused("net.ipv4.ip_forward", std::string("1\0", 2), "control character", false, false);
  refused("net.ipv4.ip_forward+kernel.core_pattern", "|/x", "not a valid name", false, false);
  refused("net/../kernel/core_pattern", "|/x", "", false, false);
  EXPECT_EQ(os::ReadFile("/proc/sys/kernel/core_pattern").value(), core);
}

TEST_F(SecurityTest, RunPodSandboxTakesNoValueOfTwoLines) {
  const auto refused = [&](const std::function<void(cri::PodSandboxConfig&)>& spoil) {
    cri::PodSandboxConfig config = Pod("p");
    spoil(config);
    const base::Result<std::string> made = runtime_->RunPodSandbox(config, "");
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code(), base::Code::kInvalidArgument) << made.error().message();
    EXPECT_TRUE(runtime_->ListSandboxes().empty());
  };
  refused([](auto& c) { c.set_hostname("a\n127.0.0.1 registry"); });
  refused([](auto& c) { c.mutable_dns_config()->add_servers("10.0.0.1\nsearch evil"); });
  refused([](auto& c) { c.mutable_dns_config()->add_searches("a\nb"); });
  refused([](auto& c) { c.mutable_dns_config()->add_options("a\nb"); });
}

TEST_F(SecurityTest, CreateContainerGivesSupplementalGroupsByThePolicy) {
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/layer/etc/group",
                                  "root:x:0:\nweb:x:33:\nextra:x:77:web\nother:x:88:root\n", 0644)
                  .ok());
  ASSERT_TRUE(os::WriteFileAtomic(
                  dir_.path() + "/layer/etc/passwd",
                  "root:x:0:0::/root:/bin/sh\n33:x:0:0::/:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n",
                  0644)
                  .ok());
  const std::string pod = Start("p");
  struct Case {
    const char* name;
    cri::SupplementalGroupsPolicy policy;
    bool by_name;
    const char* groups;
  };
  for (const Case& one : {Case{"merge", cri::Merge, false, "33 77 5000"},
                          Case{"strict", cri::Strict, false, "33 5000"},
                          Case{"merge-by-name", cri::Merge, true, "33 77 5000"},
                          Case{"strict-by-name", cri::Strict, true, "33 5000"}}) {
    cri::ContainerConfig config = Script(one.name, kLoop);
    if (one.by_name) {
      Of(config).set_run_as_username("web");
    } else {
      Of(config).mutable_run_as_user()->set_value(33);
      Of(config).mutable_run_as_group()->set_value(33);
    }
    Of(config).add_supplemental_groups(5000);
    Of(config).set_supplemental_groups_policy(one.policy);
    const std::string id = Run(pod, config);
    std::vector<std::string> got;
    const std::string out = Out(id, "id -G");
    for (const std::string_view word : base::Split(out, ' ')) got.emplace_back(word);
    std::sort(got.begin(), got.end(), [](const auto& a, const auto& b) {
      return base::ParseInt64(a).value_or(0) < base::ParseInt64(b).value_or(0);
    });
    EXPECT_EQ(base::Join(got, " "), one.groups) << one.name;
    EXPECT_EQ(Out(id, "id -u"), "33") << "a user that is a number is no name";
  }
}

}  // namespace
}  // namespace keelson::cri_server
