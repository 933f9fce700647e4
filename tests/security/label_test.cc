// SPDX-License-Identifier: Apache-2.0
// Class L, and what stands in for devices: writes to procfs, masks and consoles that an image or a
// volume would like to lead elsewhere.
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "lib/os/process.h"
#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

class LabelCase : public SecurityCase {
 protected:
  void SetUp() override {
    SecurityCase::SetUp();
    if (!runtime_) return;
    apparmor_ = security::PrepareAppArmor(run_);
    if (!apparmor_.enabled || apparmor_.default_profile.empty())
      GTEST_SKIP() << "this kernel has no AppArmor, or there is no apparmor_parser";
    service_.reset();  // the runtime that it serves goes
    Boot();
  }
  // A volume that looks like a procfs, its files open to all.
  std::string FakeProc() {
    const std::string fake = MakeVolume("fake");
    for (const char* place : {"/self/attr/apparmor", "/1/attr/apparmor"})
      EXPECT_TRUE(os::MakeDirs(fake + place, 0777).ok());
    for (const char* file : {"/self/attr/apparmor/exec", "/1/attr/apparmor/exec", "/1/attr/exec"})
      Write(fake + file, "", 0666);
    return fake;
  }
};

using Cve_2019_16884 = LabelCase;
TEST_F(Cve_2019_16884, AVolumeOverProcTakesNoLabel) {
  const std::string fake = FakeProc();
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Script("c", "while true; do sleep 1; done");
  AddVolume(config, fake, "/proc");
  const std::string id = runtime_->CreateContainer(pod, config).value();
  if (runtime_->StartContainer(id).ok()) {
    const std::string pid = std::to_string(runtime_->GetContainer(id).value().record.pid);
    EXPECT_EQ(os::ReadFile("/proc/" + pid + "/attr/current").value(),
              "keelson-default (enforce)\n");
  }
  for (const char* file : {"/self/attr/apparmor/exec", "/1/attr/apparmor/exec", "/1/attr/exec"})
    EXPECT_EQ(os::ReadFile(fake + file).value(), "") << file;
}

using Cve_2025_52881 = LabelCase;
TEST_F(Cve_2025_52881, AWriteToProcfsIsLedToNoOtherFileOfIt) {
  // Where the label belongs lies a link: to a setting of the kernel, in a volume that is exchanged.
  const std::string fake = FakeProc();
  for (const char* place : {"/1/attr/apparmor/exec", "/self/attr/apparmor/exec"}) {
    ASSERT_TRUE(os::RemoveFile(fake + place).ok());
    Link(canary() + "/file", fake + place);
  }
  MakeCanarysTwinInImage();
  Write(layer() + canary() + "/file", "untouched in the image", 0666);
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Next("cat " + canary() + "/file");
  AddVolume(config, fake, "/proc");
  const auto said = Says(pod, config);
  if (said) {
    EXPECT_EQ(*said, "untouched in the image\n");
  }
}

class MaskCase : public SecurityCase {};

using Cve_2021_43816 = MaskCase;
TEST_F(Cve_2021_43816, AFileOfTheHostGetsNoLabelBecauseARequestSaysSo) {
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Next("exit 0");
  AddVolume(config, canary() + "/file", "/etc/hosts");
  AddVolume(config, canary(), "/v");
  for (cri::Mount& mount : *config.mutable_mounts()) mount.set_selinux_relabel(true);
  (void)Says(pod, config);
  char label[64];
  for (const std::string& path : {canary() + "/file", canary(), canary() + "/in"})
    EXPECT_LT(getxattr(path.c_str(), "security.selinux", label, sizeof label), 0) << path;
}

using Cve_2025_31133 = MaskCase;
TEST_F(Cve_2025_31133, AMaskIsTheNullDeviceOrNothingStarts) {
  Write(layer() + "/etc/secret", "secret");
  Write(layer() + "/etc/evil", "evil");
  const std::string pod = Start("p");
  Watch();
  for (const char* kind : {"link", "file"}) {
    const std::string dev = MakeVolume(std::string("dev-") + kind);
    if (kind == std::string("link")) {
      Link("/etc/evil", dev + "/null");
    } else {
      Write(dev + "/null", "evil");
    }
    cri::ContainerConfig config = Next("cat /etc/secret");
    AddVolume(config, dev, "/dev");
    SecurityOf(config).add_masked_paths("/etc/secret");
    const auto said = Says(pod, config);
    if (said) {
      EXPECT_EQ(*said, "") << kind;
    }
  }
}

TEST_F(Cve_2025_31133, AVolumeThatExchangesItsNullDeviceUnmasksNothing) {
  Write(layer() + "/etc/secret", "secret");
  Write(layer() + "/etc/evil", "evil");
  const std::string dev = MakeVolume("dev");
  ASSERT_EQ(mknod((dev + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  Link("/etc/evil", dev + "/other");
  const std::string pod = Start("p");
  Watch();
  const Exchange exchange(dev + "/null", dev + "/other");
  for (int i = 0; i < (IsLong() ? 500 : 12); ++i) {
    cri::ContainerConfig config = Next("cat /etc/secret");
    AddVolume(config, dev, "/dev");
    SecurityOf(config).add_masked_paths("/etc/secret");
    const auto said = Says(pod, config);
    if (said) {
      EXPECT_EQ(*said, "");
    }
  }
}

using Cve_2025_52565 = MaskCase;
TEST_F(Cve_2025_52565, TheConsoleIsTheTerminalItselfAndNoNumberInAFolder) {
  // The host's terminals as a volume: the number that a fresh folder would begin with is another's.
  const int other = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(other, 0);
  ASSERT_EQ(unlockpt(other), 0);
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config =
      Next("busybox stat -L -c %t:%T /dev/console; busybox stat -L -c %t:%T /proc/self/fd/0");
  config.set_tty(true);
  AddVolume(config, "/dev/pts", "/dev/pts");
  const auto said = Says(pod, config);
  if (said) {
    const std::string text = *said;
    const size_t half = text.find('\n');
    ASSERT_NE(half, std::string::npos) << text;
    EXPECT_EQ(text.substr(0, half + 1), text.substr(half + 1)) << "console and terminal differ";
    EXPECT_TRUE(text.starts_with("88:")) << text;
  }
  close(other);
}

using Cve_2025_62161 = MaskCase;
TEST_F(Cve_2025_62161, MaskedAndReadOnlyPathsThatAreExchangedLeadNowhere) {
  const std::string volume = MakeVolume("volume");
  ASSERT_TRUE(os::MakeDirs(volume + "/real", 0777).ok());
  ASSERT_TRUE(os::MakeDirs(volume + "/real/in", 0777).ok());
  Write(volume + "/real/file", "x", 0666);
  Link(WayOut(), volume + "/link");
  OpenToOwners();
  const std::string pod = Start("p");
  Watch();
  for (const std::string& one : {pod, StartWithOwners("owners")}) {
    const Exchange exchange(volume + "/real", volume + "/link");
    Watch();
    for (int i = 0; i < (IsLong() ? 500 : 8); ++i) {
      cri::ContainerConfig config = Next("exit 0");
      AddVolume(config, volume, "/v");
      // Below the place where the working directory is made: a cover there would hide it.
      SecurityOf(config).add_masked_paths("/v/real/file");
      SecurityOf(config).add_masked_paths("/v/real/in");
      SecurityOf(config).add_readonly_paths("/v/real/in");
      config.set_working_dir("/v/real/made");
      (void)Says(one, config);
    }
  }
}

TEST_F(Cve_2025_62161, AMaskThroughALinkOfTheImageCoversWhatTheContainerSees) {
  MakeCanarysTwinInImage();
  Write(layer() + canary() + "/secret", "secret");
  Write(canary() + "/secret", "the host's");
  Link(WayOut(), layer() + "/folder");
  OpenToOwners();
  for (const std::string& pod : {Start("p"), StartWithOwners("owners")}) {
    Watch();
    cri::ContainerConfig config = Next("cat " + canary() + "/secret; echo end");
    SecurityOf(config).add_masked_paths("/folder/secret");
    EXPECT_EQ(Says(pod, config), "end\n");
    ExpectHostUntouched();
  }
}

}  // namespace
}  // namespace keelson::security_tests
