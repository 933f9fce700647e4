// SPDX-License-Identifier: Apache-2.0
#include "tests/component/churn_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "lib/base/clock.h"

namespace keelson::node_test {
namespace {
constexpr int kAtOnce = 8;
}

void ChurnTest::SetUp() {
  NodeTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  const char* pods = std::getenv("KEELSON_CHURN_PODS");
  pods_ = pods != nullptr ? std::atoi(pods) : 200;
  ASSERT_NO_FATAL_FAILURE(LoadImage("busybox"));
  ASSERT_NO_FATAL_FAILURE(StartRuntime());
}

ChurnTest::Shape ChurnTest::ShapeOf(int number) const {
  Shape shape;
  shape.name = "churn-" + std::to_string(number);
  shape.pod.mutable_metadata()->set_name(shape.name);
  shape.pod.mutable_metadata()->set_uid("uid-" + shape.name);
  shape.pod.mutable_metadata()->set_namespace_("default");
  shape.pod.set_hostname(shape.name);
  shape.pod.set_log_directory(logs() + "/" + shape.name);
  // One group for all: what is left below it is seen.
  shape.pod.mutable_linux()->set_cgroup_parent(cgroup_root_);
  auto& spaces =
      *shape.pod.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  spaces.set_pid(number % 5 == 0 ? cri::POD : cri::CONTAINER);

  const bool ends = number % 4 == 1;
  shape.fails = number % 9 == 2;
  shape.exec = number % 4 == 0 && !shape.fails;
  shape.container_first = number % 6 == 0;
  shape.stop = number % 7 != 0;
  shape.container.mutable_metadata()->set_name("main");
  shape.container.mutable_image()->set_image("docker.io/library/busybox:demo");
  for (const char* word : {shape.fails ? "/bin/none" : "/bin/sh", "-c"})
    shape.container.add_command(word);
  shape.container.add_command(ends ? "echo one; exit 3" : "echo one; sleep 100000");
  shape.container.set_log_path("main.log");
  auto& security = *shape.container.mutable_linux()->mutable_security_context();
  *security.mutable_namespace_options() = spaces;
  security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  if (number % 3 == 0) {
    cri::Mount& volume = *shape.container.add_mounts();
    volume.set_host_path(dir_.path());
    volume.set_container_path("/volume");
    volume.set_readonly(true);
  }
  return shape;
}

void ChurnTest::Churn(int first, int pods, const std::function<void(int)>& cycle) {
  std::atomic<int> next{first};
  std::vector<std::thread> threads;
  for (int t = 0; t < kAtOnce; ++t) {
    threads.emplace_back([&] {
      for (int i = next++; i < first + pods && !HasFailure(); i = next++) cycle(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

Held ChurnTest::Look() {
  return LookAt({runtime_->pid(), SmallProcesses(), state(), run(), cgroup_root_});
}

Held ChurnTest::Settle(const Held* before) {
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

void ChurnTest::ExpectNothingMore(const Held& before) {
  const Held after = Settle(&before);
  Print("after", after);
  EXPECT_EQ(More(before, after), "");
  EXPECT_TRUE(Lean(before, after));
  EXPECT_THAT(Runtime().ListPodSandboxes().value(), testing::IsEmpty());
  EXPECT_THAT(Runtime().ListContainers().value(), testing::IsEmpty());
}

}  // namespace keelson::node_test
