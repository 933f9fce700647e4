// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/points_fixture.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <set>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/socket.h"

namespace keelson::node_test {
namespace {

constexpr std::chrono::seconds kPatience{30};

// Every file and folder below, by path.
void Collect(const std::string& path, std::string& into) {
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(path);
  if (!entries.ok()) return;
  for (const os::DirEntry& entry : *entries) {
    const std::string below = path + "/" + entry.name;
    into += below + "\n";
    if (entry.type == DT_DIR) Collect(below, into);
  }
}

}  // namespace

void PointsTest::SetUp() {
#ifndef KEELSON_DEBUG
  GTEST_SKIP() << "this build has no fail points";
#endif
  NodeTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  environment_ = {points_.Environment()};
}

void PointsTest::TearDown() {
  points_.Disarm();
  if (!IsSkipped() && !HasFailure()) {
    EXPECT_EQ(points_.Stranger(), "");
  }
  NodeTest::TearDown();
}

bool PointsTest::DaemonDied(int milliseconds) {
  if (!runtime_) return true;
  const auto ended = runtime_->WaitFor(std::chrono::milliseconds(milliseconds));
  if (!ended.ok() || !*ended) return false;
  runtime_.reset();
  return true;
}

bool PointsTest::DaemonAnswers() { return os::ConnectUnix(run_ + "/cri.sock", SOCK_STREAM).ok(); }

std::string PointsTest::Revive() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!runtime_) {
    const uint64_t deaths = points_.Deaths();
    if (second_ != nullptr) points_.Arm(*std::exchange(second_, nullptr));
    SpawnRuntime();
    client_ = nullptr;
    while (runtime_ && !DaemonAnswers()) {
      if (DaemonDied(5) && points_.Deaths() == deaths) return "the daemon does not start again";
      if (std::chrono::steady_clock::now() > deadline) return "the daemon does not answer";
    }
  }
  if (!client_) client_ = cri_client::ConnectRuntime(run_ + "/cri.sock");
  return "";
}

std::string ListsWrong(cri_client::RuntimeClient& runtime) {
  const auto pods = runtime.ListPodSandboxes();
  const auto containers = runtime.ListContainers();
  if (!pods.ok()) return "ListPodSandbox: " + pods.error().message();
  if (!containers.ok()) return "ListContainers: " + containers.error().message();
  std::set<std::string> ids, names;
  for (const cri::PodSandbox& pod : *pods) {
    if (!ids.insert(pod.id()).second) return "pod " + pod.id() + " is listed twice";
    if (pod.state() == cri::SANDBOX_READY && !names.insert(pod.metadata().uid()).second)
      return "two pods of " + pod.metadata().uid() + " are ready";
    const auto status = runtime.PodSandboxStatus(pod.id());
    if (!status.ok()) return "PodSandboxStatus: " + status.error().message();
    if (status->state() != pod.state()) return "list and status of pod " + pod.id() + " differ";
  }
  names.clear();
  for (const cri::Container& container : *containers) {
    if (!ids.contains(container.pod_sandbox_id()))
      return "container " + container.id() + " is listed without its pod";
    if (!names.insert(container.pod_sandbox_id() + container.metadata().name()).second)
      return "container " + container.metadata().name() + " is there twice";
    const auto status = runtime.ContainerStatus(container.id());
    if (!status.ok()) return "ContainerStatus: " + status.error().message();
    if (container.state() == cri::CONTAINER_UNKNOWN)
      return "container " + container.metadata().name() + " is in an unknown state";
  }
  return "";
}

PointsTest::Pass PointsTest::RunPass(const std::vector<Step>& steps, const points::Aim* aim) {
  Pass pass;
  struct stat log{};
  log_begin_ = stat((dir_.path() + "/runtime.log").c_str(), &log) == 0
                   ? static_cast<size_t>(log.st_size)
                   : 0;
  deaths_before_ = points_.Deaths();
  if (aim != nullptr) points_.Arm(*aim);
  uint64_t looked = deaths_before_;
  for (const Step& step : steps) {
    const auto say = [&](const std::string& what) { pass.wrong = step.name + ": " + what; };
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      if (DaemonDied(0)) {
        if (const std::string down = Revive(); !down.empty()) {
          say(down);
          break;
        }
      }
      if (const uint64_t deaths = points_.Deaths(); deaths != looked) {
        looked = deaths;
        std::string lists = ListsWrong(Runtime());
        if (!lists.empty() && !DaemonDied(200)) {
          say("after the restart: " + lists);
          break;
        }
        if (!runtime_) continue;
      }
      const uint64_t daemons = points_.Deaths("keelson-runtime");
      const base::Status done = step.ask();
      if (done.ok()) break;
      // Its answer was lost with it, or it could not be given without the one that died.
      const bool lost = DaemonDied(points_.Deaths("keelson-runtime") != daemons ? 10'000 : 0);
      // As a kubelet does, which asks again: a monitor's successor is on its way.
      if ((lost || points_.Deaths() != deaths_before_) &&
          std::chrono::steady_clock::now() < deadline) {
        (void)poll(nullptr, 0, 5);
        continue;
      }
      say(done.error().message());
      break;
    }
    if (pass.wrong.empty() && !DaemonDied(0)) {
      if (std::string wrong = step.wrong(); !wrong.empty() && !DaemonDied(200)) say(wrong);
    }
    if (!pass.wrong.empty()) break;
  }
  points_.Disarm();
  pass.died = points_.Deaths() != deaths_before_;
  // Armed until now, it may die of what it does behind the caller.
  for (int tries = 0; pass.wrong.empty() && tries < 2; ++tries) {
    if (DaemonDied(0)) pass.wrong = Revive();
    if (pass.wrong.empty()) pass.wrong = ListsWrong(Runtime());
    if (pass.wrong.empty() || !DaemonDied(200)) break;
    pass.wrong.clear();
  }
  if (pass.wrong.empty()) {
    if (std::string left = Left(); !left.empty()) pass.wrong = "left behind: " + left;
  }
  return pass;
}

std::string PointsTest::Trees() const {
  std::string text;
  Collect(state(), text);
  Collect(run(), text);
  return text;
}

std::string PointsTest::LeftNow() {
  std::string left;
  const auto none = [&](const char* what, const auto& list) {
    if (list.ok() && !list->empty()) left += std::string(what) + " ";
  };
  none("pods", Runtime().ListPodSandboxes());
  none("containers", Runtime().ListContainers());
  if (const std::string now = Trees(); now != trees_before_) {
    std::set<std::string_view> before;
    for (const std::string_view line : base::Split(trees_before_, '\n')) before.insert(line);
    for (const std::string_view line : base::Split(now, '\n')) {
      if (!before.erase(line)) left += std::string(line) + " ";
    }
    for (const std::string_view line : before) left += "(gone: " + std::string(line) + ") ";
  }
  for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value()) {
    if (link.name != "lo" && link.name != "kl" + id_) left += "link " + link.name + " ";
  }
  const std::string mounts = os::ReadFile("/proc/self/mountinfo").ValueOr("");
  for (const std::string_view line : base::Split(mounts, '\n')) {
    if (line.find(run_ + "/netns/") != std::string_view::npos)
      left += "mount " + std::string(line) + " ";
  }
  for (const auto& [pid, arguments] : SmallProcesses()) {
    if (arguments.find("keelson-anchor") == std::string::npos)
      left += "process " + std::to_string(pid) + " " + arguments + " ";
  }
  const cgroup::Group group(cgroup::DetectLayout().value(), cgroup_root_);
  std::vector<std::string> directories = group.V1Directories();
  if (!group.UnifiedDirectory().empty()) directories.push_back(group.UnifiedDirectory());
  for (const std::string& directory : directories) {
    for (const os::DirEntry& entry : os::ListDir(directory).ValueOr({})) {
      if (entry.type == DT_DIR) left += "cgroup " + directory + "/" + entry.name + " ";
    }
  }
  return left;
}

std::string PointsTest::Left() {
  std::string left;
  (void)Eventually(
      [&] {
        left = LeftNow();
        return left.empty();
      },
      20);
  return left;
}

void PointsTest::ClearAway() {
  points_.Disarm();
  if (DaemonDied(0)) (void)Revive();
  const auto pods = Runtime().ListPodSandboxes();
  for (const cri::PodSandbox& pod : pods.ok() ? *pods : std::vector<cri::PodSandbox>()) {
    (void)Runtime().StopPodSandbox(pod.id());
    (void)Runtime().RemovePodSandbox(pod.id());
  }
  (void)Eventually([&] { return LeftNow().empty(); }, 5);
  for (const auto& [pid, arguments] : SmallProcesses()) {
    if (arguments.find("keelson-anchor") == std::string::npos) (void)kill(pid, SIGKILL);
  }
  trees_before_ = Trees();  // what is left was told once
}

}  // namespace keelson::node_test
