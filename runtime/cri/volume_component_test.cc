// SPDX-License-Identifier: Apache-2.0
// Volumes of containers on the real kernel: images, propagation both ways, read-only all the way
// down. Named after the calls.
#include "runtime/cri/convert.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

class VolumeTest : public RuntimeTest {
 protected:
  static constexpr const char* kLoop = "while true; do sleep 1; done";
  cri::ContainerConfig With(const std::string& name, const cri::Mount& mount) {
    cri::ContainerConfig config = Script(name, kLoop);
    *config.add_mounts() = mount;
    return config;
  }
  static cri::Mount OfImage(const std::string& sub_path) {
    cri::Mount mount;
    mount.set_container_path("/v");
    mount.mutable_image()->set_image("busybox");
    mount.set_image_sub_path(sub_path);
    return mount;
  }
  static cri::Mount OfHost(const std::string& path, cri::MountPropagation propagation) {
    cri::Mount mount;
    mount.set_container_path("/v");
    mount.set_host_path(path);
    mount.set_propagation(propagation);
    return mount;
  }
  int Do(const std::string& id, const std::string& script) {
    const base::Result<ExecOutput> done =
        runtime_->ExecSync(id, {"sh", "-c", script}, std::chrono::seconds(60));
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message());
    return done.ok() ? done->exit_code : -1;
  }
  void Refused(const std::string& pod, const cri::ContainerConfig& config,
               const std::string& words) {
    const base::Result<std::string> made = runtime_->CreateContainer(pod, config);
    ASSERT_FALSE(made.ok()) << words;
    EXPECT_NE(made.error().message().find(words), std::string::npos) << made.error().message();
    EXPECT_TRUE(runtime_->ListContainers(pod).empty());
  }
};

TEST_F(VolumeTest, CreateContainerMountsImagesReadOnly) {
  const std::string pod = Start("p");
  cri::ContainerConfig config = With("c", OfImage(""));
  cri::Mount& folder = *config.add_mounts() = OfImage("bin");
  folder.set_container_path("/folder");
  folder.add_mount_options("noexec");
  config.add_mounts()->CopyFrom(OfImage("etc/passwd"));
  config.mutable_mounts(2)->set_container_path("/file");
  const std::string id = Run(pod, config);
  EXPECT_EQ(Do(id, "/v/bin/busybox true"), 0);
  EXPECT_NE(Do(id, "touch /v/x"), 0);
  EXPECT_NE(Do(id, "echo x >>/v/etc/passwd"), 0);
  EXPECT_EQ(Do(id, "test -x /folder/busybox"), 0);
  EXPECT_NE(Do(id, "/folder/busybox true"), 0) << "noexec";
  EXPECT_EQ(Do(id, "grep -q ^web: /file"), 0);
  EXPECT_NE(Do(id, "echo x >>/file"), 0);
  const cri::ContainerStatus status = ToStatus(runtime_->GetContainer(id).value());
  EXPECT_EQ(status.mounts(0).image().image(), "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(status.mounts(1).image_sub_path(), "bin");
  EXPECT_TRUE(status.mounts(0).readonly());
}

TEST_F(VolumeTest, CreateContainerSaysWhyAnImageCannotBeMounted) {
  const std::string pod = Start("p");
  Refused(pod, With("c", OfImage("nowhere")), "ImageVolumeMountFailed");
  Refused(pod, With("c", OfImage("../etc")), "ImageVolumeMountFailed");
  Refused(pod, With("c", OfImage("/etc")), "ImageVolumeMountFailed");
  cri::Mount mount = OfImage("");
  mount.mutable_image()->set_image("never/pulled");
  Refused(pod, With("c", mount), "ImageVolumeMountFailed");
  mount = OfImage("");
  mount.set_propagation(cri::PROPAGATION_BIDIRECTIONAL);
  Refused(pod, With("c", mount), "ImageVolumeMountFailed");
}

TEST_F(VolumeTest, RemoveImageTakesNoVolumeAwayThatIsInUse) {
  const std::string pod = Start("p");
  const std::string id = runtime_->CreateContainer(pod, With("c", OfImage("bin"))).value();
  images_->named = false;
  Boot();
  const base::Status started = runtime_->StartContainer(id);
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ(Do(id, "test -x /v/busybox"), 0);
  EXPECT_TRUE(images_->held.contains(id + "/volume-0"));
  EXPECT_TRUE(runtime_->RemoveContainer(id).ok());
  EXPECT_TRUE(images_->held.empty());
}

TEST_F(VolumeTest, CreateContainerRefusesRecursiveReadOnlyThatCannotBe) {
  const std::string pod = Start("p");
  cri::Mount mount = OfHost(dir_.path(), cri::PROPAGATION_PRIVATE);
  mount.set_recursive_read_only(true);
  Refused(pod, With("c", mount), "RROUnsupported");
  mount.set_readonly(true);
  mount.set_propagation(cri::PROPAGATION_HOST_TO_CONTAINER);
  Refused(pod, With("c", mount), "RROUnsupported");
  mount.set_propagation(cri::PROPAGATION_BIDIRECTIONAL);
  Refused(pod, With("c", mount), "RROUnsupported");
  mount = OfHost(dir_.path(), cri::PROPAGATION_PRIVATE);
  mount.add_mount_options("suid");
  Refused(pod, With("c", mount), "mount_options");
}

TEST_F(VolumeTest, StartContainerSharesMountsMadeInsideOnlyWhereAsked) {
  const std::string volume = dir_.path() + "/volume";
  ASSERT_TRUE(os::MakeDirs(volume, 0755).ok());
  ASSERT_EQ(mount("volume", volume.c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(mount(nullptr, volume.c_str(), nullptr, MS_SHARED, nullptr), 0);
  for (const char* name : {"private", "slave", "shared"})
    ASSERT_TRUE(os::MakeDirs(volume + "/" + name, 0755).ok());
  cri::PodSandboxConfig config = Pod("p");
  config.mutable_linux()->mutable_security_context()->set_privileged(true);
  const std::string pod = runtime_->RunPodSandbox(config, "").value();
  const auto host_sees = [&](const std::string& place) {
    return os::ReadFile("/proc/self/mountinfo").value().find(" " + volume + "/" + place + " ") !=
           std::string::npos;
  };
  for (const auto& [name, propagation] : {std::pair{"private", cri::PROPAGATION_PRIVATE},
                                          {"slave", cri::PROPAGATION_HOST_TO_CONTAINER},
                                          {"shared", cri::PROPAGATION_BIDIRECTIONAL}}) {
    cri::ContainerConfig container = With(name, OfHost(volume, propagation));
    container.mutable_linux()->mutable_security_context()->set_privileged(true);
    const std::string id = Run(pod, container);
    EXPECT_EQ(Do(id, fmt::format("busybox mount -t tmpfs inside /v/{}", name)), 0) << name;
    EXPECT_EQ(host_sees(name), std::string(name) == "shared") << name;
  }
  EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  ASSERT_EQ(umount2((volume + "/shared").c_str(), MNT_DETACH), 0);
  ASSERT_EQ(umount2(volume.c_str(), MNT_DETACH), 0);
}

TEST_F(VolumeTest, StartContainerFollowsLinksOfTheHostAndNamesWhatIsMissing) {
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/real", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/real/file", "x", 0644).ok());
  ASSERT_EQ(symlink("real", (dir_.path() + "/link").c_str()), 0);
  const std::string pod = Start("p");
  const std::string id =
      Run(pod, With("c", OfHost(dir_.path() + "/link", cri::PROPAGATION_PRIVATE)));
  EXPECT_EQ(Do(id, "test -f /v/file"), 0);
  const std::string missing =
      runtime_
          ->CreateContainer(pod, With("m", OfHost(dir_.path() + "/none", cri::PROPAGATION_PRIVATE)))
          .value();
  const base::Status refused = runtime_->StartContainer(missing);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("/none' does not exist"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(runtime_->GetContainer(missing).value().record.reason, "StartError");
}

}  // namespace
}  // namespace keelson::cri_server
