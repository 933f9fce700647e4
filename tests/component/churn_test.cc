// SPDX-License-Identifier: Apache-2.0
// Pods come and go, eight at a time, through the daemon's socket; afterwards everything that it
// and its anchor hold is what it was before: memory, descriptors, threads, files, mounts, cgroups,
// links and network namespaces. KEELSON_CHURN_PODS makes it long (scripts/churn).
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

constexpr int kAtOnce = 8, kWarmUp = 64;
constexpr size_t kMoreThreads = 4;

// What is held, by kind; each thing by a name that says what it is.
struct Held {
  std::map<std::string, std::multiset<std::string>> things;
  std::map<std::string, long> kilobytes;  // anonymous memory, of each process
};

class ChurnTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const char* pods = std::getenv("KEELSON_CHURN_PODS");
    pods_ = pods != nullptr ? std::atoi(pods) : 200;
    ASSERT_NO_FATAL_FAILURE(LoadImage("busybox"));
    ASSERT_NO_FATAL_FAILURE(StartRuntime());
  }

  // --- pods
  // What a pod is differs from one to the next.
  void Cycle(cri_client::RuntimeClient& runtime, int number) {
    const std::string name = "churn-" + std::to_string(number);
    cri::PodSandboxConfig pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_metadata()->set_namespace_("default");
    pod.set_hostname(name);
    pod.set_log_directory(logs() + "/" + name);
    // One group for all: what is left below it is seen.
    pod.mutable_linux()->set_cgroup_parent(cgroup_root_);
    auto& spaces = *pod.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    spaces.set_pid(number % 5 == 0 ? cri::POD : cri::CONTAINER);
    const std::string id = Value(runtime.RunPodSandbox(pod, ""), name);
    if (id.empty()) return;

    const bool ends = number % 4 == 1, fails = number % 9 == 2;
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name("main");
    config.mutable_image()->set_image("docker.io/library/busybox:demo");
    for (const char* word : {fails ? "/bin/none" : "/bin/sh", "-c"}) config.add_command(word);
    config.add_command(ends ? "echo one; exit 3" : "echo one; sleep 100000");
    config.set_log_path("main.log");
    auto& security = *config.mutable_linux()->mutable_security_context();
    *security.mutable_namespace_options() = spaces;
    security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    if (number % 3 == 0) {
      cri::Mount& volume = *config.add_mounts();
      volume.set_host_path(dir_.path());
      volume.set_container_path("/volume");
      volume.set_readonly(true);
    }
    const std::string container = Value(runtime.CreateContainer(id, config, pod), name);
    if (!container.empty()) {
      const base::Status started = runtime.StartContainer(container);
      EXPECT_EQ(started.ok(), !fails) << name;
      if (number % 4 == 0 && !fails) {
        EXPECT_EQ(
            Value(runtime.ExecSync(container, {"echo", "here"}, std::chrono::seconds(60)), name)
                .stdout(),
            "here\n")
            << name;
      }
      if (number % 6 == 0) {
        const base::Status stopped = runtime.StopContainer(container, std::chrono::seconds(0));
        EXPECT_TRUE(stopped.ok()) << name;
        EXPECT_TRUE(runtime.RemoveContainer(container).ok()) << name;
      }
    }
    if (number % 7 != 0) {
      EXPECT_TRUE(runtime.StopPodSandbox(id).ok()) << name;
    }
    const base::Status removed = runtime.RemovePodSandbox(id);
    EXPECT_TRUE(removed.ok()) << name << (removed.ok() ? "" : removed.error().message());
    EXPECT_TRUE(os::RemoveTree(logs() + "/" + name).ok());  // the kubelet's to do
  }
  template <typename T>
  static T Value(base::Result<T> result, const std::string& pod) {
    EXPECT_TRUE(result.ok()) << pod << ": " << (result.ok() ? "" : result.error().message());
    return result.ok() ? std::move(result).value() : T();
  }
  void Churn(int first, int pods) {
    std::atomic<int> next{first};
    std::vector<std::thread> threads;
    for (int t = 0; t < kAtOnce; ++t) {
      threads.emplace_back([&] {
        const auto runtime = cri_client::ConnectRuntime(endpoint_);
        for (int i = next++; i < first + pods && !HasFailure(); i = next++) Cycle(*runtime, i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // --- what is held
  static void Tree(const std::string& path, std::multiset<std::string>& into) {
    const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(path);
    if (!entries.ok()) return;
    for (const os::DirEntry& entry : *entries) {
      const std::string below = path + "/" + entry.name;
      struct stat st{};
      if (lstat(below.c_str(), &st) != 0) continue;
      into.insert(below);
      if (S_ISDIR(st.st_mode)) Tree(below, into);
    }
  }
  static void Groups(const std::string& path, std::multiset<std::string>& into) {
    const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(path);
    if (!entries.ok()) return;
    for (const os::DirEntry& entry : *entries) {
      const std::string below = path + "/" + entry.name;
      struct stat st{};
      if (lstat(below.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) continue;
      into.insert(below);
      Groups(below, into);
    }
  }
  // Numbers that only tell one of a kind from another: of sockets, pipes, mounts.
  static std::string WithoutNumbers(std::string text) {
    const size_t at = text.find(":[");
    return at == std::string::npos ? text : text.substr(0, at);
  }
  static void OfProcess(pid_t pid, const std::string& name, Held& held) {
    const std::string proc = "/proc/" + std::to_string(pid);
    auto& descriptors = held.things[name + ": descriptors"];
    for (const os::DirEntry& entry : os::ListDir(proc + "/fd").ValueOr({})) {
      char target[4096];
      const ssize_t size = readlink((proc + "/fd/" + entry.name).c_str(), target, sizeof target);
      if (size > 0) descriptors.insert(WithoutNumbers({target, static_cast<size_t>(size)}));
    }
    auto& threads = held.things[name + ": threads"];
    for (const os::DirEntry& entry : os::ListDir(proc + "/task").ValueOr({}))
      threads.insert(os::ReadFile(proc + "/task/" + entry.name + "/comm").ValueOr(""));
    auto& mounts = held.things[name + ": mounts"];
    const std::string table = os::ReadFile(proc + "/mountinfo").ValueOr("");
    for (const std::string_view line : base::Split(table, '\n')) {
      const std::vector<std::string_view> fields = base::Split(line, ' ');
      if (fields.size() > 4) mounts.insert(std::string(fields[4]));
    }
    const std::string sizes = os::ReadFile(proc + "/smaps_rollup").ValueOr("");
    for (const std::string_view line : base::Split(sizes, '\n')) {
      if (line.starts_with("Anonymous:"))
        held.kilobytes[name] = std::strtol(std::string(line.substr(10)).c_str(), nullptr, 10);
    }
  }
  Held Look() {
    Held held;
    OfProcess(runtime_->pid(), "daemon", held);
    for (const auto& [pid, arguments] : SmallProcesses()) {
      held.things["processes"].insert(arguments);
      if (arguments.find("keelson-anchor") != std::string::npos) OfProcess(pid, "anchor", held);
    }
    Tree(state(), held.things["files: state"]);
    Tree(run(), held.things["files: run"]);
    for (const os::DirEntry& hierarchy : os::ListDir("/sys/fs/cgroup").ValueOr({}))
      Groups("/sys/fs/cgroup/" + hierarchy.name + cgroup_root_, held.things["cgroups"]);
    Groups("/sys/fs/cgroup" + cgroup_root_, held.things["cgroups"]);
    for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value())
      held.things["links"].insert(link.name);
    // Those of any process, a pinned one included: what nobody holds is gone.
    const std::string lines = os::ReadFile("/proc/self/mountinfo").ValueOr("");
    for (const std::string_view line : base::Split(lines, '\n')) {
      if (line.find(" nsfs ") != std::string_view::npos)
        held.things["pinned namespaces"].insert(std::string(line));
    }
    return held;
  }

  // What is there now and was not before; empty: nothing.
  static std::string More(const Held& before, const Held& now) {
    std::string text;
    for (const auto& [kind, things] : now.things) {
      std::vector<std::string> more;
      const auto found = before.things.find(kind);
      const std::multiset<std::string> none;
      const std::multiset<std::string>& old = found == before.things.end() ? none : found->second;
      std::set_difference(things.begin(), things.end(), old.begin(), old.end(),
                          std::back_inserter(more));
      // A library's pool grows and shrinks by threads of several names.
      if (kind.ends_with(": threads") && things.size() <= old.size() + kMoreThreads) continue;
      if (!more.empty())
        text += kind + ": " + std::to_string(things.size()) + ", were " +
                std::to_string(old.size()) + ", more: " + base::Join(more, ", ") + "\n";
    }
    return text;
  }
  static void Print(const char* when, const Held& held) {
    std::string text;
    for (const auto& [kind, things] : held.things)
      text += ", " + kind + " " + std::to_string(things.size());
    for (const auto& [name, size] : held.kilobytes)
      text += ", " + name + " memory " + std::to_string(size) + " KB";
    std::fprintf(stderr, "%s: %s\n", when, text.substr(2).c_str());
  }
  // Removal goes on behind the caller: until nothing is more than `before`.
  Held Settle(const Held* before) {
    Held held = Look();
    base::SteadyTime since = base::SystemClock().Steady();
    (void)Eventually(
        [&] {
          Held again = Look();
          if (again.things != held.things) since = base::SystemClock().Steady();
          held = std::move(again);
          if (before != nullptr) return More(*before, held).empty() && Lean(*before, held);
          return base::SystemClock().Steady() - since > std::chrono::seconds(4);
        },
        120);
    return held;
  }
  // What a burst leaves in the allocator goes back after two quiet seconds; what it keeps for good
  // are high-water marks of pools, not a share of every pod.
  static constexpr long kMemoryMargin = 3 * 1024;
  static bool Lean(const Held& before, const Held& now) {
    for (const auto& [name, size] : now.kilobytes) {
      const auto old = before.kilobytes.find(name);
      if (old == before.kilobytes.end() || size > old->second + kMemoryMargin) return false;
    }
    return true;
  }

  int pods_ = 0;
};

TEST_F(ChurnTest, LeavesNothingBehind) {
  Churn(0, kWarmUp);
  ASSERT_FALSE(HasFailure());
  const Held before = Settle(nullptr);
  Print("before", before);
  const auto begin = std::chrono::steady_clock::now();
  Churn(kWarmUp, pods_);
  std::fprintf(stderr, "%d pods in %.1f s\n", pods_,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  const Held after = Settle(&before);
  Print("after", after);
  EXPECT_EQ(More(before, after), "");
  EXPECT_TRUE(Lean(before, after));
  EXPECT_THAT(Runtime().ListPodSandboxes().value(), testing::IsEmpty());
  EXPECT_THAT(Runtime().ListContainers().value(), testing::IsEmpty());
}

}  // namespace
}  // namespace keelson::node_test
