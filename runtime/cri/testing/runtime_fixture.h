// SPDX-License-Identifier: Apache-2.0
// Whole pods on the real kernel, for tests: real anchor, monitors, cgroups and bridge, in a network
// and mount namespace of the test's own, one image made of busybox. After each test nothing may be
// left of any pod.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>

#include "cri-api/cri.h"
#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/cri/runtime.h"
#include "runtime/monitor/testing/descendants.h"
#include "runtime/network/bridge_network.h"
#include "runtime/security/defaults.h"

namespace keelson::cri_server {

// Processes of a program with this word on their command line.
inline std::vector<pid_t> ProcessesOf(const std::string& program, const std::string& word) {
  std::vector<pid_t> out;
  for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
    const std::optional<uint64_t> pid = base::ParseUint64(entry.name);
    if (!pid) continue;
    const std::string line = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
    if (line.find(program) != std::string::npos && line.find(word) != std::string::npos)
      out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

class OneImage final : public image::ImageService {
 public:
  explicit OneImage(const std::string& layer) {
    image_.id = "sha256:" + std::string(64, 'a');
    image_.layer_dirs = {layer};
    image_.config.env = {"PATH=/bin"};
    image_.config.command = {"/bin/sh"};
  }
  // While no runtime works with it.
  image::ImageConfig& config() { return image_.config; }
  std::optional<image::Image> Find(const std::string& reference) const override {
    return named && (reference == "busybox" || reference == image_.id) ? std::optional(image_)
                                                                       : std::nullopt;
  }
  std::optional<image::Image> FindHeld(const std::string& id) const override {
    return id == image_.id ? std::optional(image_) : std::nullopt;
  }
  std::vector<image::Image> List() const override { return {image_}; }
  // "endless" ends when nobody wants it any more.
  base::Result<std::string> Pull(const std::string& reference,
                                 const std::optional<fetch::Credentials>&,
                                 std::stop_token stop) override {
    if (reference == "away/app")
      return base::Unavailable("pull image 'away/app': connection refused");
    if (reference != "endless") return image_.id;
    std::unique_lock lock(mutex_);
    ++pulls_begun_;
    changed_.notify_all();
    (void)changed_.wait(lock, stop, [] { return false; });
    return base::Cancelled("nobody wants it any more");
  }
  void WaitForPulls(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return pulls_begun_ >= count; });
  }
  base::Result<std::string> Load(const std::string&, const std::string&) override {
    return image_.id;
  }
  base::Status Remove(const std::string&) override { return {}; }
  base::Result<image::FsUsage> Usage() const override { return image::FsUsage{}; }
  void Hold(const std::string&, const std::string& container_id) override {
    const std::lock_guard lock(mutex_);
    held.insert(container_id);
  }
  void Release(const std::string& container_id) override {
    const std::lock_guard lock(mutex_);
    held.erase(container_id);
  }
  std::set<std::string> held;  // guarded by mutex_ while a runtime works with it
  std::atomic<bool> named = true;

 private:
  image::Image image_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int pulls_begun_ = 0;  // guarded by mutex_
};

// A pod network that can be made to fail.
class BrittleNetwork final : public network::PodNetwork {
 public:
  explicit BrittleNetwork(network::PodNetwork& real) : real_(real) {}
  base::Status Ready() override { return real_.Ready(); }
  base::Result<network::PodAddress> Setup(const network::PodRequest& request) override {
    if (!setup.ok()) return setup.error();
    return real_.Setup(request);
  }
  base::Status Teardown(const std::string& sandbox_id) override {
    return teardown.ok() ? real_.Teardown(sandbox_id) : teardown;
  }
  base::Status CollectGarbage(const std::vector<std::string>& live) override {
    return real_.CollectGarbage(live);
  }
  std::vector<std::string> Notes() override { return real_.Notes(); }
  base::Status setup, teardown;  // set while nothing is under way

 private:
  network::PodNetwork& real_;
};

class RuntimeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() != 0) return;
    // Before any thread: every thread and process of the test lives in it.
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_TRUE(netlink::RouteSocket::Open().value().SetUp(1).ok());
  }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!os::Exists("/bin/busybox")) GTEST_SKIP() << "needs busybox-static";
    run_ = "/run/keelson-test-" + base::RandomHex(4);
    parent_ = "/keelson-test-" + base::RandomHex(4);
    const std::string layer = dir_.path() + "/layer";
    ASSERT_TRUE(os::MakeDirs(layer + "/bin", 0755).ok());
    ASSERT_TRUE(os::MakeDirs(layer + "/etc", 0755).ok());
    ASSERT_TRUE(os::MakeDirs(run_, 0700).ok());
    ASSERT_TRUE(
        os::WriteFileAtomic(layer + "/bin/busybox", os::ReadFile("/bin/busybox").value(), 0755)
            .ok());
    ASSERT_TRUE(os::WriteFileAtomic(layer + "/etc/passwd",
                                    "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n", 0644)
                    .ok());
    for (const char* applet :
         {"sh", "cat", "sleep", "id", "mkdir", "chmod", "touch", "hostname", "nc", "wget", "ls"}) {
      ASSERT_EQ(symlink("busybox", (layer + "/bin/" + applet).c_str()), 0);
    }
    images_ = std::make_unique<OneImage>(layer);
    network_ = network::BridgeNetwork::Create(
                   {"kltest1", "10.201.7.0/24", "10.201.0.0/16", dir_.path() + "/network"})
                   .value();
    brittle_ = std::make_unique<BrittleNetwork>(*network_);
    Boot();
  }
  void TearDown() override {
    if (!runtime_) return;
    for (const SandboxView& pod : runtime_->ListSandboxes()) {
      const base::Status removed = runtime_->RemovePodSandbox(pod.record.id);
      EXPECT_TRUE(removed.ok()) << removed.error().message();
    }
    EXPECT_TRUE(images_->held.empty());
    // Nothing is left of any pod: no link, no namespace, no cgroup, no file.
    for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value()) {
      EXPECT_FALSE(link.name.starts_with("kl") && link.name != "kltest1") << link.name;
    }
    EXPECT_TRUE(os::ListDir(run_ + "/netns").value().empty());
    EXPECT_TRUE(os::ListDir(run_ + "/pods").value().empty());
    EXPECT_TRUE(os::ListDir(dir_.path() + "/pods").value().empty());
    EXPECT_TRUE(os::ListDir(dir_.path() + "/containers").value().empty());
    runtime_.reset();
    EXPECT_TRUE(os::ListDir(dir_.path() + "/trash").value().empty());
    const base::Status stopped = anchor_->Stop();
    EXPECT_TRUE(stopped.ok()) << stopped.error().message();
    if (!stopped.ok()) monitor::KillDescendants();
    anchor_.reset();
    EXPECT_TRUE(network_->RemoveAll().ok());
    EXPECT_TRUE(cgroup::Group(cgroup::DetectLayout().value(), parent_).Remove().ok());
    while (umount2((run_ + "/netns").c_str(), MNT_DETACH) == 0) {
    }
    // The anchor unlinks its socket on its way out.
    EXPECT_TRUE(Eventually([&] { return !os::Exists(run_ + "/anchor.sock"); }));
    EXPECT_TRUE(os::RemoveTree(run_).ok());
  }

  // A daemon's life begins; the one before is gone without a word to anybody.
  void Boot() {
    runtime_.reset();
    anchor_.reset();
    base::Result<std::unique_ptr<monitor::Anchor>> anchor = monitor::ConnectAnchor(
        {run_, dir_.path(), base::BinDir(), [this] { return MonitorPatience(); }});
    ASSERT_TRUE(anchor.ok()) << anchor.error().message();
    anchor_ = std::move(anchor).value();
    MakeRuntime();
    const base::Status recovered = runtime_->Recover();
    ASSERT_TRUE(recovered.ok()) << recovered.error().message();
  }

  void MakeRuntime() {
    runtime_ =
        std::make_unique<Runtime>(Dependencies{dir_.path(),
                                               run_,
                                               clock_,
                                               *anchor_,
                                               *brittle_,
                                               *images_,
                                               seccomp_,
                                               profiles_,
                                               cgroup::DetectLayout().value(),
                                               security::AvailableCapabilities().value(),
                                               boot_id_,
                                               operations_,
                                               {base::BinDir() + "/keelson-volume"},
                                               base::BinDir() + "/keelson-namespaces",
                                               "",
                                               apparmor_,
                                               {dir_.path() + "/cdi", dir_.path() + "/cdi-later"},
                                               groups_,
                                               "",
                                               handlers_});
  }

  cri::PodSandboxConfig Pod(const std::string& name) {
    cri::PodSandboxConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_uid("uid-" + name);
    config.mutable_metadata()->set_namespace_("default");
    config.set_hostname(name);
    config.set_log_directory(dir_.path() + "/logs/" + name);
    config.mutable_linux()->set_cgroup_parent(parent_ + "/" + name);
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
        cri::CONTAINER);
    return config;
  }
  cri::ContainerConfig Script(const std::string& name, const std::string& script) {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_image()->set_image("busybox");
    for (const std::string& word : {std::string("sh"), std::string("-c"), script})
      config.add_command(word);
    config.set_log_path(name + "/0.log");
    auto& security = *config.mutable_linux()->mutable_security_context();
    security.mutable_namespace_options()->set_pid(cri::CONTAINER);
    security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    return config;
  }
  std::string Run(const std::string& pod, const cri::ContainerConfig& config) {
    const base::Result<std::string> id = runtime_->CreateContainer(pod, config);
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    if (!id.ok()) return "";
    const base::Status started = runtime_->StartContainer(*id);
    EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message());
    return *id;
  }
  container::ContainerRecord WaitForExit(const std::string& id) {
    container::ContainerRecord record;
    const bool ended = Eventually([&] {
      record = runtime_->GetContainer(id).value().record;
      return record.state == container::ContainerState::kExited;
    });
    EXPECT_TRUE(ended) << id << " does not end";
    return record;
  }
  static bool Eventually(const std::function<bool()>& condition) {
    const base::SteadyTime deadline = base::SystemClock().Steady() + std::chrono::seconds(60);
    while (!condition()) {
      if (base::SystemClock().Steady() > deadline) return condition();
      (void)poll(nullptr, 0, 10);
    }
    return true;
  }
  std::string Log(const std::string& pod, const std::string& name) {
    return os::ReadFile(dir_.path() + "/logs/" + pod + "/" + name + "/0.log").ValueOr("");
  }
  // Once `text` is in it: an exit is told without its whole log where writing that takes long.
  std::string LogWith(const std::string& pod, const std::string& name, const std::string& text) {
    EXPECT_TRUE(Eventually([&] { return Log(pod, name).find(text) != std::string::npos; }))
        << "no \"" << text << "\" in:\n"
        << Log(pod, name);
    return Log(pod, name);
  }
  // Short with a monitor that is stopped, so that no other loses its time on a slow machine.
  std::chrono::milliseconds MonitorPatience() const {
    return stuck_ != 0 && IsStopped(stuck_) ? patience_with_stuck_ : std::chrono::minutes(30);
  }
  static bool IsStopped(pid_t pid) {
    const std::string stat = os::ReadFile("/proc/" + std::to_string(pid) + "/stat").ValueOr("");
    return stat.find(") T ") != std::string::npos;
  }
  // The pod's monitor, which answers nothing from now on.
  pid_t Stuck(const std::string& pod) {
    const std::vector<pid_t> monitors = ProcessesOf("keelson-monitor", pod);
    EXPECT_EQ(monitors.size(), 1u);
    if (monitors.empty()) return -1;
    EXPECT_EQ(kill(monitors.front(), SIGSTOP), 0);
    EXPECT_TRUE(Eventually([&] { return IsStopped(monitors.front()); }));
    stuck_ = monitors.front();
    return monitors.front();
  }
  std::string profiles_root() const { return dir_.path() + "/seccomp"; }
  std::string Start(const std::string& name) {
    const base::Result<std::string> id = runtime_->RunPodSandbox(Pod(name), "");
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    return id.ok() ? *id : "";
  }

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-runtime")).value();
  std::string run_, parent_;
  std::string boot_id_ = "first";
  std::atomic<pid_t> stuck_ = 0;  // a monitor that the test has stopped
  std::chrono::milliseconds patience_with_stuck_{1'000};
  base::SystemClock clock_;
  security::DefaultPrograms seccomp_;
  security::AppArmor apparmor_;
  std::vector<handlers::Handler> handlers_;  // from the next Boot() on
  security::LocalProfiles profiles_{dir_.path() + "/seccomp"};
  std::unique_ptr<OneImage> images_;
  std::unique_ptr<network::BridgeNetwork> network_;
  std::unique_ptr<BrittleNetwork> brittle_;
  std::unique_ptr<monitor::Anchor> anchor_;
  operations::Operations operations_{clock_};
  std::shared_ptr<pod_group::PodGroups> groups_;  // none: cgroupfs
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace keelson::cri_server
