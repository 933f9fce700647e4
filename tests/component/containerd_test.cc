// SPDX-License-Identifier: Apache-2.0
// The kubelet on another runtime: Debian's containerd.
#include <gmock/gmock.h>
#include <signal.h>

#include "lib/http/client/client.h"
#include "lib/os/files.h"
#include "tests/component/containerd_fixture.h"

namespace keelson::node_test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class ContainerdTest : public ContainerdNode {
 protected:
  // A container's id as the runtime names it.
  std::string IdOf(const std::string& pod, const std::string& container) {
    const std::string url = Container(pod, container).At({"containerID"}).AsString();
    const size_t scheme = url.find("://");
    return scheme == std::string::npos ? "" : url.substr(scheme + 3);
  }
};

TEST_F(ContainerdTest, TheWebPodRunsWholeOnContainerd) {
  StartKubelet();
  std::string manifest = Example("web.yaml");
  manifest.insert(manifest.find("  volumes:"), "  terminationGracePeriodSeconds: 1\n");
  manifest +=
      "      readinessProbe:\n        exec: {command: [test, -s, /pages/index.html]}\n        "
      "periodSeconds: 1\n"
      "      livenessProbe:\n        exec: {command: [test, -d, /pages]}\n        periodSeconds: "
      "1\n";
  // On an emulated machine an exec through containerd's shim and runc takes longer than the second
  // that a probe has by default, and the kubelet would rightly restart the container.
  const std::string period = "        periodSeconds: ", limit = "        timeoutSeconds: 30\n";
  for (size_t at = manifest.find(period); at != std::string::npos;
       at = manifest.find(period, at + limit.size() + period.size()))
    manifest.insert(at, limit);
  PutManifest("web.yaml", manifest);
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }, 120))
      << Get("/pods") << Get("/explain/default/web-node");
  const std::string address = Status("web").At({"podIP"}).AsString();
  EXPECT_TRUE(address.starts_with("10.198.7.")) << address;
  const auto page =
      http::Client().PerformToString({.url = "http://" + address + "/index.html"}, 1 << 20);
  ASSERT_TRUE(page.ok()) << page.error().message();
  EXPECT_THAT(page->second, HasSubstr("Hello from Keelson"));
  EXPECT_THAT(page->second, HasSubstr("written by web-node"));
  ASSERT_TRUE(Eventually([&] { return LogLines("web", "writer").size() > 2; }));
  const std::vector<std::string> lines = LogLines("web", "writer");
  EXPECT_THAT(lines,
              testing::Each(MatchesRegex("[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+) std(out|err) F .*")));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("stdout F Hello from Keelson, page")));

  // One that is killed is made again, and nothing else.
  const std::string nginx = IdOf("web", "nginx"), writer = IdOf("web", "writer");
  const os::CommandResult killed = Ctr({"tasks", "kill", "--signal", "SIGKILL", nginx});
  ASSERT_EQ(killed.status.code(), 0) << killed.err;
  ASSERT_TRUE(Eventually([&] {
    return Container("web", "nginx").At({"restartCount"}).AsInt() == 1 && IsReady("web");
  })) << Get("/pods");
  EXPECT_EQ(Container("web", "nginx").At({"lastState", "terminated", "exitCode"}).AsInt(), 137);
  EXPECT_EQ(Container("web", "writer").At({"restartCount"}).AsInt(), 0);
  EXPECT_EQ(IdOf("web", "writer"), writer);
  const std::string again = IdOf("web", "nginx");
  EXPECT_NE(again, nginx);

  // The kubelet killed and started: everything as it was.
  const std::string sandbox = Runtime().ListPodSandboxes().value().at(0).id();
  StopKubelet(SIGKILL);
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); })) << Get("/pods");
  const size_t before = LogLines("web", "writer").size();
  ASSERT_TRUE(Eventually([&] { return LogLines("web", "writer").size() > before + 3; }));
  EXPECT_EQ(IdOf("web", "nginx"), again);
  EXPECT_EQ(IdOf("web", "writer"), writer);
  EXPECT_EQ(Container("web", "nginx").At({"restartCount"}).AsInt(), 1);
  EXPECT_EQ(Container("web", "writer").At({"restartCount"}).AsInt(), 0);
  ASSERT_EQ(Runtime().ListPodSandboxes().value().size(), 1u);
  EXPECT_EQ(Runtime().ListPodSandboxes().value().at(0).id(), sandbox);

  RemoveManifest("web.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); }))
      << Get("/pods") << Get("/explain/default/web-node");
  EXPECT_TRUE(Eventually([&] { return os::ListDir(logs()).value().empty(); }));
}

}  // namespace
}  // namespace keelson::node_test
