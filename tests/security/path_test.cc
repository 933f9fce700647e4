// SPDX-License-Identifier: Apache-2.0
// Class P: a path that leads elsewhere by the time it is used, or from the beginning.
#include <filesystem>

#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

class PathCase : public SecurityCase {
 protected:
  void SetUp() override {
    SecurityCase::SetUp();
    if (!runtime_) return;
    volume_ = MakeVolume("volume");
    ASSERT_TRUE(os::MakeDirs(volume_ + "/real", 0777).ok());
    ASSERT_EQ(chmod((volume_ + "/real").c_str(), 0777), 0);
  }
  // Starts containers over `place` below the volume while volume/real and a link to `target` are
  // exchanged. A start may be refused; what it may not is reach out.
  void Race(const std::string& pod, const std::string& target,
            const std::function<void(cri::ContainerConfig&, int)>& form, int starts) {
    Link(target, volume_ + "/link");
    {
      const Exchange exchange(volume_ + "/real", volume_ + "/link");
      for (int i = 0; i < starts; ++i) {
        cri::ContainerConfig config = Next("exit 0");
        AddVolume(config, volume_, "/v");
        form(config, i);
        (void)Says(pod, config);
      }
    }
    ASSERT_EQ(unlink((volume_ + "/link").c_str()), 0);
  }
  static int Starts() { return IsLong() ? 250 : 6; }

  std::string volume_;
};

using Cve_2021_30465 = PathCase;
TEST_F(Cve_2021_30465, MountDestinationExchangedWhileContainersStart) {
  const std::string pod = Start("p");
  Watch();
  for (const std::string& target : {WayOut(), canary(), "/proc/1/root" + canary()}) {
    Race(
        pod, target,
        [&](cri::ContainerConfig& config, int i) {
          AddVolume(config, layer() + "/etc", "/v/real/made-" + std::to_string(i));
        },
        Starts());
    ExpectHostUntouched();
  }
}

using Cve_2024_45310 = PathCase;
TEST_F(Cve_2024_45310, FoldersOnTheWayToAMountPlaceAreMadeInside) {
  const std::string pod = Start("p");
  Watch();
  Race(
      pod, WayOut(),
      [&](cri::ContainerConfig& config, int i) {
        AddVolume(config, layer() + "/etc", fmt::format("/v/real/{}/deep/deeper/place", i));
        AddVolume(config, layer() + "/etc/passwd", fmt::format("/v/real/{}-file/deep/place", i));
      },
      2 * Starts());
}

using Cve_2019_19921 = PathCase;
TEST_F(Cve_2019_19921, AContainerExchangesPathsOfAVolumeThatAnotherStartsOver) {
  const std::string pod = Start("p");
  cri::ContainerConfig attacker =
      Script("attacker",
             "cd /v; mkdir inside; while true; do busybox ln -s inside a; busybox mv "
             "-T a place; busybox ln -s " +
                 WayOut() + " b; busybox mv -T b place; done 2>/dev/null");
  AddVolume(attacker, volume_, "/v");
  const std::string id = Run(pod, attacker);
  ASSERT_TRUE(Eventually([&] { return os::Exists(volume_ + "/place"); }));
  Watch();
  for (int i = 0; i < 3 * Starts(); ++i) {
    cri::ContainerConfig victim = Next("exit 0");
    AddVolume(victim, volume_, "/v");
    AddVolume(victim, layer() + "/etc", "/v/place/made-" + std::to_string(i));
    (void)Says(pod, victim);
  }
  ASSERT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
}

// An image brings a link at `place`, with what it leads to in the image as well: a mount there is
// inside, or refused.
using Cve_2019_18837 = PathCase;
TEST_F(Cve_2019_18837, SysOfTheImageIsALink) {
  MakeCanarysTwinInImage();
  Link(WayOut(), layer() + "/sys");
  const std::string pod = Start("p");
  Watch();
  const auto said = Says(pod, Next("busybox stat -f -c %T /sys; ls /sys"));
  if (!said) return;  // refused is as good
  EXPECT_TRUE(said->starts_with("sysfs")) << *said;
  EXPECT_EQ(said->find("file"), std::string::npos) << *said;
}

using Cve_2023_27561 = PathCase;
TEST_F(Cve_2023_27561, ProcOfTheImageIsALink) {
  MakeCanarysTwinInImage();
  Link(WayOut(), layer() + "/proc");
  for (const std::string& pod : {Start("p"), StartWithOwners("owners")}) {
    Watch();
    const auto said = Says(pod, Next("busybox stat -f -c %T /proc; ls /proc"));
    if (said) {
      EXPECT_TRUE(said->starts_with("proc\n1\n")) << *said;
    }
    ExpectHostUntouched();
  }
}

using Cve_2023_28642 = PathCase;
TEST_F(Cve_2023_28642, ProcOfTheImageIsALinkIntoAVolumeOfItsOwn) {
  // What was mended for a link to a folder came back for a link whose target the image controls.
  Link("/v/proc", layer() + "/proc");
  Link(WayOut(), volume_ + "/proc");
  MakeCanarysTwinInImage();
  for (const std::string& pod : {Start("p"), StartWithOwners("owners")}) {
    Watch();
    cri::ContainerConfig config = Next("busybox stat -f -c %T /proc");
    AddVolume(config, volume_, "/v");
    const auto said = Says(pod, config);
    if (said) {
      EXPECT_EQ(*said, "proc\n");
    }
    ExpectHostUntouched();
  }
}

using Cve_2026_41579 = PathCase;
TEST_F(Cve_2026_41579, DevOfTheImageIsALink) {
  MakeCanarysTwinInImage();
  Link(WayOut(), layer() + "/dev");
  const std::string pod = Start("p");
  Watch();
  const auto said = Says(pod, Next("busybox stat -L -c %t:%T /dev/null /dev/pts/ptmx"));
  if (said) {
    EXPECT_EQ(*said, "1:3\n5:2\n");
  }
}

using Cve_2026_47766 = PathCase;
TEST_F(Cve_2026_47766, FolderOfADeviceOfTheImageIsALink) {
  // Devices are made below /dev alone by default; one that is asked for may lie anywhere.
  Link(WayOut(), layer() + "/lib");
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Next("exit 0");
  cri::Device& device = *config.add_devices();
  device.set_host_path("/dev/zero");
  device.set_container_path("/lib/made/zero");
  device.set_permissions("r");
  (void)Says(pod, config);
}

using Cve_2024_5154 = PathCase;
TEST_F(Cve_2024_5154, EtcOfTheImageIsALink) {
  ASSERT_TRUE(os::RemoveTree(layer() + "/etc").ok());
  Link(WayOut(), layer() + "/etc");
  cri::PodSandboxConfig config = Pod("p");
  config.mutable_dns_config()->add_servers("10.0.0.10");
  const std::string pod = runtime_->RunPodSandbox(config, "").value();
  Watch();
  (void)Says(pod, Next("exit 0"));
}

TEST_F(Cve_2024_5154, MtabHostsAndResolvConfOfTheImageAreLinks) {
  for (const char* name : {"mtab", "hosts", "resolv.conf", "hostname"})
    Link(WayOut() + "/file", layer() + "/etc/" + name);
  cri::PodSandboxConfig config = Pod("p");
  config.mutable_dns_config()->add_servers("10.0.0.10");
  const std::string pod = runtime_->RunPodSandbox(config, "").value();
  Watch();
  (void)Says(pod, Next("echo overwritten >/etc/hosts; echo overwritten >/etc/resolv.conf"));
}

using Cve_2025_24965 = PathCase;
TEST_F(Cve_2025_24965, AFileOfTheRuntimesIsPutBelowALinkOfTheImage) {
  Link(WayOut(), layer() + "/run");
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Next("exit 0");
  AddVolume(config, layer() + "/etc/passwd", "/run/configuration.json");
  (void)Says(pod, config);
}

using Cve_2026_55686 = PathCase;
TEST_F(Cve_2026_55686, WorkingDirectoryOfTheImageGoesThroughALink) {
  Link(WayOut(), layer() + "/folder");
  images_->config().working_dir = "/folder/made";
  OpenToOwners();
  for (const std::string& pod : {Start("p"), StartWithOwners("owners")}) {
    Watch();
    (void)Says(pod, Next("exit 0"));
    ExpectHostUntouched();
  }
}

using Cve_2024_1753 = PathCase;
TEST_F(Cve_2024_1753, PathBelowAnImageVolumeIsALink) {
  MakeCanarysTwinInImage();
  Link(WayOut(), layer() + "/out");
  const std::string pod = Start("p");
  Watch();
  for (const char* below : {"out", "out/file", "./out/in/..", "../canary"}) {
    cri::ContainerConfig config = Next("cat /vol/file /vol");
    cri::Mount& mount = *config.add_mounts();
    mount.set_container_path("/vol");
    mount.mutable_image()->set_image("busybox");
    mount.set_readonly(true);
    mount.set_image_sub_path(below);
    const auto said = Says(pod, config);
    if (said) {
      EXPECT_EQ(said->find("untouched"), std::string::npos) << below << ": " << *said;
    }
  }
}

using Cve_2024_23652 = PathCase;
TEST_F(Cve_2024_23652, RemovingAContainerFollowsNoLinkThatItMade) {
  const std::string pod = Start("p");
  const std::string id =
      Run(pod, Script("c", "mkdir /a; busybox ln -s " + WayOut() + " /a/out; busybox ln -s " +
                               canary() + " /b; exit 0"));
  (void)WaitForExit(id);
  for (const char* link : {"/a/out", "/b"}) {
    EXPECT_TRUE(std::filesystem::is_directory(dir_.path() + "/containers/" + id + "/diff" + link))
        << "the container has made no link that leads out";
  }
  Watch();
  EXPECT_TRUE(runtime_->RemoveContainer(id).ok());
  // It goes in the background.
  EXPECT_TRUE(Eventually([&] { return os::ListDir(dir_.path() + "/trash").value().empty(); }));
}

using Cve_2025_0750 = PathCase;
TEST_F(Cve_2025_0750, LogPathLeadsOutOfThePodsFolder) {
  cri::PodSandboxConfig pod_config = Pod("p");
  pod_config.set_log_directory(MakeVolume("logs"));
  const std::string pod = runtime_->RunPodSandbox(pod_config, "").value();
  Link(canary(), dir_.path() + "/logs/link");
  Watch();
  for (const std::string path :
       {"../canary/in/log", "link/log", "a/../../canary/log", "link/in/x"}) {
    cri::ContainerConfig config = Next("echo written");
    config.set_log_path(path);
    EXPECT_NE(Refusal(pod, config), "") << path;
    ExpectHostUntouched();
  }
  // The last name is a link to a file.
  Link(canary() + "/file", dir_.path() + "/logs/last");
  cri::ContainerConfig config = Next("echo written");
  config.set_log_path("last");
  const std::string id = runtime_->CreateContainer(pod, config).value();
  if (runtime_->StartContainer(id).ok()) (void)WaitForExit(id);
  EXPECT_TRUE(runtime_->RemoveContainer(id).ok());
}

}  // namespace
}  // namespace keelson::security_tests
