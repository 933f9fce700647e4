// SPDX-License-Identifier: Apache-2.0
// A container that changes paths under the runtime's feet: links and directories are exchanged as
// fast as the kernel can while containers start over them and commands run in them. Whatever
// happens to those starts, the host stays as it was.
#include <fcntl.h>
#include <stdio.h>

#include <atomic>
#include <thread>

#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

class RaceTest : public RuntimeTest {
 protected:
  // Exchanges two names of one directory until it is told to stop.
  class Exchange {
   public:
    Exchange(std::string one, std::string other)
        : thread_([this, one = std::move(one), other = std::move(other)] {
            while (!stop_)
              (void)renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
          }) {}
    ~Exchange() {
      stop_ = true;
      thread_.join();
    }

   private:
    std::atomic<bool> stop_ = false;
    std::thread thread_;
  };

  void SetUp() override {
    RuntimeTest::SetUp();
    if (!runtime_) return;
    // What a link that got out would reach: a directory and a file of the host, and a setting of
    // its kernel.
    canary_ = dir_.path() + "/canary";
    volume_ = dir_.path() + "/volume";
    ASSERT_TRUE(os::MakeDirs(canary_ + "/in", 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(canary_ + "/file", "untouched", 0644).ok());
    ASSERT_TRUE(os::MakeDirs(volume_ + "/real", 0777).ok());
  }
  static std::string Mounts() { return os::ReadFile("/proc/self/mountinfo").value(); }
  void ExpectHostUntouched(const std::string& mounts, const std::string& setting) {
    EXPECT_EQ(os::ReadFile(canary_ + "/file").ValueOr(""), "untouched");
    EXPECT_EQ(os::ListDir(canary_).value().size(), 2u);
    EXPECT_TRUE(os::ListDir(canary_ + "/in").value().empty());
    EXPECT_EQ(Mounts(), mounts);
    EXPECT_EQ(os::ReadFile("/proc/sys/kernel/core_pattern").value(), setting);
  }
  static void AddVolume(cri::ContainerConfig& config, const std::string& from,
                        const std::string& to) {
    cri::Mount& mount = *config.add_mounts();
    mount.set_host_path(from);
    mount.set_container_path(to);
  }

  std::string canary_, volume_;
};

TEST_F(RaceTest, MountPlacesThatBecomeLinksLeadNowhere) {
  const std::string pod = Start("p");
  const std::string mounts = Mounts();
  const std::string setting = os::ReadFile("/proc/sys/kernel/core_pattern").value();
  // Upwards and out, by an absolute path, and through a magic link.
  for (const std::string& target :
       {"../../../../../../../.." + canary_, canary_, std::string("/proc/1/root") + canary_,
        std::string("/proc/self/cwd/..")}) {
    ASSERT_EQ(symlink(target.c_str(), (volume_ + "/link").c_str()), 0);
    int started = 0;
    {
      const Exchange exchange(volume_ + "/real", volume_ + "/link");
      for (int i = 0; i < 15; ++i) {
        cri::ContainerConfig config = Script("c", "exit 0");
        config.mutable_metadata()->set_attempt(static_cast<uint32_t>(i));
        AddVolume(config, volume_, "/v");
        AddVolume(config, dir_.path() + "/layer/etc", "/v/real/in");
        config.set_working_dir("/v/real/work");
        const std::string id = runtime_->CreateContainer(pod, config).value();
        if (runtime_->StartContainer(id).ok()) {
          ++started;
          (void)WaitForExit(id);
        }
        EXPECT_TRUE(runtime_->RemoveContainer(id).ok());
      }
    }
    (void)started;  // a start may be refused; what it may not is reach out
    ExpectHostUntouched(mounts, setting);
    // The names may have been left exchanged.
    struct stat st{};
    if (lstat((volume_ + "/real").c_str(), &st) == 0 && S_ISLNK(st.st_mode)) {
      ASSERT_EQ(renameat2(AT_FDCWD, (volume_ + "/real").c_str(), AT_FDCWD,
                          (volume_ + "/link").c_str(), RENAME_EXCHANGE),
                0);
    }
    ASSERT_EQ(unlink((volume_ + "/link").c_str()), 0);
  }
}

TEST_F(RaceTest, MaskedAndReadOnlyPathsThatBecomeLinksLeadNowhere) {
  const std::string pod = Start("p");
  const std::string mounts = Mounts();
  const std::string setting = os::ReadFile("/proc/sys/kernel/core_pattern").value();
  ASSERT_TRUE(os::WriteFileAtomic(volume_ + "/real/file", "x", 0666).ok());
  ASSERT_EQ(symlink(("../../../../../../../.." + canary_).c_str(), (volume_ + "/link").c_str()), 0);
  const Exchange exchange(volume_ + "/real", volume_ + "/link");
  for (int i = 0; i < 30; ++i) {
    cri::ContainerConfig config = Script("c", "exit 0");
    config.mutable_metadata()->set_attempt(static_cast<uint32_t>(i));
    AddVolume(config, volume_, "/v");
    cri::LinuxContainerSecurityContext& security =
        *config.mutable_linux()->mutable_security_context();
    security.add_masked_paths("/v/real/file");
    security.add_masked_paths("/v/real");
    security.add_readonly_paths("/v/real");
    const std::string id = runtime_->CreateContainer(pod, config).value();
    if (runtime_->StartContainer(id).ok()) (void)WaitForExit(id);
    EXPECT_TRUE(runtime_->RemoveContainer(id).ok());
  }
  ExpectHostUntouched(mounts, setting);
}

TEST_F(RaceTest, CommandsEnterWhateverTheContainerDoesToItsOwnPaths) {
  cri::ContainerConfig config =
      Script("c",
             "mkdir /a; busybox ln -s /proc/1/root /b; while true; do busybox mv -T /a /x; busybox "
             "mv -T /b /a; busybox mv -T /x /b; "
             "busybox mv -T /a /x; busybox mv -T /b /a; busybox mv -T /x /b; done 2>/dev/null");
  const std::string id = Run(Start("p"), config);
  const std::string mounts = Mounts();
  for (int i = 0; i < 30; ++i) {
    const base::Result<ExecOutput> output = runtime_->ExecSync(
        id, {"sh", "-c", "cd /a 2>/dev/null; busybox readlink /proc/self/cwd; ls " + canary_},
        std::chrono::seconds(60));
    ASSERT_TRUE(output.ok()) << output.error().message();
    EXPECT_EQ(output->out.find("unreachable"), std::string::npos) << output->out;
    EXPECT_NE(output->exit_code, 0) << "the host's directory is seen: " << output->out;
  }
  EXPECT_EQ(Mounts(), mounts);
}

}  // namespace
}  // namespace keelson::cri_server
