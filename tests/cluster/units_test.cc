// SPDX-License-Identifier: Apache-2.0
// `keelson up` where systemd is process 1: the real programs as units, in the lab machine that is
// booted for it. Its network is the machine's; folders, pods' slices and units have names of their
// own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <map>

#include "cri-api/client/runtime_client.h"
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"

namespace keelson {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kProcesses[] = {"master", "runtime", "dns", "kubelet", "proxy"};
const std::string kUnits = "/etc/systemd/system/";
const std::string kFarNetwork = "/run/netns/klufar";

struct Said {
  int code = -1;
  std::string text;
};

Said Output(std::vector<std::string> argv) {
  const auto done =
      os::RunCommand({.argv = std::move(argv),
                      .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
                     "", std::chrono::minutes(10));
  if (!done.ok()) return {-1, done.error().message()};
  return {done->status.code(), done->out + done->err};
}

bool Eventually(const std::function<bool()>& good) {  // emulated machines are slow
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (std::chrono::steady_clock::now() < deadline) {
    if (good()) return true;
    (void)poll(nullptr, 0, 100);
  }
  return good();
}

class UnitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (os::ReadFile("/proc/1/comm").ValueOr("") != "systemd\n")
      GTEST_SKIP() << "systemd is not process 1 here";
    if (!os::Exists("/run/lab/command")) GTEST_SKIP() << "runs in the lab machine only";
    begun_ = true;
    dir_.emplace(os::TempDir::Create("keelson-units").value());
    id_ = dir_->path().substr(dir_->path().rfind('.') + 1);
    ASSERT_NO_FATAL_FAILURE(
        Ip({"link add outside type bridge", "address add 192.0.2.50/24 dev outside",
            "link set outside up", "route add default via 192.0.2.1"}));
    // The lab has no journal, and of a whole boot only what is needed.
    ASSERT_TRUE(os::MakeDirs(kUnits + "keelson-.service.d", 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(kUnits + "keelson-.service.d/lab.conf",
                                    "[Unit]\nDefaultDependencies=no\n[Service]\nStandardOutput="
                                    "append:" +
                                        dir_->path() + "/daemons.log\nStandardError=inherit\n",
                                    0644)
                    .ok());
  }
  void TearDown() override {
    if (!begun_) return;
    if (HasFailure()) std::fprintf(stderr, "%s\n", Logs().c_str());
    for (const std::string& node : {state(), far()})
      if (os::Exists(node + "/node.json")) (void)Keelson({"down", "--state-dir", node});
    if (os::Exists(kFarNetwork)) (void)Output({"ip", "netns", "delete", "klufar"});
    for (const char* process : kProcesses) (void)Output({"systemctl", "stop", Unit(process)});
    (void)os::RemoveTree(kUnits + "keelson-.service.d");
    (void)Output({"ip", "link", "delete", "outside"});
  }

  static void Ip(const std::vector<std::string>& lines) {
    for (const std::string& words : lines) {
      std::vector<std::string> argv = {"ip"};
      for (const std::string_view word : base::Split(std::string_view(words), ' '))
        argv.emplace_back(word);
      const Said said = Output(argv);
      ASSERT_EQ(said.code, 0) << words << ": " << said.text;
    }
  }
  void SetThresholds() {
    ASSERT_TRUE(os::MakeDirs(config() + "/kubelet.conf.d", 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(
                    config() + "/kubelet.conf.d/10-test.conf",
                    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
                    "evictionHard: {memory.available: 10Mi, nodefs.available: 0%, "
                    "nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}\n",
                    0644)
                    .ok());
  }
  std::string far() const { return dir_->path() + "/far"; }
  std::string state() const { return dir_->path() + "/state"; }
  std::string run() const { return "/run/keelson-" + id_; }
  std::string config() const { return dir_->path() + "/etc"; }
  static std::string Unit(const std::string& process) {
    return "keelson-one-" + process + ".service";
  }
  static Said Keelson(std::vector<std::string> words) {
    words.insert(words.begin(), base::BinDir() + "/keelson");
    return Output(std::move(words));
  }
  Said Up(std::vector<std::string> how = {"up"}) {
    how.insert(how.end(), {"--name", "one", "--state-dir", state(), "--run-dir", run(),
                           "--config-dir", config(), "--kubelet-root", state() + "/kubelet",
                           "--pod-logs-dir", state() + "/pod-logs", "--log-links-dir", "",
                           "--cgroup-root", "/klu" + id_, "--bridge", "klunits"});
    return Keelson(std::move(how));
  }
  // Its patience with a slow machine may end before ours: again goes on where it was.
  void BringUp(const std::vector<std::string>& how = {"up"}) {
    Said said;
    ASSERT_TRUE(Eventually([&] {
      said = Up(how);
      return said.code == 0;
    })) << said.text;
    EXPECT_THAT(said.text, HasSubstr("node one is Ready"));
  }
  Said Status() { return Keelson({"status", "--state-dir", state()}); }
  static std::string Show(const std::string& unit, const std::string& property) {
    return std::string(
        base::Trim(Output({"systemctl", "show", "--value", "-p", property, unit}).text));
  }
  static std::map<std::string, std::string> Pids() {
    std::map<std::string, std::string> pids;
    for (const char* process : kProcesses) pids[process] = Show(Unit(process), "MainPID");
    return pids;
  }
  // What systemd knows that is ours, the machine's own drop-in aside.
  std::string Left() {
    return Output({"systemctl", "list-units", "--all", "--plain", "--no-legend", "keelson*",
                   "klu" + id_ + "*"})
               .text +
           Output({"find", "/sys/fs/cgroup", "-name", "keelson*", "-o", "-name", "klu*"}).text +
           Output({"find", kUnits, "-name", "keelson-*.service"}).text +
           Output({"pgrep", "-fa", "keelson-.*" + dir_->path() + "/"}).text +
           Output({"sh", "-c", "ip -o link | grep klunits"}).text +
           Output({"sh", "-c", "iptables-save | grep -e KUBE- -e KEELSON-"}).text;
  }
  std::string Logs() { return os::ReadFile(dir_->path() + "/daemons.log").ValueOr(""); }

  bool begun_ = false;
  std::optional<os::TempDir> dir_;
  std::string id_;
};

// Its start time, so that another of the same number is another.
std::string Identity(const std::string& pid) {
  const std::string text = os::ReadFile("/proc/" + pid + "/stat").ValueOr("");
  if (text.empty()) return "";
  const auto words = base::Split(std::string_view(text).substr(text.rfind(')') + 2), ' ');
  return pid + " " + std::string(words[19]);
}

TEST_F(UnitsTest, ANodeOfUnitsHealsGoesOnWithoutItsRuntimeAndGoesWithoutATrace) {
  ASSERT_NO_FATAL_FAILURE(SetThresholds());
  ASSERT_TRUE(os::MakeDirs(config() + "/manifests", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(
                  config() + "/manifests/calm.yaml",
                  "apiVersion: v1\nkind: Pod\nmetadata: {name: calm}\nspec:\n"
                  "  terminationGracePeriodSeconds: 1\n  containers:\n    - name: main\n      "
                  "image: docker.io/library/busybox:demo\n      command: [/bin/sleep, '100000']\n",
                  0644)
                  .ok());
  const Said loaded = Output(
      {base::BinDir() + "/keelson-runtime", "--state-dir", state(), "--run-dir", run(), "load",
       base::SourceDir() + "/build/demo-images/busybox", "docker.io/library/busybox:demo"});
  ASSERT_EQ(loaded.code, 0) << loaded.text;
  BringUp();
  for (const char* process : kProcesses) {
    SCOPED_TRACE(process);
    EXPECT_EQ(Show(Unit(process), "ActiveState"), "active");
    EXPECT_EQ(Show(Unit(process), "UnitFileState"), "enabled");
    EXPECT_EQ(os::ReadFile("/proc/" + Show(Unit(process), "MainPID") + "/cgroup").ValueOr(""),
              "0::/keelson.slice/" + Unit(process) + "\n");
  }

  // The pod: in a scope of its own that is ours alone, in no session of who brought the node up.
  const auto runtime = cri_client::ConnectRuntime(run() + "/cri.sock");
  std::string container, place, pid;
  ASSERT_TRUE(Eventually([&] {
    const auto all = runtime->ListContainers();
    if (!all.ok() || all->empty() || all->at(0).state() != cri::CONTAINER_RUNNING) return false;
    container = all->at(0).id();
    return true;
  }));
  place = std::string(
      base::Trim(Output({"find", "/sys/fs/cgroup/klu" + id_ + ".slice", "-name", container}).text));
  EXPECT_THAT(
      place, AllOf(StartsWith("/sys/fs/cgroup/klu" + id_ + ".slice/klu" + id_ + "-kubepods.slice/"),
                   HasSubstr("/keelson-"), HasSubstr(".scope/" + container)));
  pid = std::string(base::Trim(os::ReadFile(place + "/cgroup.procs").ValueOr("")));
  const std::string pod = Identity(pid);
  ASSERT_NE(pod, "");
  EXPECT_NE(getsid(std::stoi(pid)), getsid(0));
  const std::string scope = place.substr(0, place.rfind('/'));
  EXPECT_EQ(Show(scope.substr(scope.rfind('/') + 1), "Delegate"), "yes");

  const auto killed = Pids();
  for (const auto& [process, daemon] : killed)
    ASSERT_EQ(kill(std::stoi(daemon), SIGKILL), 0) << process;
  for (const char* process : kProcesses) {
    EXPECT_TRUE(Eventually([&] {
      return Show(Unit(process), "NRestarts") == "1" &&
             Show(Unit(process), "ActiveState") == "active";
    })) << process;
  }
  Said said;
  EXPECT_TRUE(Eventually([&] {
    said = Status();
    return said.code == 0;
  })) << said.text;
  EXPECT_THAT(said.text, AllOf(HasSubstr("all is well"), HasSubstr(Unit("runtime") + "   runs"),
                               HasSubstr("journalctl -u 'keelson-one-*.service'")));
  EXPECT_EQ(Identity(pid), pod);

  const auto before = Pids();
  EXPECT_NE(before, killed);
  BringUp();
  EXPECT_EQ(Pids(), before);

  EXPECT_EQ(Output({"systemctl", "stop", Unit("runtime")}).code, 0);
  EXPECT_EQ(Identity(pid), pod);
  said = Status();
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.text, HasSubstr("WRONG: " + Unit("runtime") + " stopped"));
  BringUp();
  auto now = Pids();
  EXPECT_NE(now["runtime"], before.at("runtime"));
  now["runtime"] = before.at("runtime");
  EXPECT_EQ(now, before);
  EXPECT_EQ(Identity(pid), pod);

  const Said down = Keelson({"down", "--state-dir", state()});
  EXPECT_EQ(down.code, 0) << down.text;
  EXPECT_EQ(Identity(pid), "");
  EXPECT_FALSE(os::Exists(state()));
  EXPECT_FALSE(os::Exists(run()));
  EXPECT_TRUE(Eventually([&] { return Left().empty(); })) << Left();
}

TEST_F(UnitsTest, AMachineJoinsByUnitsThatABootStartsAndLeavesWithoutATrace) {
  // The control plane is another machine's, as far as the network can tell.
  ASSERT_NO_FATAL_FAILURE(
      Ip({"netns add klufar", "link add klufar type veth peer name eth0 netns klufar",
          "link set klufar master outside up", "-n klufar link set lo up",
          "-n klufar address add 192.0.2.10/24 dev eth0", "-n klufar link set eth0 up",
          "-n klufar route add default via 192.0.2.1"}));
  Said up;
  ASSERT_TRUE(Eventually([&] {
    up = Keelson({"up",
                  "--name",
                  "far",
                  "--address",
                  "192.0.2.10",
                  "--network",
                  kFarNetwork,
                  "--supervisor",
                  "own",
                  "--no-wait",
                  "--state-dir",
                  far(),
                  "--run-dir",
                  run() + "-far",
                  "--config-dir",
                  far() + "/etc",
                  "--kubelet-root",
                  far() + "/kubelet",
                  "--pod-logs-dir",
                  far() + "/pod-logs",
                  "--log-links-dir",
                  "",
                  "--cgroup-root",
                  "/klf" + id_,
                  "--bridge",
                  "klfar"});
    return up.code == 0;
  })) << up.text;
  const size_t token = up.text.find("--token "), hash = up.text.find("--ca-hash ");
  ASSERT_NE(token, std::string::npos) << up.text;
  ASSERT_NE(hash, std::string::npos) << up.text;

  ASSERT_NO_FATAL_FAILURE(SetThresholds());
  ASSERT_NO_FATAL_FAILURE(
      BringUp({"join", "192.0.2.10:6443", "--token", up.text.substr(token + 8, 23), "--ca-hash",
               up.text.substr(hash + 10, 71)}));
  EXPECT_FALSE(os::Exists(kUnits + Unit("master")));
  const std::string booted =
      Output({"systemctl", "list-dependencies", "--plain", "multi-user.target"}).text;
  for (const char* process : {"runtime", "dns", "kubelet", "proxy"}) {
    SCOPED_TRACE(process);
    EXPECT_EQ(Show(Unit(process), "ActiveState"), "active");
    EXPECT_EQ(Show(Unit(process), "UnitFileState"), "enabled");
    EXPECT_THAT(booted, HasSubstr(Unit(process)));
  }
  Said said;
  EXPECT_TRUE(Eventually([&] {
    said = Status();
    return said.text.find("all is well") != std::string::npos;
  })) << said.text;

  const Said left = Keelson({"leave", "--state-dir", state(), "--grace-period", "1"});
  EXPECT_EQ(left.code, 0) << left.text;
  EXPECT_THAT(left.text, HasSubstr("node one is down"));
  EXPECT_FALSE(os::Exists(state()));
  EXPECT_FALSE(os::Exists(run()));
  for (const char* process : {"runtime", "dns", "kubelet", "proxy"}) {
    EXPECT_EQ(Show(Unit(process), "LoadState"), "not-found") << process;
    EXPECT_EQ(Output({"find", kUnits, "-name", Unit(process)}).text, "");  // what enabled it too
  }
  const Said down = Keelson({"down", "--state-dir", far()});
  EXPECT_EQ(down.code, 0) << down.text;
  EXPECT_TRUE(Eventually([&] { return Left().empty(); })) << Left();
}

TEST_F(UnitsTest, WhatCannotBeIsRefusedBeforeAnythingChanges) {
  const auto refused = [&](const char* words) {
    const Said said = Up();
    EXPECT_EQ(said.code, 1) << said.text;
    EXPECT_THAT(said.text, HasSubstr(words));
    EXPECT_FALSE(os::Exists(state() + "/node.json"));
    EXPECT_FALSE(os::Exists(kUnits + Unit("runtime")));
  };
  const std::string strangers = kUnits + Unit("dns");
  ASSERT_TRUE(os::WriteFileAtomic(strangers, "[Service]\nExecStart=/bin/true\n", 0644).ok());
  refused("nothing was changed:\nthe unit keelson-one-dns.service is not this node's");
  EXPECT_THAT(os::ReadFile(strangers).ValueOr(""), HasSubstr("/bin/true"));
  ASSERT_TRUE(os::RemoveFile(strangers).ok());

  const std::string bus = "/run/dbus/system_bus_socket";
  ASSERT_EQ(rename(bus.c_str(), (bus + ".away").c_str()), 0);
  refused("there is no D-Bus");
  ASSERT_EQ(rename((bus + ".away").c_str(), bus.c_str()), 0);
}

}  // namespace
}  // namespace keelson
