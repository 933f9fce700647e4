// SPDX-License-Identifier: Apache-2.0
// What a user does with a cluster of one node, by kubectl: all processes are the real ones.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/strings.h"
#include "lib/http/client/client.h"
#include "lib/os/files.h"
#include "tests/cluster/joined_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A terminal that somebody sits at, with a program in it.
class Terminal {
 public:
  base::Status Start(std::vector<std::string> words, std::vector<std::string> environment) {
    own_ = os::UniqueFd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[64];
    if (!own_.valid() || grantpt(own_.get()) != 0 || unlockpt(own_.get()) != 0 ||
        ptsname_r(own_.get(), name, sizeof name) != 0)
      return base::Error::FromErrno(errno, "open a terminal");
    ASSIGN_OR_RETURN(const os::UniqueFd theirs, os::Open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    base::Result<os::ChildProcess> program =
        os::ChildProcess::Spawn({.argv = std::move(words),
                                 .env = std::move(environment),
                                 .fds = {{theirs.get(), 0}, {theirs.get(), 1}, {theirs.get(), 2}}});
    if (!program.ok()) return program.error();
    program_.emplace(std::move(program).value());
    return {};
  }
  base::Status Type(const std::string& text) {
    if (write(own_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      return base::Error::FromErrno(errno, "write to the terminal");
    return {};
  }
  // All that was shown until now.
  const std::string& Shown() {
    char buffer[4096];
    for (pollfd ready{own_.get(), POLLIN, 0}; poll(&ready, 1, 0) > 0;) {
      const ssize_t got = read(own_.get(), buffer, sizeof buffer);
      ended_ = got < 0 && errno == EIO;
      if (got <= 0) break;
      shown_.append(buffer, static_cast<size_t>(got));
    }
    return shown_;
  }
  // Whether nobody has it open any more.
  bool Ended() {
    (void)Shown();
    return ended_;
  }

 private:
  os::UniqueFd own_;
  std::optional<os::ChildProcess> program_;
  std::string shown_;
  bool ended_ = false;
};

class RealNodeTest : public JoinedNode {
 protected:
  void RunWeb(int replicas, int grace_seconds = 1) {
    Apply(Web("web", replicas, grace_seconds));
    ASSERT_EQ(TryKubectl({"rollout", "status", "deployment/web", "--timeout=150s"}).status.code(),
              0)
        << Kubectl({"describe", "pods"}) << Kubectl({"describe", "nodes"});
    const std::string names =
        Kubectl({"get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"});
    pods_.clear();
    for (const std::string_view name : base::Split(names, ' ')) pods_.emplace_back(name);
    ASSERT_EQ(pods_.size(), static_cast<size_t>(replicas)) << names;
  }
  std::string InWriter(const std::string& command) {
    return Kubectl({"exec", pods_.at(0), "-c", "writer", "--", "sh", "-c", command});
  }
  std::vector<std::string> Reasons(const std::string& object) {
    std::vector<std::string> reasons;
    const json::Value events =
        Object({"events", "--field-selector", "involvedObject.name=" + object});
    for (const json::Value& event : events.At({"items"}).items())
      reasons.push_back(event.At({"reason"}).AsString());
    return reasons;
  }
  std::vector<std::string> pods_;
};

TEST_F(RealNodeTest, ADeploymentBecomesReadyAndKubectlReachesIntoIt) {
  ASSERT_NO_FATAL_FAILURE(StartNode());
  ASSERT_NO_FATAL_FAILURE(RunWeb(2));
  const std::string& pod = pods_.at(0);
  const json::Value status = Object({"pod", pod}).At({"status"});
  EXPECT_EQ(status.At({"phase"}).AsString(), "Running");
  EXPECT_EQ(status.At({"hostIP"}).AsString(), kAddress);
  EXPECT_THAT(status.At({"podIP"}).AsString(), HasSubstr("10.199.7."));

  EXPECT_TRUE(Eventually([&] {
    return Kubectl({"logs", pod, "-c", "writer"}).find("written by " + pod) != std::string::npos;
  }));
  for (const char* sockets : {"true", "false"}) {
    SCOPED_TRACE(sockets);
    sockets_ = sockets;
    EXPECT_EQ(InWriter("hostname"), pod + "\n");
    EXPECT_EQ(Kubectl({"exec", "-i", pod, "-c", "writer", "--", "cat"}, "to and fro\n"),
              "to and fro\n");
    const os::CommandResult seven =
        TryKubectl({"exec", pod, "-c", "writer", "--", "sh", "-c", "exit 7"});
    EXPECT_EQ(seven.status.code(), 7) << seven.err;
  }

  const std::string file = dir_.path() + "/sent", back = dir_.path() + "/back";
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += "line " + std::to_string(i) + "\n";
  ASSERT_TRUE(os::WriteFileAtomic(file, content, 0644).ok());
  (void)Kubectl({"cp", "-c", "writer", file, pod + ":/tmp/received"});
  (void)Kubectl({"cp", "-c", "writer", pod + ":/tmp/received", back});
  EXPECT_TRUE(os::ReadFile(back).ValueOr("") == content);

  EXPECT_TRUE(Eventually([&] {
    const os::CommandResult top = TryKubectl({"top", "node", "node", "--no-headers"});
    return top.status.code() == 0 && top.out.starts_with("node ");
  })) << TryKubectl({"top", "node"}).err;
  EXPECT_TRUE(Eventually([&] {
    const os::CommandResult top = TryKubectl({"top", "pod", pod, "--containers", "--no-headers"});
    return top.status.code() == 0 && top.out.find(" writer ") != std::string::npos;
  })) << TryKubectl({"top", "pod"}).err;

  EXPECT_TRUE(Eventually([&] {
    const std::vector<std::string> reasons = Reasons(pod);
    return std::count(reasons.begin(), reasons.end(), "Started") == 2;
  })) << testing::PrintToString(Reasons(pod));
  EXPECT_THAT(Kubectl({"describe", "pod", pod}), HasSubstr("Created container: writer"));
}

TEST_F(RealNodeTest, PortsAreForwarded) {
  ASSERT_NO_FATAL_FAILURE(StartNode());
  ASSERT_NO_FATAL_FAILURE(RunWeb(1));
  const std::string out = dir_.path() + "/forward.log";
  const os::UniqueFd log = os::Open(out, O_WRONLY | O_CREAT | O_CLOEXEC, 0644).value();
  base::Result<os::ChildProcess> forwarding =
      os::ChildProcess::Spawn({.argv = {Program(), "port-forward", pods_.at(0), ":80"},
                               .env = Environment(),
                               .fds = {{log.get(), 1}, {log.get(), 2}}});
  ASSERT_TRUE(forwarding.ok()) << forwarding.error().message();
  std::string port;
  ASSERT_TRUE(Eventually([&] {
    const std::string said = os::ReadFile(out).ValueOr(""), before = "127.0.0.1:";
    const size_t at = said.find(before), end = said.find(" ->");
    if (at == std::string::npos || end == std::string::npos) return false;
    port = said.substr(at + before.size(), end - at - before.size());
    return true;
  })) << os::ReadFile(out).ValueOr("");
  for (int i = 0; i < 3; ++i) {
    const auto answer = http::Client().PerformToString(
        {.url = "http://127.0.0.1:" + port + "/index.html"}, size_t{1} << 20);
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_THAT(answer->second, HasSubstr("written by " + pods_.at(0)));
  }
}

TEST_F(RealNodeTest, APodThatIsDeletedHasItsGraceAndIsGoneOnlyWhenNothingOfItIsLeft) {
  ASSERT_NO_FATAL_FAILURE(StartNode());
  const json::Value pod = json::ParseJson(R"({"apiVersion":"v1","kind":"Pod","metadata":
      {"name":"slow"},"spec":{"terminationGracePeriodSeconds":120,"containers":[{"name":"main",
      "image":"docker.io/library/busybox:demo","command":["/bin/sh","-c",
      "trap 'echo asked to end; while [ ! -e /end ]; do :; done; exit 0' TERM; echo runs; sleep 1000 & wait"]}]}})")
                              .value();
  Apply(pod);
  (void)Kubectl({"wait", "--for=condition=Ready", "pod/slow", "--timeout=150s"});
  // Before its trap is set it would take no notice of its end.
  ASSERT_TRUE(
      Eventually([&] { return Kubectl({"logs", "slow"}).find("runs") != std::string::npos; }));
  (void)Kubectl({"delete", "pod", "slow", "--wait=false"});
  EXPECT_TRUE(Eventually(
      [&] { return Kubectl({"logs", "slow"}).find("asked to end") != std::string::npos; }));
  const json::Value ending = Object({"pod", "slow"});
  EXPECT_FALSE(ending.At({"metadata", "deletionTimestamp"}).IsNull());
  EXPECT_EQ(ending.At({"status", "phase"}).AsString(), "Running");
  // Its container may be gone, and it with it, before its own end is known.
  EXPECT_THAT(TryKubectl({"exec", "slow", "--", "touch", "/end"}).status.code(),
              testing::AnyOf(0, 137));
  EXPECT_TRUE(Eventually([&] { return Object({"pod", "slow"}).IsNull(); }));
  EXPECT_TRUE(IsGone());
  EXPECT_THAT(os::ListDir(kubelet_root() + "/pods").value(), IsEmpty());
}

TEST_F(RealNodeTest, SomebodyComesToLookAtAPodThatRuns) {
  ASSERT_NO_FATAL_FAILURE(StartNode());
  Apply(json::ParseYaml(BusyboxPod("seen", "sleep 100000; echo the target")).value());
  (void)Kubectl({"wait", "--for=condition=Ready", "pod/seen", "--timeout=150s"});
  const std::string image = "--image=docker.io/library/busybox:demo";

  Terminal terminal;
  const base::Status begun = terminal.Start(
      {Program(), "debug", "-it", "seen", image, "--target=main", "--container=looks", "--", "sh"},
      Environment());
  ASSERT_TRUE(begun.ok()) << begun.error().message();
  const auto shows = [&](const std::string& text) {
    return Eventually([&] { return terminal.Shown().find(text) != std::string::npos; });
  };
  // Typed before there is anybody to read it; what is looked for is not what is typed.
  ASSERT_TRUE(terminal.Type("echo at work $((6 * 7))\n").ok());
  ASSERT_TRUE(shows("at work 42")) << terminal.Shown();
  ASSERT_TRUE(terminal.Type("cat /proc/1/cmdline\n").ok());
  EXPECT_TRUE(shows("the target")) << terminal.Shown();
  const auto came = [&](const std::string& name) {
    const json::Value status = Object({"pod", "seen"}).At({"status"});
    for (const json::Value& one : status.At({"ephemeralContainerStatuses"}).items()) {
      if (one.At({"name"}).AsString() == name) return one;
    }
    return json::Value();
  };
  EXPECT_TRUE(Eventually([&] { return !came("looks").At({"state", "running"}).IsNull(); }));
  ASSERT_TRUE(terminal.Type("exit 3\n").ok());
  EXPECT_TRUE(Eventually([&] { return terminal.Ended(); })) << terminal.Shown();
  EXPECT_TRUE(Eventually(
      [&] { return came("looks").At({"state", "terminated", "exitCode"}).AsInt() == 3; }));

  (void)Kubectl(
      {"debug", "seen", image, "--container=stays", "--", "sh", "-c", "echo I stay; sleep 100000"});
  ASSERT_TRUE(Eventually([&] { return !came("stays").At({"state", "running"}).IsNull(); }));
  EXPECT_TRUE(Eventually([&] {
    return Kubectl({"logs", "seen", "-c", "stays"}).find("I stay") != std::string::npos;
  }));
  EXPECT_EQ(Kubectl({"exec", "-i", "seen", "-c", "stays", "--", "cat"}, "to and fro\n"),
            "to and fro\n");

  const auto identities = [&] {
    return came("looks").At({"containerID"}).AsString() + " " +
           came("stays").At({"containerID"}).AsString() + " " +
           Object({"pod", "seen"})
               .At({"status", "containerStatuses"})
               .items()
               .at(0)
               .At({"containerID"})
               .AsString();
  };
  const std::string before = identities();
  StopKubelet(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(Rejoin());
  // Whoever comes now is served, and who was there before is left alone.
  (void)Kubectl({"debug", "seen", image, "--container=last", "--", "true"});
  EXPECT_TRUE(Eventually([&] {
    return came("last").At({"state", "terminated", "reason"}).AsString() == "Completed";
  }));
  EXPECT_EQ(identities(), before);
  EXPECT_EQ(came("looks").At({"state", "terminated", "exitCode"}).AsInt(), 3);
  const json::Value pod = Object({"pod", "seen"});
  EXPECT_EQ(Condition(pod, "Ready"), "True");
  EXPECT_EQ(pod.At({"status", "phase"}).AsString(), "Running");
  (void)Kubectl({"delete", "pod", "seen", "--grace-period=1"});
  EXPECT_TRUE(Eventually([&] { return IsGone(); }));
}

TEST_F(RealNodeTest, AKubeletThatIsKilledChangesNothingForPodsThatRun) {
  ASSERT_NO_FATAL_FAILURE(StartNode());
  ASSERT_NO_FATAL_FAILURE(RunWeb(2));
  const auto identities = [&] {
    return Kubectl({"get", "pods", "-l", "app=web", "-o",
                    "jsonpath={range .items[*]}{.metadata.uid} {.status.podIP} "
                    "{.status.startTime} {.status.containerStatuses[*].containerID} "
                    "{.status.containerStatuses[*].restartCount}{\"\\n\"}{end}"});
  };
  const std::string before = identities();
  StopKubelet(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(Rejoin());
  // It follows the API again: what is asked for now comes about, beside what was there.
  (void)Kubectl({"scale", "deployment/web", "--replicas=3"});
  (void)Kubectl({"rollout", "status", "deployment/web", "--timeout=150s"});
  const std::string after = identities();
  for (const std::string_view line : base::Split(before, '\n'))
    EXPECT_THAT(after, HasSubstr(std::string(line)));
  EXPECT_EQ(InWriter("hostname"), pods_.at(0) + "\n");
}

TEST_F(RealNodeTest, AStaticPodIsSeenInTheApiAndOutlivesItsPicture) {
  PutManifest("base.yaml", BusyboxPod("base", "echo from the manifest; sleep 1000"));
  ASSERT_NO_FATAL_FAILURE(StartNode());
  (void)Kubectl({"wait", "--for=create", "pod/base-node", "--timeout=150s"});
  (void)Kubectl({"wait", "--for=condition=Ready", "pod/base-node", "--timeout=150s"});
  EXPECT_TRUE(Eventually([&] {
    return Kubectl({"logs", "base-node"}).find("from the manifest") != std::string::npos;
  }));
  const json::Value picture = Object({"pod", "base-node"});
  const std::string id = Container("base", "main").At({"containerID"}).AsString();
  (void)Kubectl({"delete", "pod", "base-node", "--wait=false"});
  EXPECT_TRUE(Eventually([&] {
    const json::Value now = Object({"pod", "base-node"});
    return now.IsObject() && !(now.At({"metadata", "uid"}) == picture.At({"metadata", "uid"})) &&
           Condition(now, "Ready") == "True";
  }));
  EXPECT_EQ(Container("base", "main").At({"containerID"}).AsString(), id);
  RemoveManifest("base.yaml");
  EXPECT_TRUE(Eventually([&] { return Object({"pod", "base-node"}).IsNull(); }));
  EXPECT_TRUE(Eventually([&] { return IsGone(); }));
}

}  // namespace
}  // namespace keelson::cluster_test
