// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/three_nodes_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>

#include <map>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::cluster_test {
namespace {

constexpr char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr char kOutside[] = "192.0.2.1";

void Must(std::vector<std::string> argv) {
  const std::string words = base::Join(argv, " ");
  const Said said = Execute(std::move(argv));
  ASSERT_EQ(said.code, 0) << words << ": " << said.text;
}

struct Seen {
  pid_t parent = 0;
  std::string words;
};
std::map<pid_t, Seen> AllProcesses() {
  std::map<pid_t, Seen> out;
  for (const os::DirEntry& entry : os::ListDir("/proc").ValueOr({})) {
    const auto pid = base::ParseUint64(entry.name);
    if (!pid) continue;
    const std::string stat = os::ReadFile("/proc/" + entry.name + "/stat", 65536).ValueOr("");
    const size_t close = stat.rfind(") ");
    if (close == std::string::npos || stat.size() < close + 5 || stat[close + 2] == 'Z') continue;
    Seen seen;
    seen.parent = static_cast<pid_t>(
        base::ParseUint64(stat.substr(close + 4, stat.find(' ', close + 4) - close - 4))
            .value_or(0));
    seen.words = os::ReadFile("/proc/" + entry.name + "/cmdline", 1 << 20).ValueOr("");
    out[static_cast<pid_t>(*pid)] = std::move(seen);
  }
  return out;
}

}  // namespace

Said Execute(std::vector<std::string> argv, const std::string& input) {
  const auto done =
      os::RunCommand({.argv = std::move(argv), .env = {kPath}}, input, std::chrono::minutes(10));
  if (!done.ok()) return {-1, done.error().message()};
  return {done->status.code(), done->out + done->err};
}

bool Eventually(const std::function<bool()>& good) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (std::chrono::steady_clock::now() < deadline) {
    if (good()) return true;
    (void)poll(nullptr, 0, 50);
  }
  return good();
}

Nodes::Nodes(std::string kubectl) : kubectl_(std::move(kubectl)) {
  EXPECT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0) << strerror(errno);
  EXPECT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << strerror(errno);
  const std::string resolvers = dir_.path() + "/resolv.conf";
  EXPECT_TRUE(
      os::WriteFileAtomic(resolvers, std::string("nameserver ") + kOutside + "\n", 0644).ok());
  EXPECT_EQ(mount(resolvers.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr), 0)
      << strerror(errno);
  EXPECT_EQ(mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0) << strerror(errno);
  // keelson-dns has no rights of root's.
  EXPECT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  for (const char* command :
       {"ip link set lo up", "ip link add outside type bridge",
        "ip address add 192.0.2.1/24 dev outside", "ip link set outside up"}) {
    std::vector<std::string> words;
    for (const std::string_view word : base::Split(std::string_view(command), ' '))
      words.emplace_back(word);
    Must(std::move(words));
  }
  const auto here = os::Open("/proc/thread-self/ns/net", O_RDONLY);
  if (here.ok())
    resolver_ = std::make_unique<cluster::Resolver>(here->get(), kOutside, "198.51.100.7");
}

Nodes::~Nodes() {
  for (auto node = machines_.rbegin(); node != machines_.rend(); ++node) {
    if (os::Exists(State(*node) + "/node.json"))
      (void)Keelson({"down", "--state-dir", State(*node)});
    KillAll(*node);
    (void)Execute({"ip", "netns", "delete", Name(*node)});
    (void)Execute({"find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path",
                   "*" + Group(*node) + "*", "-exec", "rmdir", "{}", ";"});
  }
}

std::string Nodes::Group(int node) const {
  const std::string& path = dir_.path();
  return "/keelson-test-" + path.substr(path.rfind('.') + 1) + "-" + std::to_string(node);
}

void Nodes::MakeMachine(int node) {
  const std::string name = Name(node);
  machines_.insert(node);
  Must({"ip", "netns", "add", name});
  Must({"ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name});
  Must({"ip", "link", "set", name, "master", "outside", "up"});
  Must({"ip", "-n", name, "link", "set", "lo", "up"});
  Must({"ip", "-n", name, "address", "add", Address(node) + "/24", "dev", "eth0"});
  Must({"ip", "-n", name, "link", "set", "eth0", "up"});
  Must({"ip", "-n", name, "route", "add", "default", "via", kOutside});
  // A full disk of the machine that runs the tests is not what is tested.
  ASSERT_TRUE(os::MakeDirs(Folder(node) + "/etc/kubelet.conf.d", 0755).ok());
  ASSERT_TRUE(
      os::WriteFileAtomic(Folder(node) + "/etc/kubelet.conf.d/10-test.conf",
                          "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
                          "evictionHard: {memory.available: 10Mi, nodefs.available: 0%, "
                          "nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}\n",
                          0644)
          .ok());
  LoadImage(node);
}

void Nodes::LoadImage(int node) {
  Must({base::BinDir() + "/keelson-runtime", "--state-dir", State(node), "--run-dir",
        Folder(node) + "/run", "load", base::SourceDir() + "/build/demo-images/busybox",
        "docker.io/library/busybox:demo"});
}

std::vector<std::string> Nodes::Places(int node, std::vector<std::string> words) const {
  const std::vector<std::string> places = {"--name",          Name(node),
                                           "--address",       Address(node),
                                           "--network",       Network(node),
                                           "--state-dir",     State(node),
                                           "--run-dir",       Folder(node) + "/run",
                                           "--config-dir",    Folder(node) + "/etc",
                                           "--kubelet-root",  State(node) + "/kubelet",
                                           "--pod-logs-dir",  State(node) + "/pod-logs",
                                           "--log-links-dir", State(node) + "/log-links",
                                           "--cgroup-root",   Group(node)};
  words.insert(words.end(), places.begin(), places.end());
  return words;
}

Said Nodes::Up(const std::vector<std::string>& more) {
  std::vector<std::string> words = Places(1, {"up"});
  words.insert(words.end(), more.begin(), more.end());
  const Said said = Keelson(std::move(words));
  const size_t token = said.text.find("--token "), hash = said.text.find("--ca-hash ");
  if (token != std::string::npos) token_ = said.text.substr(token + 8, 23);
  if (hash != std::string::npos) hash_ = said.text.substr(hash + 10, 71);
  return said;
}

Said Nodes::Join(int node, const std::vector<std::string>& more) {
  std::vector<std::string> words =
      Places(node, {"join", Address(1) + ":6443", "--token", token_, "--ca-hash", hash_});
  words.insert(words.end(), more.begin(), more.end());
  return Keelson(std::move(words));
}

Said Nodes::Keelson(std::vector<std::string> words) {
  words.insert(words.begin(), base::BinDir() + "/keelson");
  return Execute(std::move(words));
}

Said Nodes::Kubectl(std::vector<std::string> words, const std::string& input) const {
  words.insert(words.begin(), kubectl_);
  const auto done =
      os::RunCommand({.argv = std::move(words),
                      .env = {kPath, "HOME=" + dir_.path(), "KUBECONFIG=" + Administrator()}},
                     input, std::chrono::minutes(10));
  if (!done.ok()) return {-1, done.error().message()};
  // What it says beside its answer would be in the answer's way.
  return {done->status.code(), done->status.code() == 0 ? done->out : done->out + done->err};
}

json::Value Nodes::Object(std::vector<std::string> words) const {
  words.insert(words.begin(), "get");
  words.insert(words.end(), {"-o", "json"});
  const Said said = Kubectl(std::move(words));
  if (said.code != 0) return {};
  return json::ParseJson(said.text, {.bytes = 64u << 20, .depth = 100, .values = 5'000'000})
      .ValueOr(json::Value());
}

Said Nodes::OnMachine(int node, std::vector<std::string> argv) const {
  argv.insert(argv.begin(), {"nsenter", "--net=" + Network(node)});
  return Execute(std::move(argv));
}

std::set<pid_t> Nodes::Processes(int node) const {
  const std::string mark = Folder(node) + "/";
  const std::map<pid_t, Seen> all = AllProcesses();
  std::set<pid_t> out;
  for (const auto& [pid, seen] : all)
    if (pid != getpid() && seen.words.find(mark) != std::string::npos) out.insert(pid);
  for (size_t before = 0; before != out.size();) {
    before = out.size();
    for (const auto& [pid, seen] : all)
      if (out.contains(seen.parent)) out.insert(pid);
  }
  return out;
}

void Nodes::KillAll(int node) {
  std::set<pid_t> stopped;
  while (true) {
    const std::set<pid_t> now = Processes(node);
    bool more = false;
    for (const pid_t pid : now) more = stopped.insert(pid).second || more;
    if (!more) break;
    for (const pid_t pid : now) (void)kill(pid, SIGSTOP);
  }
  for (const pid_t pid : stopped) (void)kill(pid, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Processes(node).empty(); }));
}

std::string Nodes::Logs() const {
  return Execute({"sh", "-c", "tail -n 15 " + dir_.path() + "/*/state/daemon-logs/*.log"}).text;
}

}  // namespace keelson::cluster_test
