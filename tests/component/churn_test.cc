// SPDX-License-Identifier: Apache-2.0
// Pods come and go, eight at a time, through the daemon's socket; afterwards everything that it
// and its anchor hold is what it was before: memory, descriptors, threads, files, mounts, cgroups,
// links and network namespaces. And so it is when daemon, monitors and log processes are killed
// meanwhile. KEELSON_CHURN_PODS makes it long (scripts/churn), KEELSON_TEST_SEED repeats kills.
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "lib/os/files.h"
#include "tests/component/churn_fixture.h"

namespace keelson::node_test {
namespace {

constexpr int kWarmUp = 64;
using std::chrono::seconds;

template <typename T>
std::string Told(const T& result) {
  return result.ok() ? "" : result.error().message();
}

// --- as long as nothing is killed
class QuietChurnTest : public ChurnTest {
 protected:
  void Cycle(cri_client::RuntimeClient& runtime, int number) {
    const Shape shape = ShapeOf(number);
    const base::Result<std::string> id = runtime.RunPodSandbox(shape.pod, "");
    ASSERT_TRUE(id.ok()) << shape.name << ": " << Told(id);
    const auto container = runtime.CreateContainer(*id, shape.container, shape.pod);
    EXPECT_TRUE(container.ok()) << shape.name << ": " << Told(container);
    if (container.ok()) {
      const base::Status started = runtime.StartContainer(*container);
      EXPECT_EQ(started.ok(), !shape.fails) << shape.name << ": " << Told(started);
      if (shape.exec) {
        const auto said = runtime.ExecSync(*container, {"echo", "here"}, seconds(60));
        EXPECT_TRUE(said.ok() && said->stdout() == "here\n") << shape.name << ": " << Told(said);
      }
      if (shape.container_first) {
        EXPECT_EQ(Told(runtime.StopContainer(*container, seconds(0))), "") << shape.name;
        EXPECT_EQ(Told(runtime.RemoveContainer(*container)), "") << shape.name;
      }
    }
    if (shape.stop) {
      EXPECT_EQ(Told(runtime.StopPodSandbox(*id)), "") << shape.name;
    }
    EXPECT_EQ(Told(runtime.RemovePodSandbox(*id)), "") << shape.name;
    EXPECT_TRUE(os::RemoveTree(logs() + "/" + shape.name).ok());  // the kubelet's to do
  }
  void Churn(int first, int pods) {
    ChurnTest::Churn(first, pods, [this](int number) {
      thread_local std::unique_ptr<cri_client::RuntimeClient> runtime;
      if (runtime == nullptr) runtime = cri_client::ConnectRuntime(endpoint_);
      Cycle(*runtime, number);
    });
  }
};

TEST_F(QuietChurnTest, LeavesNothingBehind) {
  Churn(0, kWarmUp);
  ASSERT_FALSE(HasFailure());
  const Held before = Settle(nullptr);
  Print("before", before);
  const auto begin = std::chrono::steady_clock::now();
  Churn(kWarmUp, pods_);
  std::fprintf(stderr, "%d pods in %.1f s\n", pods_,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  ExpectNothingMore(before);
}

// --- while processes are killed
class KilledChurnTest : public ChurnTest {
 protected:
  void SetUp() override {
    ChurnTest::SetUp();
    const char* seed = std::getenv("KEELSON_TEST_SEED");
    seed_ = seed != nullptr ? std::strtoul(seed, nullptr, 10) : std::random_device()();
    std::fprintf(stderr, "seed: KEELSON_TEST_SEED=%lu\n", seed_);
  }

  // Again and again until `call` says yes, each time with the daemon that is there then; what was
  // said last when a minute, on a busy machine a long one, did not do.
  template <typename Call>
  std::string Persist(Call call) {
    std::string last = "never called";
    const bool done = Eventually([&] {
      const auto answer = call(*cri_client::ConnectRuntime(endpoint_));
      last = Told(answer);
      return answer.ok();
    });
    return done ? "" : last;
  }

  // Of a pod whose monitor was killed a start or a command may fail, which is counted; making a
  // pod under the same name and taking it away must come about.
  void Cycle(int number) {
    ++made_;
    const Shape shape = ShapeOf(number);
    std::string id;
    ASSERT_EQ(Persist([&](cri_client::RuntimeClient& runtime) {
                auto made = runtime.RunPodSandbox(shape.pod, "");
                if (made.ok()) id = *made;
                return made;
              }),
              "")
        << shape.name;
    const auto runtime = cri_client::ConnectRuntime(endpoint_);
    const auto container = runtime->CreateContainer(id, shape.container, shape.pod);
    if (container.ok()) {
      const base::Status started = runtime->StartContainer(*container);
      if (shape.fails && started.ok()) NeverZero(*container);
      if (!shape.fails && !started.ok()) ++spoiled_;
      if (shape.exec && started.ok()) {
        const auto said = runtime->ExecSync(*container, {"echo", "here"}, seconds(60));
        if (!said.ok()) ++spoiled_;
      }
      if (shape.container_first) {
        ASSERT_EQ(
            Persist([&](cri_client::RuntimeClient& r) { return r.RemoveContainer(*container); }),
            "")
            << shape.name;
      }
    } else {
      ++spoiled_;
    }
    if (shape.stop) {
      ASSERT_EQ(Persist([&](cri_client::RuntimeClient& r) { return r.StopPodSandbox(id); }), "")
          << shape.name;
    }
    ASSERT_EQ(Persist([&](cri_client::RuntimeClient& r) { return r.RemovePodSandbox(id); }), "")
        << shape.name;
    // A log process writes its last words meanwhile.
    EXPECT_TRUE(Eventually([&] { return os::RemoveTree(logs() + "/" + shape.name).ok(); }));
  }

  // Whose monitor died before it could tell that there is no such program is known as begun; it is
  // known as ended by a failure then, never as well.
  void NeverZero(const std::string& container) {
    ++spoiled_;
    int32_t code = 0;
    EXPECT_TRUE(Eventually([&] {
      const auto status = cri_client::ConnectRuntime(endpoint_)->ContainerStatus(container);
      if (!status.ok() || status->state() != cri::CONTAINER_EXITED) return false;
      code = status->exit_code();
      return true;
    }));
    EXPECT_NE(code, 0) << container;
  }

  // One a second or so until told to stop: the daemon, a pod's monitor, a pod's log process.
  void Kill(std::stop_token stop) {
    std::mt19937 random(static_cast<std::mt19937::result_type>(seed_));
    const auto below = [&](size_t limit) {
      return std::uniform_int_distribution<size_t>(0, limit - 1)(random);
    };
    while (!stop.stop_requested()) {
      (void)poll(nullptr, 0, static_cast<int>(100 + below(1500)));
      const size_t what = below(10);
      if (what < 4) {
        StopRuntime(SIGKILL);
        SpawnRuntime();
        ++killed_daemons_;
        continue;
      }
      std::vector<pid_t> chosen;
      for (const auto& [pid, arguments] : SmallProcesses()) {
        if (arguments.starts_with(what < 8 ? "keelson-monitor " : "keelson-log "))
          chosen.push_back(pid);
      }
      if (chosen.empty()) continue;
      const pid_t pid = chosen[below(chosen.size())];
      const base::Result<os::UniqueFd> process = os::OpenPidfd(pid);
      // The number may be another process's by now.
      if (process.ok() &&
          os::ReadFile("/proc/" + std::to_string(pid) + "/cmdline")
              .ValueOr("")
              .starts_with(what < 8 ? "keelson-monitor" : "keelson-log") &&
          os::SignalPidfd(process->get(), SIGKILL).ok())
        ++(what < 8 ? killed_monitors_ : killed_logs_);
    }
  }

  unsigned long seed_ = 0;
  std::atomic<int> made_ = 0, spoiled_ = 0;  // pods; starts and commands that failed
  int killed_daemons_ = 0, killed_monitors_ = 0, killed_logs_ = 0;
};

TEST_F(KilledChurnTest, LeavesNothingBehind) {
  const auto cycle = [this](int number) { Cycle(number); };
  Churn(0, kWarmUp, cycle);
  ASSERT_FALSE(HasFailure());
  const Held before = Settle(nullptr);
  Print("before", before);
  const auto begin = std::chrono::steady_clock::now();
  {
    const std::jthread killer([this](std::stop_token stop) { Kill(stop); });
    Churn(kWarmUp, pods_, cycle);
  }
  std::fprintf(stderr,
               "%d pods in %.1f s; killed: daemon %d times, monitors %d, log processes %d; starts "
               "and commands that failed: %d\n",
               made_ - kWarmUp,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
               killed_daemons_, killed_monitors_, killed_logs_, spoiled_.load());
  ASSERT_TRUE(Eventually([&] { return cri_client::ConnectRuntime(endpoint_)->Version().ok(); }));
  client_ = cri_client::ConnectRuntime(endpoint_);
  ExpectNothingMore(before);
}

}  // namespace
}  // namespace keelson::node_test
