// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/up_fixture.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/kernel/netlink/testing/namespaces.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::cluster_test {

using ::testing::HasSubstr;
using ::testing::Not;

Said Output(std::vector<std::string> argv, std::chrono::seconds patience) {
  const auto done =
      os::RunCommand({.argv = std::move(argv),
                      .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
                     "", patience);
  if (!done.ok()) return {-1, done.error().message()};
  return {done->status.code(), done->out + done->err};
}

void UpFixture::SetUpTestSuite() {
  if (geteuid() != 0) return;
  const Said made = Output({base::SourceDir() + "/scripts/demo-images.sh", Images()});
  ASSERT_EQ(made.code, 0) << made.text;
}

std::string UpFixture::Images() { return base::SourceDir() + "/build/demo-images"; }

void UpFixture::OnMachine(const std::function<void()>& work) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  netlink::InFreshHost([&] {
    netlink::Say({"ip", "link", "add", "outside", "type", "bridge"});
    netlink::Say({"ip", "address", "add", "192.0.2.50/24", "dev", "outside"});
    netlink::Say({"ip", "link", "set", "outside", "up"});
    netlink::Say({"ip", "route", "add", "default", "via", "192.0.2.1"});
    work();
    if (os::Exists(state() + "/node.json")) (void)Keelson({"down", "--state-dir", state()});
    for (const supervise::ProcessStatus& left : Processes())
      if (left.pid != 0) (void)kill(left.pid, SIGKILL);
  });
}

std::vector<std::string> UpFixture::Places(const std::string& command) const {
  return {command,
          "--name",
          "one",
          "--state-dir",
          state(),
          "--run-dir",
          run(),
          "--config-dir",
          dir_.path() + "/etc",
          "--kubelet-root",
          state() + "/kubelet",
          "--pod-logs-dir",
          state() + "/pod-logs",
          "--log-links-dir",
          state() + "/log-links",
          "--cgroup-root",
          cgroup(),
          "--bridge",
          "kltup"};
}

std::string UpFixture::cgroup() const {
  return "/keelson-test-" + dir_.path().substr(dir_.path().rfind('.') + 1);
}

Said UpFixture::Keelson(std::vector<std::string> words) {
  words.insert(words.begin(), base::BinDir() + "/keelson");
  return Output(std::move(words));
}

Said UpFixture::Up(const std::vector<std::string>& more) {
  // A full disk of the machine that runs the tests is not what is tested.
  EXPECT_TRUE(os::MakeDirs(dir_.path() + "/etc/kubelet.conf.d", 0755).ok());
  EXPECT_TRUE(
      os::WriteFileAtomic(dir_.path() + "/etc/kubelet.conf.d/10-test.conf",
                          "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
                          "evictionHard: {memory.available: 10Mi, nodefs.available: 0%, "
                          "nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}\n",
                          0644)
          .ok());
  std::vector<std::string> words = Places("up");
  words.insert(words.end(), more.begin(), more.end());
  return Keelson(std::move(words));
}

void UpFixture::LoadImage() {
  const Said loaded =
      Output({base::BinDir() + "/keelson-runtime", "--state-dir", state(), "--run-dir", run(),
              "load", Images() + "/busybox", "docker.io/library/busybox:demo"});
  ASSERT_EQ(loaded.code, 0) << loaded.text;
}

std::vector<supervise::ProcessStatus> UpFixture::Processes() const {
  return supervise::Ask({run() + "/supervise"}, {}).ValueOr(supervise::Reply()).processes;
}

supervise::ProcessStatus UpFixture::Process(const std::string& name) const {
  for (const supervise::ProcessStatus& one : Processes())
    if (one.name == name) return one;
  return {};
}

std::string UpFixture::Logs() const {
  return Output({"sh", "-c", "tail -n 30 " + state() + "/daemon-logs/*.log"}).text;
}

std::vector<pid_t> UpFixture::Named(const std::string& name) {
  const auto network = [](const std::string& process) {
    struct stat found{};
    return stat((process + "/ns/net").c_str(), &found) == 0 ? found.st_ino : 0;
  };
  const ino_t here = network("/proc/thread-self");
  std::vector<pid_t> out;
  for (const auto& [entry, type] : os::ListDir("/proc").ValueOr({})) {
    const auto pid = base::ParseUint64(entry);
    if (!pid) continue;
    const std::string words = os::ReadFile("/proc/" + entry + "/cmdline").ValueOr("");
    const std::string_view program = std::string_view(words).substr(0, words.find('\0'));
    if (program.substr(program.rfind('/') + 1) == name && network("/proc/" + entry) == here)
      out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

std::string UpFixture::Left() const {
  std::string out = Output({"pgrep", "-fa", dir_.path() + "/"}).text;
  // Those of a pod say in their words only of which.
  for (const char* name : {"keelson-monitor", "keelson-log", "keelson-init"}) {
    for (const pid_t pid : Named(name)) out += fmt::format("{} {}\n", pid, name);
  }
  return out;
}

void UpFixture::Down() {
  const Said down = Keelson({"down", "--state-dir", state()});
  EXPECT_EQ(down.code, 0) << down.text << Logs();
  EXPECT_FALSE(os::Exists(state()));
  EXPECT_FALSE(os::Exists(run()));
  EXPECT_EQ(Status().code, 1);
  EXPECT_THAT(netlink::Say({"ip", "-o", "link"}), Not(HasSubstr("kltup")));
  EXPECT_THAT(netlink::Say({"ip", "-o", "link"}), Not(HasSubstr("keelson-dns")));
  EXPECT_THAT(netlink::Say({"iptables-save"}), Not(HasSubstr("KUBE-")));
  EXPECT_THAT(netlink::Say({"iptables-save"}), Not(HasSubstr("KEELSON-")));
  EXPECT_EQ(Output({"find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", cgroup().substr(1)}).text,
            "");
  // Who was told to end does so a moment later.
  EXPECT_TRUE(Eventually([&] { return Left().empty(); })) << Left();
}

bool UpFixture::Eventually(const std::function<bool()>& good, std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (good()) return true;
    (void)poll(nullptr, 0, 50);
  }
  return good();
}

}  // namespace keelson::cluster_test
