// SPDX-License-Identifier: Apache-2.0
// The `keelson` command as a program, on a node of the real daemons: what a person sees of pods
// that do well and of those that don't.
#include <gmock/gmock.h>

#include "lib/base/testing/places.h"
#include "lib/json/value.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kGood = R"(apiVersion: v1
kind: Pod
metadata: {name: good}
spec:
  containers:
    - {name: main, image: "docker.io/library/busybox:demo", command: [sh, -c, "echo begun; while true; do sleep 1; done"]}
    - {name: crashing, image: "docker.io/library/busybox:demo", command: [sh, -c, "echo no luck; echo out of luck >/dev/termination-log; exit 3"]}
)";

class KeelsonTest : public NodeTest {
 protected:
  os::CommandResult Keelson(std::vector<std::string> words) {
    words.insert(words.begin(), base::BinDir() + "/keelson");
    const auto done = os::RunCommand({.argv = std::move(words),
                                      .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                              "KEELSON_KUBELET_SOCKET=" + run() + "/kubelet.sock",
                                              "KEELSON_RUNTIME_SOCKET=" + run() + "/cri.sock"}},
                                     "", std::chrono::seconds(60));
    EXPECT_TRUE(done.ok()) << done.error().message();
    return done.ok() ? *done : os::CommandResult{};
  }
  std::string Ps() { return Keelson({"ps", "-c"}).out; }
};

TEST_F(KeelsonTest, ShowsAndReachesPods) {
  EXPECT_THAT(Keelson({"ps"}).err,
              AllOf(HasSubstr("is keelson-kubelet running?"), HasSubstr(run())));
  LoadImage("busybox");
  StartRuntime();
  StartKubelet();
  PutManifest("good.yaml", kGood);
  PutManifest("bad.yaml",
              "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {colour: red}\n");
  // The second crash: after the first one it is started again at once.
  std::string pods;
  ASSERT_TRUE(Eventually([&] {
    pods = Ps();
    return pods.find("CrashLoopBackOff   1 (") != std::string::npos;
  })) << pods;
  EXPECT_THAT(pods, AllOf(HasSubstr("good-node"), HasSubstr("1/2"), HasSubstr("exit 3, Error"),
                          HasSubstr("out of luck")));
  EXPECT_EQ(json::ParseJson(Keelson({"ps", "-o", "json"}).out)->At({"items"}).items().size(), 1u);

  // What a container has said is in its log a moment later.
  EXPECT_TRUE(Eventually([&] { return Keelson({"logs", "good", "main"}).out == "begun\n"; }));
  EXPECT_TRUE(Eventually([&] {
    return Keelson({"logs", "good", "-c", "crashing", "--tail", "1"}).out == "no luck\n";
  }));
  EXPECT_TRUE(Eventually([&] {  // of the run that has just ended
    return Keelson({"logs", "-p", "good", "-c", "crashing"}).out == "no luck\n";
  }));
  EXPECT_THAT(Keelson({"logs", "-p", "good", "-c", "main"}).err,
              HasSubstr("previous terminated container \"main\""));
  EXPECT_THAT(Keelson({"explain", "pod", "good"}).out,
              AllOf(HasSubstr("good-node"), HasSubstr("crashing")));
  EXPECT_THAT(Keelson({"explain", "bad"}).err, HasSubstr("unknown field \"spec.colour\""));

  const os::CommandResult inside = Keelson(
      {"exec", "good", "-c", "main", "--", "sh", "-c", "hostname; echo remark >&2; exit 7"});
  EXPECT_EQ(inside.status.code(), 7);
  EXPECT_EQ(inside.out, "good-node\n");
  EXPECT_EQ(inside.err, "remark\n");
  EXPECT_EQ(
      Keelson({"exec", "good", "-c", "main", "--timeout", "1s", "--", "sleep", "60"}).status.code(),
      124);
  EXPECT_EQ(Keelson({"exec", "good", "-c", "main", "--", "nosuch"}).status.code(), 125);

  EXPECT_THAT(Keelson({"images"}).out, HasSubstr("docker.io/library/busybox   demo"));
  const os::CommandResult refused = Keelson({"rmi", "busybox:demo"});
  EXPECT_EQ(refused.status.code(), 1);
  EXPECT_THAT(refused.err, HasSubstr("is used by default/good-node/"));
  EXPECT_THAT(Keelson({"pull", "127.0.0.1:9/none:1"}).err,
              HasSubstr("pull image 127.0.0.1:9/none:1: "));
  EXPECT_THAT(Keelson({"doctor"}).out, AllOf(HasSubstr("keelson 0"), HasSubstr("healthy, 1 pods")));
}

}  // namespace
}  // namespace keelson::node_test
