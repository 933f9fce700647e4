// SPDX-License-Identifier: Apache-2.0
#include "kubelet/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "cri-api/client/fake_runtime.h"
#include "kubelet/metrics/metered_runtime.h"
#include "lib/base/fake_clock.h"

namespace keelson::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

cri::PodSandboxConfig Pod() {
  cri::PodSandboxConfig pod;
  pod.mutable_metadata()->set_name("p");
  pod.mutable_metadata()->set_uid("u");
  pod.mutable_metadata()->set_namespace_("default");
  return pod;
}

TEST(MeteredRuntime, CountsCallsErrorsAndWhatTheyBegan) {
  base::ManualClock clock;
  auto fake = std::make_unique<cri_client::FakeRuntime>(clock);
  fake->FailNext("RunPodSandbox", base::Unavailable("no"));
  fake->AddImage("busybox");
  Metrics metrics;
  const auto runtime = Metered(std::move(fake), metrics.registry(), clock);
  EXPECT_THAT(metrics.Text(), HasSubstr("kubelet_started_pods_total 0\n"));
  EXPECT_FALSE(runtime->RunPodSandbox(Pod(), "").ok());
  const std::string pod = runtime->RunPodSandbox(Pod(), "").value();
  cri::ContainerConfig container;
  container.mutable_metadata()->set_name("c");
  container.mutable_image()->set_image("busybox");
  const std::string id = runtime->CreateContainer(pod, container, Pod()).value();
  ASSERT_TRUE(runtime->StartContainer(id).ok());
  EXPECT_FALSE(runtime->StartContainer("none").ok());
  const std::string text = metrics.Text();
  for (const char* line : {
           "\nkubelet_runtime_operations_total{operation_type=\"run_podsandbox\"} 2\n",
           "\nkubelet_runtime_operations_errors_total{operation_type=\"run_podsandbox\"} 1\n",
           "\nkubelet_runtime_operations_duration_seconds_count{operation_type=\"start_container\"}"
           " 2\n",
           "\nkubelet_run_podsandbox_duration_seconds_count{runtime_handler=\"\"} 1\n",
           "\nkubelet_started_pods_total 1\n",
           "\nkubelet_started_pods_errors_total 1\n",
           "\nkubelet_started_containers_total 1\n",
           "\nkubelet_started_containers_errors_total 1\n",
           "\nprocess_resident_memory_bytes ",
           "\nkubernetes_build_info{",
       })
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, ShowWhatTheNodeRuns) {
  base::ManualClock clock;
  lifecycle::View view(clock, "{}");
  lifecycle::PodPicture picture{.name = "web", .namespace_name = "shop", .uid = "u", .runs = true};
  picture.logs["a"] = {.present = "/1.log", .previous = "", .running = true};
  picture.logs["b"] = {.present = "/2.log", .previous = "", .running = false};
  picture.logs["not begun"] = {};
  view.Set(picture);
  Metrics metrics;
  metrics.ShowNode("n1", view, true);
  const std::string text = metrics.Text();
  for (const char* line : {"\nkubelet_node_name{node=\"n1\"} 1\n", "\nkubelet_cgroup_version 2\n",
                           "\nkubelet_active_pods 1\n", "\nkubelet_running_pods 1\n",
                           "\nkubelet_running_containers{container_state=\"running\"} 1\n",
                           "\nkubelet_running_containers{container_state=\"exited\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
  picture.runs = false;
  picture.logs["a"].running = false;
  view.Set(picture);
  EXPECT_EQ(view.Count().pods, 1u);
  EXPECT_EQ(view.Count().running_pods, 0u);
  EXPECT_EQ(view.Count().running_containers, 0u);
  EXPECT_EQ(view.Count().exited_containers, 2u);
  view.Remove("u");
  view.Remove("u");
  EXPECT_EQ(view.Count().pods, 0u);
  EXPECT_EQ(view.Count().exited_containers, 0u);
}

class Answers final : public probe::Prober {
 public:
  // A warning, then failures.
  probe::Answer Probe(const kube::Probe&, const probe::Target&) override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    changed_.notify_all();
    return {asked_ == 1 ? probe::Outcome::kWarning : probe::Outcome::kFailure, ""};
  }
  base::Status Hook(const kube::LifecycleHandler&, const probe::Target&,
                    std::chrono::seconds) override {
    return {};
  }
  void Await(int asked, const std::function<void()>& meanwhile) {
    std::unique_lock lock(mutex_);
    while (asked_ < asked) {
      lock.unlock();
      meanwhile();
      lock.lock();
      changed_.wait_for(lock, std::chrono::milliseconds(20));
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int asked_ = 0;
};

TEST(Metrics, CountProbesOfWhatIsWatched) {
  Metrics metrics;
  base::ManualClock clock;
  Answers prober;
  async::Executor executor(1);
  probe::Probes probes(prober, executor, clock, nullptr, nullptr);
  metrics.ShowProbes(probes);
  probe::Probes::Watched watched;
  watched.pod_uid = "u";
  watched.pod_name = "web";
  watched.namespace_name = "shop";
  watched.container_id = "1";
  watched.container.name = "c";
  watched.container.readiness_probe.emplace();
  watched.container.readiness_probe->period_seconds = 1;
  probes.Watch(watched);
  prober.Await(3, [&] {
    clock.Advance(std::chrono::seconds(2));
    probes.Wake();
  });
  // The third may not have been counted yet.
  const std::string text = metrics.ProbesText();
  const std::string where = "container=\"c\",pod=\"web\",namespace=\"shop\"";
  EXPECT_THAT(text, HasSubstr("prober_probe_total{probe_type=\"Readiness\",result=\"successful\"," +
                              where + ",pod_uid=\"u\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("prober_probe_total{probe_type=\"Readiness\",result=\"failed\"," +
                              where + ",pod_uid=\"u\"} "));
  // Failures are none of them.
  EXPECT_THAT(text, HasSubstr("prober_probe_duration_seconds_bucket{probe_type=\"Readiness\"," +
                              where + ",le=\"+Inf\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("prober_probe_duration_seconds_count{probe_type=\"Readiness\"," +
                              where + "} 1\n"));
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("prober_probe_total")));
  probes.Forget("1");
  EXPECT_THAT(metrics.ProbesText(), Not(HasSubstr("pod=\"web\"")));
}

}  // namespace
}  // namespace keelson::metrics
