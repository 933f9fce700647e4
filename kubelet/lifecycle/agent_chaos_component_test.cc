// SPDX-License-Identifier: Apache-2.0
// Pods under a runtime that fails, forgets to answer and loses things by chance, and a kubelet that
// dies in between: once the trouble is over every pod runs, once, and when it is deleted nothing is
// left. The seed of a failure is told; KEELSON_SEED runs it again.
#include <cstdlib>
#include <random>

#include "kubelet/lifecycle/test_node.h"
#include "lib/base/log.h"

namespace keelson::lifecycle {
namespace {

using std::chrono::seconds;

class AgentChaos : public NodeOfATest {
 protected:
  static void SetUpTestSuite() { base::SetLogLevel(base::LogLevel::kError); }
  static void TearDownTestSuite() { base::SetLogLevel(base::LogLevel::kInfo); }

  int Random(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  bool Chance(int percent) { return Random(100) < percent; }

  std::string RandomContainer(const std::string& name, bool init, bool of_a_job) {
    std::string text = "- {name: " + name + ", image: " + kImage;
    if (of_a_job && !init) return text + ", command: [sh, -c, 'exit 0']}\n";
    if (init) text += Chance(50) ? ", restartPolicy: Always" : ", command: [sh, -c, 'exit 0']";
    static const char* const kHooks[] = {"", ", lifecycle: {preStop: {exec: {command: [x]}}}",
                                         ", lifecycle: {postStart: {exec: {command: [x]}}}"};
    if (!init) text += kHooks[Random(3)];
    if (!init && Chance(30)) text += ", readinessProbe: {exec: {command: [x]}, periodSeconds: 1}";
    return text + "}\n";
  }
  kube::Pod RandomPod(const std::string& name) {
    const bool job = Chance(30);
    std::string spec = job ? "restartPolicy: OnFailure\ncontainers:\n" : "containers:\n";
    for (int i = Random(2); i >= 0; --i)
      spec += RandomContainer(name + "-c" + std::to_string(i), false, job);
    const int inits = Random(3);
    if (inits > 0) spec += "initContainers:\n";
    for (int i = 0; i < inits; ++i)
      spec += RandomContainer(name + "-i" + std::to_string(i), true, job);
    if (Chance(50)) spec += "volumes: [{name: v, emptyDir: {}}]\n";
    kube::Pod pod = Pod(name, spec);
    pod.metadata.uid += "-" + std::to_string(uids_.size());
    uids_.push_back(pod.metadata.uid);
    return pod;
  }
  void Trouble() {
    static const char* const kCalls[] = {"RunPodSandbox",   "StopPodSandbox",   "RemovePodSandbox",
                                         "CreateContainer", "StartContainer",   "StopContainer",
                                         "RemoveContainer", "ListPodSandbox",   "ListContainers",
                                         "ContainerStatus", "PodSandboxStatus", "ImageStatus"};
    const std::string call = kCalls[Random(std::size(kCalls))];
    switch (Random(7)) {
      case 0:
        fake_.FailNext(call, base::Unavailable("trouble with {}", call), 1 + Random(3));
        break;
      case 1:
        fake_.LoseAnswer(call, 1);
        break;
      case 2:
        fake_.EndEventStreams();
        break;
      case 3: {
        const auto containers = fake_.ListContainers();
        if (containers.ok() && !containers->empty())
          fake_.Exit(
              (*containers)[static_cast<size_t>(Random(static_cast<int>(containers->size())))].id(),
              Random(3));
        break;
      }
      case 4: {
        const auto pods = fake_.ListPodSandboxes();
        if (pods.ok() && !pods->empty() && Chance(30))
          fake_.LoseSandbox(
              (*pods)[static_cast<size_t>(Random(static_cast<int>(pods->size())))].id());
        break;
      }
      case 5: {
        // Another manifest under the same name, or none for a while.
        const size_t at = static_cast<size_t>(Random(static_cast<int>(std::size(kNames))));
        std::vector<kube::Pod> pods = wanted_;
        std::erase_if(pods, [&](const kube::Pod& pod) { return pod.metadata.name == kNames[at]; });
        if (Chance(70)) pods.push_back(RandomPod(kNames[at]));
        if (Chance(40)) Want(pods);
        break;
      }
      default:
        if (Chance(25)) {
          Restart();
          life_->agent.OnFiles({.pods = wanted_});
        }
    }
  }
  void TimePasses() {
    clock_.Advance(seconds(Random(20)));
    life_->probes->Wake();
    for (const std::string& uid : uids_) life_->agent.OnHealth(uid);
  }
  // "" or what is not as it should be.
  std::string Disorder() {
    const auto containers = fake_.ListContainers();
    const auto sandboxes = fake_.ListPodSandboxes();
    if (!containers.ok() || !sandboxes.ok()) return "the runtime does not answer";
    std::map<std::string, int> running, ready;
    for (const cri::Container& container : *containers)
      running[container.metadata().name()] += container.state() == cri::CONTAINER_RUNNING ? 1 : 0;
    for (const cri::PodSandbox& sandbox : *sandboxes)
      ready[sandbox.metadata().name()] += sandbox.state() == cri::SANDBOX_READY ? 1 : 0;
    for (const kube::Pod& pod : wanted_) {
      if (pod.spec.restart_policy == "OnFailure") {
        if (Phase(pod.metadata.name) != "Succeeded")
          return pod.metadata.name + " has not succeeded";
        if (ready[pod.metadata.name] != 0) return pod.metadata.name + " has a sandbox still";
        continue;
      }
      if (!IsReady(pod.metadata.name)) return pod.metadata.name + " is not ready";
      if (ready[pod.metadata.name] != 1) return pod.metadata.name + " has not one sandbox";
      for (const kube::Container& container : pod.spec.containers) {
        if (running[container.name] != 1) return container.name + " does not run once";
      }
      for (const kube::Container& init : pod.spec.init_containers) {
        if (running[init.name] != (init.restart_policy == "Always" ? 1 : 0))
          return init.name + " does not run as it should";
      }
    }
    return "";
  }

  static constexpr const char* kNames[] = {"one", "two", "three"};
  std::mt19937 random_;
  std::vector<std::string> uids_;  // of all pods that there were
};

TEST_F(AgentChaos, EndsInOrder) {
  const char* const given = std::getenv("KEELSON_SEED");
  const unsigned first =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : 1;
  for (unsigned seed = first; seed < first + (given != nullptr ? 1 : 8) && !HasFailure(); ++seed) {
    SCOPED_TRACE("KEELSON_SEED=" + std::to_string(seed));
    random_.seed(seed);
    uids_.clear();
    std::vector<kube::Pod> pods;
    for (const char* name : kNames) pods.push_back(RandomPod(name));
    Want(pods);
    for (int step = 0; step < 60; ++step) {
      Trouble();
      TimePasses();
      (void)poll(nullptr, 0, Random(5));
    }
    std::string disorder;
    EXPECT_TRUE(Eventually([&] {
      TimePasses();
      disorder = Disorder();
      return disorder.empty();
    })) << disorder;
    Want({});
    EXPECT_TRUE(Eventually([&] {
      TimePasses();
      return IsGone("one") && IsGone("two") && IsGone("three");
    }));
    EXPECT_THAT(fake_.ListPodSandboxes().value(), testing::IsEmpty());
    EXPECT_THAT(fake_.ListContainers().value(), testing::IsEmpty());
    EXPECT_THAT(cgroups_->PodsOnNode().value(), testing::IsEmpty());
    for (const std::string& directory : {node_.logs, links_, dir_.path() + "/kubelet/pods"})
      EXPECT_THAT(Names(directory), testing::IsEmpty()) << directory;
  }
}

}  // namespace
}  // namespace keelson::lifecycle
