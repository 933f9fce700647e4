// SPDX-License-Identifier: Apache-2.0
// AppArmor where the kernel enforces it, and CDI devices; named after the calls.
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

}  // namespace
}  // namespace keelson::cri_server
