// SPDX-License-Identifier: Apache-2.0
#include "kubelet/metrics/metrics.h"

#include <map>

#include "kubelet/probe/probe_state.h"
#include "lib/meter/process.h"

namespace keelson::metrics {
namespace {

using Reads = std::vector<meter::Registry::Read>;

std::string_view NameOf(probe::Outcome outcome) {
  switch (outcome) {
    case probe::Outcome::kSuccess:
    case probe::Outcome::kWarning:
      return "successful";
    case probe::Outcome::kFailure:
      return "failed";
    case probe::Outcome::kError:
      return "unknown";
  }
  return "";
}

}  // namespace

Metrics::Metrics() {
  meter::AddProcess(own_);
  own_.ReadGauges("kubernetes_build_info", "Which program this is.", {"git_version", "platform"},
                  [] { return Reads{{{"keelson " KEELSON_VERSION, "linux"}, 1}}; });
}

void Metrics::ShowNode(const std::string& node, const lifecycle::View& view, bool cgroup_v2) {
  own_.ReadGauges("kubelet_node_name", "The node's name; the value is 1.", {"node"},
                  [node] { return Reads{{{node}, 1}}; });
  own_.ReadGauges("kubelet_cgroup_version", "Version of cgroups that the node has.", {},
                  [cgroup_v2] { return Reads{{{}, cgroup_v2 ? 2.0 : 1.0}}; });
  own_.ReadGauges("kubelet_active_pods", "Pods that the kubelet looks after.", {},
                  [&view] { return Reads{{{}, static_cast<double>(view.Count().pods)}}; });
  own_.ReadGauges("kubelet_running_pods", "Pods of which something runs.", {},
                  [&view] { return Reads{{{}, static_cast<double>(view.Count().running_pods)}}; });
  own_.ReadGauges("kubelet_running_containers", "Containers with a log, by state.",
                  {"container_state"}, [&view] {
                    const lifecycle::View::Counts counts = view.Count();
                    return Reads{{{"running"}, static_cast<double>(counts.running_containers)},
                                 {{"exited"}, static_cast<double>(counts.exited_containers)}};
                  });
}

void Metrics::ShowProbes(const probe::Probes& probes) {
  probes_.ReadCounters(
      "prober_probe_total", "Probes of containers, by what came of them.",
      {"probe_type", "result", "container", "pod", "namespace", "pod_uid"}, [&probes] {
        // A warning is a success with a word for people.
        std::map<std::vector<std::string>, double> sums;
        for (const probe::Probes::Tally& tally : probes.Tallies())
          sums[{std::string(probe::KindName(tally.kind)), std::string(NameOf(tally.outcome)),
                tally.container, tally.pod_name, tally.namespace_name, tally.pod_uid}] +=
              static_cast<double>(tally.times);
        Reads reads;
        for (auto& [labels, sum] : sums) reads.push_back({labels, sum});
        return reads;
      });
  probes_.ReadHistograms("prober_probe_duration_seconds", "How long probes took that did not fail.",
                         {"probe_type", "container", "pod", "namespace"}, probe::Probes::kSeconds,
                         [&probes] {
                           std::map<std::vector<std::string>, meter::Registry::ReadHistogram> sums;
                           for (const probe::Probes::Tally& tally : probes.Tallies()) {
                             if (tally.outcome == probe::Outcome::kFailure) continue;
                             const std::vector<std::string> labels = {
                                 std::string(probe::KindName(tally.kind)), tally.container,
                                 tally.pod_name, tally.namespace_name};
                             meter::Registry::ReadHistogram& sum = sums[labels];
                             sum.values = labels;
                             sum.in.resize(tally.by_seconds.size());
                             for (size_t i = 0; i < sum.in.size(); ++i)
                               sum.in[i] += tally.by_seconds[i];
                             sum.sum += tally.seconds;
                           }
                           std::vector<meter::Registry::ReadHistogram> reads;
                           for (auto& [labels, sum] : sums) reads.push_back(std::move(sum));
                           return reads;
                         });
}

}  // namespace keelson::metrics
