// SPDX-License-Identifier: Apache-2.0
// A whole node under systemd: daemons with the cgroup driver systemd, in the lab machine that is
// booted for it.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>

#include "cri-api/cri.h"
#include "lib/base/strings.h"
#include "lib/http/client/client.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SystemdNodeTest : public NodeTest {
 protected:
  void SetUp() override {
    if (os::ReadFile("/proc/1/comm").ValueOr("") != "systemd\n")
      GTEST_SKIP() << "systemd is not process 1 here";
    if (!os::Exists("/run/lab/command")) GTEST_SKIP() << "runs in the lab machine only";
    NodeTest::SetUp();
    root_ = "keelson_test_" + id_;
  }
  void TearDown() override {
    if (run_.empty()) return;
    NodeTest::TearDown();
    (void)Command({"systemctl", "stop", root_ + ".slice"}, std::chrono::seconds(60));
    EXPECT_THAT(Units(), ElementsAre(""));
  }
  void Begin(const std::string& settings) {
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/config/runtime.yaml", settings, 0644).ok());
    LoadImage("busybox");
    StartRuntime();
    StartKubelet();
  }
  // Whatever of the daemons and of their pods systemd knows.
  static std::vector<std::string> Units() {
    const std::string text =
        Command({"systemctl", "list-units", "--all", "--plain", "--no-legend", "keelson*"},
                std::chrono::seconds(60))
            .out;
    std::vector<std::string> units;
    for (const std::string_view line : base::Split(text, '\n'))
      units.emplace_back(line.substr(0, line.find(' ')));
    return units;
  }

  std::string root_;
};

TEST_F(SystemdNodeTest, AStaticPodLivesWhereUpstreamsKubeletAndCadvisorLookForIt) {
  const std::string socket = run_ + "/crio.sock";
  Begin("cgroup-driver: systemd\ncrio-socket: " + socket + "\n");
  EXPECT_EQ(Runtime().RuntimeConfig().value().linux().cgroup_driver(), cri::SYSTEMD);
  PutManifest("pod.yaml", BusyboxPod("cosy", "echo up; exec sleep 1000"));
  ASSERT_TRUE(Eventually([&] { return IsReady("cosy"); }, 120)) << DaemonLogs();
  const std::string sandbox = Runtime().ListPodSandboxes().value().at(0).id();
  const std::string container = Runtime().ListContainers().value().at(0).id();
  std::string uid = Uid("cosy");
  std::ranges::replace(uid, '-', '_');
  const std::string tier = root_ + "-kubepods-besteffort";
  const std::string group = "/" + root_ + ".slice/" + root_ + "-kubepods.slice/" + tier +
                            ".slice/" + tier + "-pod" + uid + ".slice/keelson-" + sandbox +
                            ".scope/crio-" + container + ".scope";
  EXPECT_NE(os::ReadFile("/sys/fs/cgroup" + group + "/cgroup.procs").ValueOr(""), "") << group;
  const auto info = http::Client().PerformToString(
      {.url = "http://localhost/info", .unix_socket = socket}, 1 << 20);
  ASSERT_TRUE(info.ok()) << info.error().message();
  EXPECT_THAT(info->second, HasSubstr("\"cgroup_driver\":\"systemd\""));

  // Neither end of a daemon is one of its pods, and the next one goes on with them.
  StopRuntime(SIGKILL);
  StopKubelet(SIGKILL);
  StartRuntime();
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("cosy"); }, 120)) << DaemonLogs();
  EXPECT_EQ(Runtime().ListContainers().value().at(0).id(), container);

  RemoveManifest("pod.yaml");
  ASSERT_TRUE(Eventually([&] { return IsGone(); }, 120)) << DaemonLogs();
  ASSERT_TRUE(Eventually([&] {
    for (const std::string& unit : Units()) {
      if (unit.find(uid) != std::string::npos || unit.find(sandbox) != std::string::npos)
        return false;
    }
    return true;
  }));
}

}  // namespace
}  // namespace keelson::node_test
