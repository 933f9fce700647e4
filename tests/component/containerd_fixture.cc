// SPDX-License-Identifier: Apache-2.0
#include "tests/component/containerd_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>

#include "lib/base/strings.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"

namespace keelson::node_test {
namespace {

using std::chrono::seconds;

constexpr const char* kContainerd = "/usr/bin/containerd";
constexpr const char* kPlugins = "/usr/lib/cni";
constexpr const char* kPauseRepository = "keelson.invalid/pause";

}  // namespace

void ContainerdNode::SetUpTestSuite() {
  NodeTest::SetUpTestSuite();
  if (geteuid() != 0) return;
  // What its parts put into fixed places, whatever the configuration says: sockets of shims,
  // runc's state, results of plugins.
  for (const char* place : {"/run/containerd", "/var/lib/cni", "/run/netns"}) Cover(place);
}

void ContainerdNode::TearDownTestSuite() {
  for (const std::string& place : covered_) {  // was made only for that
    (void)umount2(place.c_str(), MNT_DETACH);
    (void)rmdir(place.c_str());
  }
}

void ContainerdNode::SetUp() {
  NodeTest::SetUp();
  if (IsSkipped()) return;
  for (const char* program :
       {kContainerd, "/usr/bin/ctr", "/usr/sbin/runc", "/usr/lib/cni/bridge", "/usr/bin/umoci"}) {
    if (access(program, X_OK) != 0)
      GTEST_SKIP() << "needs " << program << " (scripts/test installs it)";
  }
  for (const std::string& directory : {run_, run_ + "/cni", dir_.path() + "/containerd"})
    ASSERT_TRUE(os::MakeDirs(directory, 0755).ok());
  endpoint_ = run_ + "/containerd.sock";
  Configure();
  StartContainerd();
  if (HasFatalFailure()) return;
  ImportImages();
}

void ContainerdNode::TearDown() {
  StopKubelet(SIGKILL);
  if (HasFailure())
    std::fprintf(stderr, "--- containerd.log\n%s",
                 os::ReadFile(dir_.path() + "/containerd.log").ValueOr("").c_str());
  if (client_ != nullptr) RemoveEveryPod();
  if (containerd_) {
    EXPECT_TRUE(containerd_->Signal(SIGTERM).ok());
    EXPECT_TRUE(containerd_->WaitFor(seconds(60)).ValueOr(std::nullopt).has_value());
    containerd_.reset();
  }
  EXPECT_TRUE(Eventually([&] { return Shims().empty(); }));  // each goes a moment after its pod
  for (const int pid : Shims()) (void)kill(pid, SIGKILL);
  (void)umount2((dir_.path() + "/containerd").c_str(), MNT_DETACH);
  for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value()) {
    EXPECT_FALSE(link.name.starts_with("veth")) << link.name;
  }
  (void)netlink::RouteSocket::Open().value().DeleteLink("kc" + id_);
  NodeTest::TearDown();
}

os::CommandResult ContainerdNode::Ctr(std::vector<std::string> words) {
  words.insert(words.begin(), {"/usr/bin/ctr", "--address", endpoint_, "--namespace", "k8s.io"});
  return Command(std::move(words), seconds(120));
}

void ContainerdNode::Cover(const char* place) {
  const bool was_there = os::Exists(place);
  ASSERT_TRUE(os::MakeDirs(place, 0755).ok());
  ASSERT_EQ(mount("tmpfs", place, "tmpfs", 0, "mode=755"), 0) << place;
  if (!was_there) covered_.push_back(place);
}

void ContainerdNode::Configure() {
  const bool apparmor =
      os::ReadFile("/sys/module/apparmor/parameters/enabled").ValueOr("").starts_with("Y");
  const std::string text =
      std::string("version = 2\n") + "root = '" + dir_.path() + "/containerd'\nstate = '" + run_ +
      "/containerd'\n" +
      "disabled_plugins = ['io.containerd.snapshotter.v1.btrfs', "
      "'io.containerd.snapshotter.v1.zfs', 'io.containerd.snapshotter.v1.devmapper', "
      "'io.containerd.snapshotter.v1.aufs', 'io.containerd.internal.v1.opt', "
      "'io.containerd.internal.v1.tracing', 'io.containerd.tracing.processor.v1.otlp']\n"
      "[grpc]\naddress = '" +
      endpoint_ + "'\n[ttrpc]\naddress = '" + endpoint_ +
      ".ttrpc'\n[debug]\nlevel = 'info'\n"
      "[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = '" +
      kPauseRepository +
      ":1'\nrestrict_oom_score_adj = true\nnetns_mounts_under_state_dir = true\n"
      "disable_tcp_service = true\ndisable_apparmor = " +
      (apparmor ? "false" : "true") +
      "\n"
      "[plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dir = '" +
      kPlugins + "'\nconf_dir = '" + run_ +
      "/cni'\n"
      "[plugins.'io.containerd.grpc.v1.cri'.containerd]\ndefault_runtime_name = 'runc'\n"
      "[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc]\nruntime_type = "
      "'io.containerd.runc.v2'\n"
      "[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options]\nSystemdCgroup = "
      "false\n";
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/containerd.toml", text, 0644).ok());
  const std::string network =
      "{\"cniVersion\": \"0.4.0\", \"name\": \"" + id_ +
      "\", \"plugins\": [{\"type\": \"bridge\", \"bridge\": \"kc" + id_ +
      "\", \"isGateway\": true, \"ipMasq\": false, \"ipam\": {\"type\": \"host-local\", "
      "\"dataDir\": \"" +
      run_ +
      "/addresses\", "
      "\"ranges\": [[{\"subnet\": \"10.198.7.0/24\"}]], \"routes\": [{\"dst\": "
      "\"0.0.0.0/0\"}]}}, "
      "{\"type\": \"portmap\", \"capabilities\": {\"portMappings\": true}}]}\n";
  ASSERT_TRUE(os::WriteFileAtomic(run_ + "/cni/10-test.conflist", network, 0644).ok());
}

void ContainerdNode::SpawnContainerd() {
  const os::UniqueFd log =
      os::Open(dir_.path() + "/containerd.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
          .value();
  base::Result<os::ChildProcess> started = os::ChildProcess::Spawn(
      {.argv = {kContainerd, "--config", dir_.path() + "/containerd.toml"},
       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR=" + dir_.path()},
       .fds = {{log.get(), 1}, {log.get(), 2}},
       .new_session = true});
  ASSERT_TRUE(started.ok()) << started.error().message();
  containerd_ = std::move(started).value();
}

void ContainerdNode::StartContainerd() {
  SpawnContainerd();
  client_ = cri_client::ConnectRuntime(endpoint_);
  ASSERT_TRUE(Eventually([&] { return client_->Version().ok(); }))
      << os::ReadFile(dir_.path() + "/containerd.log").ValueOr("");
}

void ContainerdNode::Import(const std::string& layout, const std::string& repository,
                            const std::string& tag) {
  const std::string archive = dir_.path() + "/image.tar", name = repository + ":" + tag;
  const os::CommandResult packed =
      Command({"/bin/tar", "-C", layout, "-cf", archive, "."}, seconds(120));
  ASSERT_EQ(packed.status.code(), 0) << packed.err;
  const os::CommandResult imported = Ctr({"images", "import", "--base-name", repository, archive});
  ASSERT_EQ(imported.status.code(), 0) << imported.out << imported.err;
  ASSERT_TRUE(os::RemoveFile(archive).ok());
  ASSERT_TRUE(Eventually([&] {
    const auto present = Runtime().ImageStatus(name);
    return present.ok() && present->has_image();
  }));
}

void ContainerdNode::ImportImages() {
  for (const std::string name : {"busybox", "nginx"})
    Import(ImageLayout(name), "docker.io/library/" + name, "demo");
  // The sandbox's own: busybox that sleeps.
  const std::string layout = dir_.path() + "/pause";
  const os::CommandResult copied =
      Command({"/bin/cp", "-a", ImageLayout("busybox"), layout}, seconds(60));
  ASSERT_EQ(copied.status.code(), 0) << copied.err;
  const os::CommandResult changed = Command(
      {"/usr/bin/umoci", "config", "--image", layout + ":demo", "--tag", "1", "--config.entrypoint",
       "/bin/sleep", "--clear", "config.cmd", "--config.cmd", "1000000"},
      seconds(60));
  ASSERT_EQ(changed.status.code(), 0) << changed.err;
  Import(layout, kPauseRepository, "1");
}

void ContainerdNode::RemoveEveryPod() {
  const auto pods = Runtime().ListPodSandboxes();
  for (const cri::PodSandbox& pod : pods.ok() ? *pods : std::vector<cri::PodSandbox>()) {
    EXPECT_TRUE(Runtime().StopPodSandbox(pod.id()).ok());
    EXPECT_TRUE(Runtime().RemovePodSandbox(pod.id()).ok());
  }
}

std::vector<int> ContainerdNode::Shims() {
  std::vector<int> found;
  for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
    const auto pid = base::ParseUint64(entry.name);
    if (pid && os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("").find(endpoint_) !=
                   std::string::npos)
      found.push_back(static_cast<int>(*pid));
  }
  return found;
}

}  // namespace keelson::node_test
