// SPDX-License-Identifier: Apache-2.0
#include "cli/exec.h"

#include <algorithm>
#include <set>

#include "cli/duration.h"
#include "cli/pod_summary.h"
#include "lib/base/strings.h"

namespace keelson::cli {

using base::Code;
using base::Result;
using json::Value;

namespace {

// The client's own deadline comes after the timeout; a day of both is as good as none.
constexpr std::chrono::hours kNoTimeout{24};

std::string Label(const cri::Container& container, const std::string& name) {
  const auto found = container.labels().find("io.kubernetes." + name);
  return found == container.labels().end() ? "" : found->second;
}

struct Target {
  std::string id, note;
};

Result<Target> AskKubelet(const ExecOptions& options, Kubelet& kubelet) {
  ASSIGN_OR_RETURN(const Value list, kubelet.Pods());
  ASSIGN_OR_RETURN(const Value* pod, FindPod(list, ParsePodName(options.pod, options.name_space)));
  ASSIGN_OR_RETURN(const ChosenContainer chosen, ChooseContainer(*pod, options.container));
  for (const ContainerSummary& container : SummarizeContainers(*pod, 0)) {
    if (container.name != chosen.name) continue;
    if (!container.running)
      return base::FailedPrecondition("container '{}' does not run: {}", container.name,
                                      container.status);
    return Target{container.id, chosen.note};
  }
  return base::NotFound("container '{}' does not run", chosen.name);
}

}  // namespace

Result<std::string> FindContainer(const std::vector<cri::Container>& containers, const PodName& pod,
                                  const std::string& name) {
  std::vector<const cri::Container*> meant;
  std::set<std::string> pods, names;
  bool known = false;
  for (const cri::Container& container : containers) {
    if (Label(container, "pod.name") != pod.name) continue;
    if (!pod.name_space.empty() && Label(container, "pod.namespace") != pod.name_space) continue;
    known = true;
    if (container.state() != cri::CONTAINER_RUNNING) continue;
    names.insert(Label(container, "container.name"));
    if (!name.empty() && Label(container, "container.name") != name) continue;
    pods.insert(Label(container, "pod.namespace") + "/" + pod.name);
    meant.push_back(&container);
  }
  if (pods.size() > 1) {
    return base::FailedPrecondition("several pods are called '{}': {}; choose with -n", pod.name,
                                    base::Join({pods.begin(), pods.end()}, ", "));
  }
  if (!meant.empty()) {
    // The first that was made: the first of the pod's spec, most likely.
    return (*std::min_element(
                meant.begin(), meant.end(),
                [](const auto* a, const auto* b) { return a->created_at() < b->created_at(); }))
        ->id();
  }
  if (!known) return base::NotFound("no pod '{}' among the runtime's containers", pod.name);
  if (names.empty()) return base::FailedPrecondition("no container of pod '{}' runs", pod.name);
  return base::NotFound("no container '{}' runs in pod '{}'; these do: {}", name, pod.name,
                        base::Join({names.begin(), names.end()}, ", "));
}

Result<int> Exec(const ExecOptions& options, Kubelet& kubelet, Runtime& runtime,
                 const Console& console) {
  if (options.command.empty())
    return base::InvalidArgument("which command? keelson exec {} -- COMMAND", options.pod);
  std::chrono::seconds timeout = kNoTimeout;
  if (!options.timeout.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSpanSeconds(options.timeout));
    if (seconds == 0)
      return base::InvalidArgument("--timeout 0 leaves no time; leave the flag out for no limit");
    timeout = std::chrono::seconds(seconds);
  }
  RETURN_IF_ERROR(runtime.Answers());
  Result<Target> target = AskKubelet(options, kubelet);
  if (!target.ok() && target.error().code() == Code::kUnavailable) {
    const Result<std::vector<cri::Container>> containers = runtime.client().ListContainers();
    if (!containers.ok()) return runtime.ForPeople(containers.error());
    ASSIGN_OR_RETURN(std::string id,
                     FindContainer(*containers, ParsePodName(options.pod, options.name_space),
                                   options.container));
    target = Target{std::move(id), ""};
  }
  if (!target.ok()) return target.error();
  if (!target->note.empty()) console.err << target->note << std::endl;

  const Result<cri::ExecSyncResponse> answer =
      runtime.client().ExecSync(target->id, options.command, timeout);
  if (!answer.ok()) return runtime.ForPeople(answer.error());
  console.out << answer->stdout() << std::flush;
  console.err << answer->stderr() << std::flush;
  return answer->exit_code();
}

}  // namespace keelson::cli
