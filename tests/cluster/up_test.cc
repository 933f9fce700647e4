// SPDX-License-Identifier: Apache-2.0
// `keelson up` with the real programs: what it does, refuses and takes away again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/kernel/netlink/testing/namespaces.h"
#include "lib/os/files.h"
#include "tests/cluster/up_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;

class UpTest : public UpFixture {};

TEST_F(UpTest, AClusterOfOneNodeServesHealsAndGoesWithoutATrace) {
  OnMachine([&] {
    LoadImage();
    const Said up = Up();
    ASSERT_EQ(up.code, 0) << up.text << Logs();
    EXPECT_THAT(up.text, HasSubstr("node one is Ready"));
    EXPECT_THAT(up.text, HasSubstr("keelson join 192.0.2.50:6443 --token "));
    const Said applied = Keelson({"apply", "--wait", "--state-dir", state(),
                                  base::SourceDir() + "/examples/cluster-web.yaml"});
    ASSERT_EQ(applied.code, 0) << applied.text << Logs();
    const size_t at = applied.text.find("http://");
    ASSERT_NE(at, std::string::npos) << applied.text;
    const std::string url = applied.text.substr(at, applied.text.find('\n', at) - at);
    const auto answers = [&] {
      return Output({"curl", "-fs", "-m", "5", url}).text.find("Hello from web-") !=
             std::string::npos;
    };
    ASSERT_TRUE(Eventually(answers)) << Logs();

    // Each process is killed; it comes back, and nothing is started twice or brought up anew.
    for (const char* name : {"dns", "proxy", "kubelet", "runtime", "master"}) {
      SCOPED_TRACE(name);
      const supervise::ProcessStatus before = Process(name);
      ASSERT_GT(before.pid, 0);
      ASSERT_EQ(kill(before.pid, SIGKILL), 0);
      EXPECT_TRUE(Eventually([&] {
        const supervise::ProcessStatus now = Process(name);
        return now.restarts == before.restarts + 1 && now.state == supervise::State::kRunning;
      }));
    }
    const auto supervisor = supervise::Ask({run() + "/supervise"}, {});
    ASSERT_TRUE(supervisor.ok());
    ASSERT_EQ(kill(supervisor->keeper, SIGKILL), 0);
    EXPECT_TRUE(Eventually([&] { return Status().code == 0; })) << Status().text << Logs();
    EXPECT_TRUE(Eventually(answers)) << Logs();
    EXPECT_TRUE(Eventually([&] { return Status().text.find("all is well") != std::string::npos; }))
        << Status().text;
    Said owned;  // other nodes of this machine may just be leaving
    EXPECT_TRUE(Eventually([&] {
      owned = Keelson({"fsck", "--all", "--state-dir", state()});
      return owned.code == 0;
    })) << owned.text;
    EXPECT_THAT(owned.text, HasSubstr("service default/web")) << "a chain of the proxy's";
    // Again is nothing new.
    const int kubelet = Process("kubelet").pid;
    const Said again = Up();
    EXPECT_EQ(again.code, 0) << again.text;
    EXPECT_EQ(Process("kubelet").pid, kubelet);

    Down();
  });
}

// A line of /proc/PID/status.
std::string Told(pid_t pid, const std::string& name) {
  const std::string text =
      "\n" + os::ReadFile("/proc/" + std::to_string(pid) + "/status").ValueOr("");
  const size_t at = text.find("\n" + name + ":\t");
  if (at == std::string::npos) return "";
  const size_t from = at + name.size() + 3;
  return text.substr(from, text.find('\n', from) - from);
}

constexpr uint64_t Bits(std::initializer_list<int> capabilities) {
  uint64_t all = 0;
  for (const int bit : capabilities) all |= uint64_t{1} << bit;
  return all;
}

// docs/security.md has the same table with the reasons.
constexpr struct {
  const char* program;
  const char* user;
  uint64_t capabilities;  // at most these
  bool closed;            // no_new_privs
  bool filtered;
} kRights[] = {
    {"keelson-master", "0", Bits({CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN}),
     true, false},
    {"keelson-proxy", "0",
     Bits({CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_SYS_MODULE, CAP_CHOWN,
           CAP_DAC_READ_SEARCH}),
     true, false},
    {"keelson-dns", "65532", 0, true, true},
    {"keelson-stream", "60601", 0, true, true},
    {"keelson-kubelet", "0", ~uint64_t{0}, false, false},
    {"keelson-runtime", "0", ~uint64_t{0}, false, false},
    {"keelson-anchor", "0", ~uint64_t{0}, false, false},
    {"keelson-supervise", "0", ~uint64_t{0}, false, false},
};

TEST_F(UpTest, EachProcessHasTheRightsOfItsKindAndEachSocketIsRoots) {
  OnMachine([&] {
    const Said up = Up();
    ASSERT_EQ(up.code, 0) << up.text << Logs();
    for (const auto& wanted : kRights) {
      SCOPED_TRACE(wanted.program);
      const std::vector<pid_t> found = Named(wanted.program);
      EXPECT_FALSE(found.empty());
      for (const pid_t pid : found) {
        EXPECT_THAT(Told(pid, "Uid"), ::testing::StartsWith(std::string(wanted.user) + "\t"));
        for (const char* set : {"CapEff", "CapPrm", "CapBnd"})
          EXPECT_EQ(std::stoull(Told(pid, set), nullptr, 16) & ~wanted.capabilities, 0u) << set;
        EXPECT_EQ(std::stoull(Told(pid, "CapInh"), nullptr, 16), 0u);
        EXPECT_TRUE(!wanted.closed || Told(pid, "NoNewPrivs") == "1");
        EXPECT_EQ(Told(pid, "Seccomp") == "2", wanted.filtered);
      }
    }
    const Said sockets = Output({"find", run(), state(), "-type", "s", "-printf", "%p %m %u\n"});
    EXPECT_THAT(sockets.text, HasSubstr("/cri.sock 600 root"));
    for (const std::string_view line : base::Split(std::string_view(sockets.text), '\n')) {
      if (line.empty()) continue;
      EXPECT_NE(line.find(" 600 "), std::string_view::npos) << line;
      // Some folder above it lets nobody but root through.
      std::string path(line.substr(0, line.find(' ')));
      struct stat folder{};
      do {
        path.resize(path.rfind('/'));
      } while (!path.empty() && stat(path.c_str(), &folder) == 0 && (folder.st_mode & 0077) != 0);
      EXPECT_TRUE(path.starts_with(dir_.path() + "/")) << line;
    }
    Down();
  });
}

TEST_F(UpTest, WhatCannotBeIsRefusedBeforeAnythingChanges) {
  OnMachine([&] {
    const auto refused = [&](std::vector<std::string> more, const char* words) {
      std::vector<std::string> all = Places("up");
      all.insert(all.end(), more.begin(), more.end());
      const Said said = Keelson(all);
      EXPECT_EQ(said.code, 1) << said.text;
      EXPECT_THAT(said.text, HasSubstr(words));
      EXPECT_FALSE(os::Exists(state() + "/node.json"));
      EXPECT_FALSE(os::Exists(run()));
    };
    refused(
        {"--cluster-cidr", "192.0.0.0/16"},
        "--cluster-cidr 192.0.0.0/16 overlaps 192.0.2.0/24, which this machine reaches by outside");
    refused({"--service-cidr", "10.42.0.0/17", "--cluster-dns", "10.42.0.10"}, "overlap");
    refused({"--programs", "/nowhere"}, "/nowhere/keelson-master is not there");
    netlink::SocketAddress taken("192.0.2.50", 6443);
    const os::UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(listener.get(), taken.get(), taken.size), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    refused({}, "port 6443 of the API server (--api-port) is taken by another program");
  });
}

TEST_F(UpTest, WhoJoinsWithAWrongTokenOrHashIsRefused) {
  OnMachine([&] {
    const Said up = Up();
    ASSERT_EQ(up.code, 0) << up.text << Logs();
    const size_t at = up.text.find("sha256:");
    ASSERT_NE(at, std::string::npos) << up.text;
    const std::string hash = up.text.substr(at, 71);
    const std::string other = dir_.path() + "/other";
    const auto join = [&](const std::string& token, const std::string& with,
                          const std::string& name) {
      Said said = Keelson({"join",
                           "192.0.2.50:6443",
                           "--token",
                           token,
                           "--ca-hash",
                           with,
                           "--name",
                           name,
                           "--address",
                           "192.0.2.51",
                           "--state-dir",
                           other + "/state",
                           "--run-dir",
                           other + "/run",
                           "--config-dir",
                           other + "/etc",
                           "--bridge",
                           "kltother",
                           "--kubelet-port",
                           "11250",
                           "--kubelet-health-port",
                           "11248",
                           "--proxy-health-port",
                           "11256",
                           "--proxy-metrics-port",
                           "11249",
                           "--cluster-cidr",
                           "10.52.0.0/16"});
      EXPECT_EQ(said.code, 1) << said.text;
      EXPECT_FALSE(os::Exists(other));
      return said.text;
    };
    const std::string wrong = "aaaaaa.aaaaaaaaaaaaaaaa";
    EXPECT_THAT(join(wrong, hash, "two"),
                HasSubstr("the token is not known to the cluster, or its time is over"));
    EXPECT_THAT(join(wrong, "sha256:" + std::string(64, '0'), "two"),
                HasSubstr("not the one given"));
    EXPECT_THAT(join("word", hash, "two"), HasSubstr("--token: six letters or digits"));
    const size_t token = up.text.find("--token ");
    EXPECT_THAT(join(up.text.substr(token + 8, 23), hash, "one"),
                HasSubstr("the cluster has a node 'one' already"));

    // Where nobody watches any more, down finds what runs. Stopped, a keeper makes no new twin.
    const auto supervisor = supervise::Ask({run() + "/supervise"}, {});
    ASSERT_TRUE(supervisor.ok());
    ASSERT_EQ(kill(supervisor->keeper, SIGSTOP), 0);
    ASSERT_EQ(kill(supervisor->twin, SIGKILL), 0);
    ASSERT_EQ(kill(supervisor->keeper, SIGKILL), 0);
    const Said down = Keelson({"down", "--state-dir", state()});
    EXPECT_EQ(down.code, 0) << down.text;
    EXPECT_TRUE(Eventually([&] { return Left().empty(); })) << Left();
  });
}

}  // namespace
}  // namespace keelson::cluster_test
