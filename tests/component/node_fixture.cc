// SPDX-License-Identifier: Apache-2.0
#include "tests/component/node_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/http/client/client.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"

namespace keelson::node_test {
namespace {

const std::string kBin = base::BinDir();
std::string* images = nullptr;  // where the layouts are

// scripts/run_tests.py has made them, since neither the lab machine nor the network of this test
// has a way to any package. What is not there yet when the program is started by hand is made now,
// with the machine's own network.
void MakeImages(os::CommandResult (*command)(std::vector<std::string>, std::chrono::seconds)) {
  const std::vector<std::string> names = {"busybox", "nginx"};
  if (std::all_of(names.begin(), names.end(), [](const std::string& name) {
        return access((*images + "/" + name + ".made").c_str(), R_OK) == 0;
      }))
    return;
  const os::CommandResult made =
      command({base::SourceDir() + "/scripts/demo-images.sh", *images}, std::chrono::seconds(300));
  ASSERT_EQ(made.status.code(), 0) << made.out << made.err;
}

}  // namespace

os::CommandResult NodeTest::Command(std::vector<std::string> words, std::chrono::seconds timeout) {
  const base::Result<os::CommandResult> done = os::RunCommand(
      {.argv = std::move(words),
       .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}},
      "", timeout);
  EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message());
  return done.ok() ? *done : os::CommandResult{};
}

std::string NodeTest::ImageLayout(const std::string& name) { return *images + "/" + name; }

void NodeTest::SetUpTestSuite() {
  if (geteuid() != 0 || images != nullptr) return;  // once for all suites of a program
  images = new std::string(base::SourceDir() + "/build/demo-images");
  MakeImages(&NodeTest::Command);
  // Before any thread: every thread and process of the test lives in it.
  ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_TRUE(netlink::RouteSocket::Open().value().SetUp(1).ok());
}

void NodeTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  id_ = base::RandomHex(3);
  run_ = "/run/keelson-test-" + id_;
  cgroup_root_ = "/keelson-test-" + id_;
  endpoint_ = run_ + "/cri.sock";
  for (const std::string& directory :
       {manifests(), folder_ + "/objects", folder_ + "/config", kubelet_settings()})
    ASSERT_TRUE(os::MakeDirs(directory, 0755).ok());
  // However little the machine has left, unless the test is about that.
  SetKubelet("00-no-thresholds", "evictionHard: {}\n");
}

std::vector<std::string> NodeTest::RuntimeArguments(const std::vector<std::string>& command) const {
  std::vector<std::string> words = {kBin + "/keelson-runtime",
                                    "--state-dir",
                                    state(),
                                    "--run-dir",
                                    run_,
                                    "--config-dir",
                                    folder_ + "/config",
                                    "--bridge",
                                    "kl" + id_,
                                    "--pod-subnet",
                                    "10.199.7.0/24",
                                    "--pod-network",
                                    "10.199.0.0/16"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

void NodeTest::SetKubelet(const std::string& name, const std::string& fields) {
  ASSERT_TRUE(os::WriteFileAtomic(kubelet_settings() + "/" + name + ".conf",
                                  "apiVersion: kubelet.config.k8s.io/v1beta1\n"
                                  "kind: KubeletConfiguration\n" +
                                      fields,
                                  0644)
                  .ok());
}

std::vector<std::string> NodeTest::Environment() const {
  std::vector<std::string> variables = environment_;
  variables.emplace_back("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
  return variables;
}

void NodeTest::SpawnRuntime() {
  const os::UniqueFd log =
      os::Open(folder_ + "/runtime.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644).value();
  base::Result<os::ChildProcess> started =
      os::ChildProcess::Spawn({.argv = RuntimeArguments({}),
                               .env = Environment(),
                               .fds = {{log.get(), 1}, {log.get(), 2}},
                               .new_session = true});
  ASSERT_TRUE(started.ok()) << started.error().message();
  runtime_ = std::move(started).value();
}

void NodeTest::StartRuntime() {
  SpawnRuntime();
  client_ = cri_client::ConnectRuntime(run_ + "/cri.sock");
  ASSERT_TRUE(Eventually([&] { return client_->Version().ok(); })) << DaemonLogs();
}

void NodeTest::StopRuntime(int signal) {
  if (!runtime_) return;
  EXPECT_TRUE(runtime_->Signal(signal).ok());
  (void)runtime_->Wait();
  runtime_.reset();
}

std::vector<std::string> NodeTest::KubeletArguments(const std::vector<std::string>& more) const {
  std::vector<std::string> words = {kBin + "/keelson-kubelet",
                                    "--pod-manifest-path",
                                    manifests(),
                                    "--container-runtime-endpoint",
                                    endpoint_,
                                    "--root-dir",
                                    kubelet_root(),
                                    "--objects",
                                    folder_ + "/objects",
                                    "--socket",
                                    run_ + "/kubelet.sock",
                                    "--hostname-override",
                                    "node",
                                    "--cgroup-root",
                                    cgroup_root_,
                                    "--pod-logs-dir",
                                    logs(),
                                    "--log-links-dir",
                                    "",
                                    "--config-dir",
                                    kubelet_settings()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void NodeTest::SpawnKubelet(const std::vector<std::string>& more_arguments) {
  const os::UniqueFd log =
      os::Open(folder_ + "/kubelet.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644).value();
  const std::vector<std::string> words = KubeletArguments(more_arguments);
  base::Result<os::ChildProcess> started =
      os::ChildProcess::Spawn({.argv = words,
                               .env = Environment(),
                               .fds = {{log.get(), 1}, {log.get(), 2}},
                               .new_session = true});
  ASSERT_TRUE(started.ok()) << started.error().message();
  kubelet_ = std::move(started).value();
}

void NodeTest::StartKubelet(const std::vector<std::string>& more_arguments) {
  SpawnKubelet(more_arguments);
  ASSERT_TRUE(Eventually([&] { return Get("/healthz") == "ok"; })) << DaemonLogs();
}

void NodeTest::StopKubelet(int signal) {
  if (!kubelet_) return;
  EXPECT_TRUE(kubelet_->Signal(signal).ok());
  (void)kubelet_->Wait();
  kubelet_.reset();
}

void NodeTest::LoadImage(const std::string& name, const std::string& tag) {
  const os::CommandResult done = Command(
      RuntimeArguments({"load", *images + "/" + name, "docker.io/library/" + name + ":" + tag}),
      std::chrono::seconds(60));
  ASSERT_EQ(done.status.code(), 0) << done.out << done.err;
}

bool NodeTest::Eventually(const std::function<bool()>& condition, int seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return condition();
    (void)poll(nullptr, 0, 20);
  }
  return true;
}

void NodeTest::PutManifest(const std::string& file, const std::string& text) {
  ASSERT_TRUE(os::WriteFileAtomic(manifests() + "/" + file, text, 0644).ok());
}

void NodeTest::RemoveManifest(const std::string& file) {
  ASSERT_TRUE(os::RemoveFile(manifests() + "/" + file).ok());
}

std::string NodeTest::Get(const std::string& path) {
  const auto answer = http::Client().PerformToString(
      {.url = "http://localhost" + path, .unix_socket = run_ + "/kubelet.sock"}, size_t{64} << 20);
  return answer.ok() && answer->first.status == 200 ? answer->second : "";
}

std::string NodeTest::DaemonLogs() {
  std::string text;
  for (const char* name : {"runtime.log", "kubelet.log"})
    text += std::string("--- ") + name + "\n" + os::ReadFile(folder_ + "/" + name).ValueOr("");
  return text;
}

std::vector<std::string> NodeTest::LogLines(const std::string& pod, const std::string& container) {
  std::vector<std::string> lines;
  const base::Result<std::vector<os::DirEntry>> pods = os::ListDir(logs());
  if (!pods.ok()) return lines;
  for (const os::DirEntry& directory : *pods) {
    if (!directory.name.starts_with("default_" + pod)) continue;
    const std::string path = logs() + "/" + directory.name + "/" + container;
    const base::Result<std::vector<os::DirEntry>> files = os::ListDir(path);
    if (!files.ok()) continue;
    for (const os::DirEntry& file : *files) {
      std::string text = os::ReadFile(path + "/" + file.name).ValueOr("");
      text.resize(text.rfind('\n') + 1);  // the last one may be on its way
      for (const std::string_view line : base::Split(text, '\n')) {
        if (!line.empty()) lines.emplace_back(line);
      }
    }
  }
  return lines;
}

std::string NodeTest::Example(const std::string& name) {
  return os::ReadFile(base::SourceDir() + "/examples/" + name).value();
}

std::string NodeTest::BusyboxPod(const std::string& name, const std::string& script,
                                 const std::string& more_spec, const std::string& more_container) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
         "}\nspec:\n  terminationGracePeriodSeconds: 1\n" + more_spec +
         "  containers:\n    - name: main\n      image: docker.io/library/busybox:demo\n      "
         "command: [/bin/sh, -c, '" +
         script + "']\n" + more_container;
}

json::Value NodeTest::Pod(const std::string& name) {
  const base::Result<json::Value> list = json::ParseJson(Get("/pods"));
  if (!list.ok()) return {};
  for (const json::Value& pod : list->At({"items"}).items()) {
    if (pod.At({"metadata", "name"}).AsString() == name + "-node") return pod;
  }
  return {};
}

json::Value NodeTest::Container(const std::string& pod, const std::string& name) {
  const json::Value status = Status(pod);
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const json::Value& container : status.At({list}).items()) {
      if (container.At({"name"}).AsString() == name) return container;
    }
  }
  return {};
}

bool NodeTest::IsReady(const std::string& name) {
  const json::Value status = Status(name);
  for (const json::Value& condition : status.At({"conditions"}).items()) {
    if (condition.At({"type"}).AsString() == "Ready")
      return condition.At({"status"}).AsString() == "True";
  }
  return false;
}

void NodeTest::TearDown() {
  if (run_.empty()) return;
  if (HasFailure() || std::getenv("KEELSON_TEST_LOGS") != nullptr)
    std::fprintf(stderr, "%s", DaemonLogs().c_str());
  client_.reset();
  StopKubelet(SIGKILL);
  StopRuntime(SIGTERM);
  const os::CommandResult cleaned =
      Command(RuntimeArguments({"cleanup"}), std::chrono::seconds(120));
  EXPECT_EQ(cleaned.status.code(), 0) << cleaned.out << cleaned.err;
  if (os::Exists(kubelet_root())) {
    const os::CommandResult pods_cleaned =
        Command(KubeletArguments({"cleanup"}), std::chrono::seconds(120));
    EXPECT_EQ(pods_cleaned.status.code(), 0) << pods_cleaned.out << pods_cleaned.err;
  }
  const base::Status gone = cgroup::Group(cgroup::DetectLayout().value(), cgroup_root_).Remove();
  EXPECT_TRUE(gone.ok()) << gone.error().message();
  CheckNothingIsLeft();
  (void)os::RemoveTree(run_);
}

void NodeTest::CheckNothingIsLeft() {
  for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value())
    EXPECT_FALSE(link.name.starts_with("kl")) << link.name;
  const std::string mounts = os::ReadFile("/proc/self/mountinfo").value();
  EXPECT_EQ(mounts.find(run_), std::string::npos) << mounts;
  EXPECT_EQ(mounts.find(folder_), std::string::npos) << mounts;
  // Processes end a moment after they were told to.
  EXPECT_TRUE(Eventually([&] { return SmallProcesses().empty(); }));
  for (const auto& [pid, arguments] : SmallProcesses()) {
    ADD_FAILURE() << "left over: " << pid << " " << arguments;
    (void)kill(pid, SIGKILL);
  }
  // Each of the others has the run directory among its arguments.
  const auto others = [this] {
    std::string found;
    for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
      if (!base::ParseUint64(entry.name)) continue;
      const std::string arguments = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
      if (arguments.find(run_) != std::string::npos) found += entry.name + " " + arguments + "\n";
    }
    return found;
  };
  EXPECT_TRUE(Eventually([&] { return others().empty(); })) << others();
}

std::vector<std::pair<pid_t, std::string>> NodeTest::SmallProcesses() {
  // They stay in the network namespace that the test made for itself.
  const auto network_of = [](const std::string& process) {
    struct stat st{};
    return stat(("/proc/" + process + "/ns/net").c_str(), &st) == 0 ? st.st_ino : 0;
  };
  static const auto ours = network_of("self");
  std::vector<std::pair<pid_t, std::string>> found;
  for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
    const auto pid = base::ParseUint64(entry.name);
    if (!pid) continue;
    std::string arguments = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
    std::replace(arguments.begin(), arguments.end(), '\0', ' ');
    const std::string program = arguments.substr(0, arguments.find(' '));
    const bool small = program.ends_with("keelson-anchor") || program == "keelson-monitor" ||
                       program == "keelson-log" || program == "keelson-init";
    if (small && network_of(entry.name) == ours)
      found.emplace_back(static_cast<pid_t>(*pid), arguments);
  }
  return found;
}

}  // namespace keelson::node_test
