// SPDX-License-Identifier: Apache-2.0
// keelson-runtime and Debian's containerd, killed from outside at the same moments of a pod's life:
// the daemon, or the process beside a pod (a monitor, a shim). Ours must lose nothing; what the
// peer loses is counted and printed. KEELSON_MOMENTS: how many deaths each (scripts/crash peer).
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "tests/component/containerd_fixture.h"
#include "tests/crash/moments.h"
#include "tests/crash/points_fixture.h"

namespace keelson::node_test {
namespace {

constexpr int kMostTold = 10;

unsigned long Seed() {
  const char* seed = std::getenv("KEELSON_TEST_SEED");
  return seed != nullptr ? std::strtoul(seed, nullptr, 10) : std::random_device()();
}

// How often each kind of wrong came, by who died.
struct Count {
  int deaths = 0, wrong = 0;
  std::map<std::string, int> kinds;
};

std::map<std::string, Count> Kill(const char* title, Moments& moments, unsigned long seed,
                                  int passes) {
  if (const char* wanted = std::getenv("KEELSON_MOMENTS")) passes = std::atoi(wanted);
  std::fprintf(stderr, "%s: KEELSON_TEST_SEED=%lu KEELSON_MOMENTS=%d\n", title, seed, passes);
  std::map<std::string, Count> counts;
  int told = 0;
  for (int i = 0; i < passes; ++i) {
    const Moments::Death death = moments.Choose();
    const Moments::Outcome outcome = moments.Pass(&death);
    Count& count = counts[death.of_daemon ? "daemon" : "process beside a pod"];
    count.deaths += outcome.died ? 1 : 0;
    if (outcome.kind.empty()) continue;
    ++count.wrong;
    ++count.kinds[outcome.kind];
    if (++told <= kMostTold)
      std::fprintf(stderr, "%s, %s: %s: %s\n", title, moments.Describe(death).c_str(),
                   outcome.kind.c_str(), outcome.what.substr(0, 600).c_str());
  }
  for (const auto& [who, count] : counts) {
    std::fprintf(stderr, "%s: %d deaths of the %s, %d pods harmed\n", title, count.deaths,
                 who.c_str(), count.wrong);
    for (const auto& [kind, times] : count.kinds)
      std::fprintf(stderr, "    %5d %s\n", times, kind.c_str());
  }
  return counts;
}

class MomentsOfKeelson : public PointsTest {};

TEST_F(MomentsOfKeelson, NothingIsLostWheneverOneDies) {
  LoadImage("busybox");
  StartRuntime();
  const std::string marks = dir_.path() + "/marks";
  ASSERT_TRUE(os::MakeDirs(marks, 0755).ok());
  Side side{.runtime = [this]() -> cri_client::RuntimeClient& { return Runtime(); },
            .daemon = [this] { return runtime_ ? runtime_->pid() : 0; },
            .beside_pods =
                [this] {
                  std::vector<pid_t> found;
                  for (const auto& [pid, arguments] : SmallProcesses()) {
                    if (arguments.starts_with("keelson-monitor")) found.push_back(pid);
                  }
                  return found;
                },
            .revive = [this] { return DaemonDied(0) ? Revive() : ""; },
            .left = [this] { return Left(); },
            .clear_away = [this] { ClearAway(); },
            .logs = logs(),
            .cgroup_parent = cgroup_root_,
            .marks = marks};
  const unsigned long seed = Seed();
  Moments moments(side, seed);
  (void)moments.Calibrate();  // makes what stays: the bridge, the rules, the anchor
  trees_before_ = Trees();
  ASSERT_EQ(moments.Calibrate(), "");
  for (const auto& [who, count] : Kill("Keelson", moments, seed, 20))
    EXPECT_EQ(count.wrong, 0) << who;
}

class MomentsOfContainerd : public ContainerdNode {
 protected:
  // What the peer left behind would stay on the machine.
  void TearDown() override {
    if (containerd_) {
      (void)Revive();
      ClearAway();
      for (const int pid : Shims()) (void)kill(pid, SIGKILL);
      auto links = netlink::RouteSocket::Open();
      for (const std::string& link : Links()) (void)links->DeleteLink(link);
      (void)Eventually([&] { return NoGroups(); }, 30);
      for (const std::string& mount : Mounts()) (void)umount2(mount.c_str(), MNT_DETACH);
    }
    ContainerdNode::TearDown();
  }

  std::string Revive() {
    const auto ended = containerd_->WaitFor(std::chrono::milliseconds(0));
    if (!ended.ok() || !*ended) return "";
    SpawnContainerd();
    client_ = cri_client::ConnectRuntime(endpoint_);
    return Eventually([&] { return client_->Version().ok(); }, 60)
               ? ""
               : "containerd does not start again";
  }
  void ClearAway() {
    const auto pods = Runtime().ListPodSandboxes();
    for (const cri::PodSandbox& pod : pods.ok() ? *pods : std::vector<cri::PodSandbox>()) {
      (void)Runtime().StopPodSandbox(pod.id());
      (void)Runtime().RemovePodSandbox(pod.id());
    }
  }
  static std::vector<std::string> Links() {
    std::vector<std::string> found;
    for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value()) {
      if (link.name.starts_with("veth")) found.push_back(link.name);
    }
    return found;
  }
  std::vector<std::string> Groups() {
    std::vector<std::string> found;
    const cgroup::Group group(cgroup::DetectLayout().value(), cgroup_root_);
    std::vector<std::string> directories = group.V1Directories();
    if (!group.UnifiedDirectory().empty()) directories.push_back(group.UnifiedDirectory());
    for (const std::string& directory : directories) {
      for (const os::DirEntry& entry : os::ListDir(directory).ValueOr({})) {
        if (entry.type == DT_DIR) found.push_back(directory + "/" + entry.name);
      }
    }
    return found;
  }
  // Ends whoever is in them.
  bool NoGroups() {
    for (const std::string& group : Groups()) {
      const std::string processes = os::ReadFile(group + "/cgroup.procs").ValueOr("");
      for (const std::string_view pid : base::Split(processes, '\n')) {
        if (const auto number = base::ParseUint64(pid))
          (void)kill(static_cast<pid_t>(*number), SIGKILL);
      }
      (void)rmdir(group.c_str());
    }
    return Groups().empty();
  }
  std::vector<std::string> Mounts() {
    std::vector<std::string> found;
    const std::string mounts = os::ReadFile("/proc/self/mountinfo").ValueOr("");
    for (const std::string_view line : base::Split(mounts, '\n')) {
      if (line.find(run_ + "/") != std::string_view::npos ||
          line.find(root() + "/") != std::string_view::npos)
        found.emplace_back(base::Split(line, ' ')[4]);
    }
    return found;
  }
  // Of the runtime's own, each named once.
  std::set<std::string> Things() {
    std::set<std::string> found;
    const auto files = [&](const std::string& directory, const char* what) {
      for (const os::DirEntry& entry : os::ListDir(directory).ValueOr({}))
        found.insert(std::string(what) + " " + entry.name);
    };
    files(run_ + "/containerd/io.containerd.runtime.v2.task/k8s.io", "bundle");
    files(root() + "/io.containerd.grpc.v1.cri/sandboxes", "sandbox");
    files(root() + "/io.containerd.grpc.v1.cri/containers", "container");
    files(root() + "/io.containerd.snapshotter.v1.overlayfs/snapshots", "snapshot");
    files(run_ + "/addresses/" + id_, "address");
    files("/var/lib/cni/results", "result of a plugin");
    files(run_ + "/containerd/io.containerd.grpc.v1.cri/netns", "netns");
    for (const std::string& link : Links()) found.insert("link " + link);
    for (const std::string& group : Groups()) found.insert("cgroup " + group);
    for (const int pid : Shims()) found.insert("process " + std::to_string(pid));
    for (const std::string& mount : Mounts()) found.insert("mount " + mount);
    return found;
  }
  // What was told once is not told again.
  std::string Left() {
    std::string left;
    std::set<std::string> now;
    (void)Eventually(
        [&] {
          left.clear();
          now = Things();
          for (const std::string& thing : now) {
            if (!known_.contains(thing)) left += thing + "; ";
          }
          return left.empty();
        },
        10);
    known_ = now;
    return left;
  }

  std::set<std::string> known_;
};

TEST_F(MomentsOfContainerd, AreCounted) {
  const std::string marks = dir_.path() + "/marks";
  ASSERT_TRUE(os::MakeDirs(marks, 0755).ok());
  Side side{.runtime = [this]() -> cri_client::RuntimeClient& { return Runtime(); },
            .daemon = [this] { return containerd_->pid(); },
            .beside_pods = [this] { return Shims(); },
            .revive = [this] { return Revive(); },
            .left = [this] { return Left(); },
            .clear_away = [this] { ClearAway(); },
            .logs = logs(),
            .cgroup_parent = cgroup_root_,
            .marks = marks};
  const unsigned long seed = Seed();
  Moments moments(side, seed);
  (void)moments.Calibrate();
  (void)Left();
  ASSERT_EQ(moments.Calibrate(), "");
  int deaths = 0;
  for (const auto& [who, count] : Kill("containerd", moments, seed, 4)) deaths += count.deaths;
  EXPECT_GT(deaths, 0);
}

}  // namespace
}  // namespace keelson::node_test
