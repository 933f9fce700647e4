// SPDX-License-Identifier: Apache-2.0
#include "proxy/agent/metrics.h"

#include <array>
#include <map>

namespace keelson::proxy {
namespace {

constexpr double kBounds[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
                              0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};

// 0.25, 0.5, each second to 59, then in steps of 5 to 115 and of 30 to 300.
constexpr auto kProgramming = [] {
  std::array<double, 2 + 59 + 12 + 7> bounds{};
  size_t at = 0;
  bounds[at++] = 0.25;
  bounds[at++] = 0.5;
  for (int i = 1; i <= 59; ++i) bounds[at++] = i;
  for (int i = 60; i < 120; i += 5) bounds[at++] = i;
  for (int i = 120; i <= 300; i += 30) bounds[at++] = i;
  return bounds;
}();

constexpr char kSync[] = "kubeproxy_sync_proxy_rules_";

}  // namespace

Metrics::Metrics(meter::Registry& registry)
    : duration(registry
                   .Histograms("kubeproxy_sync_proxy_rules_duration_seconds",
                               "How long it took to write changed rules", {}, kBounds)
                   .With({})),
      full_duration(registry
                        .Histograms("kubeproxy_sync_full_proxy_rules_duration_seconds",
                                    "How long it took when all rules were written", {}, kBounds)
                        .With({})),
      partial_duration(registry
                           .Histograms("kubeproxy_sync_partial_proxy_rules_duration_seconds",
                                       "How long it took when only changed services' were", {},
                                       kBounds)
                           .With({})),
      programming(registry
                      .Histograms("kubeproxy_network_programming_duration_seconds",
                                  "From a change of endpoints to its rules", {}, kProgramming)
                      .With({})),
      flow_duration(registry
                        .Histograms("kubeproxy_conntrack_reconciler_sync_duration_seconds",
                                    "How long it took to forget outdated flows", {}, kBounds)
                        .With({})),
      failures(registry
                   .Counters(std::string(kSync) + "iptables_restore_failures_total",
                             "Writes of rules that failed")
                   .With({})),
      partial_failures(registry
                           .Counters(std::string(kSync) + "iptables_partial_restore_failures_total",
                                     "Those of them that were of changed services alone")
                           .With({})),
      flows_forgotten(registry
                          .Counters("kubeproxy_conntrack_reconciler_deleted_entries_total",
                                    "Outdated flows that were forgotten")
                          .With({})),
      service_changes(registry
                          .Counters(std::string(kSync) + "service_changes_total",
                                    "Services that came, changed or went")
                          .With({})),
      endpoint_changes(registry
                           .Counters(std::string(kSync) + "endpoint_changes_total",
                                     "Slices that came, changed or went")
                           .With({})),
      services_pending(registry
                           .Gauges(std::string(kSync) + "service_changes_pending",
                                   "Those of them that are in no rules yet")
                           .With({})),
      endpoints_pending(registry
                            .Gauges(std::string(kSync) + "endpoint_changes_pending",
                                    "Those of them that are in no rules yet")
                            .With({})),
      last_time(
          registry
              .Gauges(std::string(kSync) + "last_timestamp_seconds", "When rules were last written")
              .With({})),
      last_queued(registry
                      .Gauges(std::string(kSync) + "last_queued_timestamp_seconds",
                              "When a write was last asked for")
                      .With({})),
      no_local_internal(registry
                            .Gauges(std::string(kSync) + "no_local_endpoints_total",
                                    "Services that keep traffic on the node and have nobody there",
                                    {"traffic_policy"})
                            .With({"internal"})),
      no_local_external(
          registry.Gauges(std::string(kSync) + "no_local_endpoints_total", "", {"traffic_policy"})
              .With({"external"})),
      rules(registry.Gauges(std::string(kSync) + "iptables_total", "Rules of services", {"table"})),
      last_rules(registry.Gauges(std::string(kSync) + "iptables_last",
                                 "Rules that the last write wrote", {"table"})) {}

void Metrics::Wrote(const Figures& before, const Figures& after, double seconds) {
  if (after.full > before.full) full_duration.Observe(seconds);
  if (after.partial > before.partial) partial_duration.Observe(seconds);
  failures.Add(static_cast<double>(after.failures - before.failures));
  partial_failures.Add(static_cast<double>(after.partial_failures - before.partial_failures));
  flows_forgotten.Add(static_cast<double>(after.flows_forgotten - before.flows_forgotten));
  if (after.flow_looks > before.flow_looks)
    flow_duration.Observe(after.flow_seconds - before.flow_seconds);
}

void Metrics::Rules(const std::vector<Figures>& now) {
  std::map<std::string, uint64_t> all, last;
  for (const Figures& figures : now) {
    for (const auto& [table, number] : figures.rules) all[table] += number;
    for (const auto& [table, number] : figures.last_rules) last[table] += number;
  }
  for (const auto& [table, number] : all) rules.With({table}).Set(static_cast<double>(number));
  for (const auto& [table, number] : last)
    last_rules.With({table}).Set(static_cast<double>(number));
}

void CountAnswers(Health& health, meter::Registry& registry) {
  auto& healthz =
      registry.Counters("kubeproxy_proxy_healthz_total", "Answers to /healthz", {"code"});
  auto& livez = registry.Counters("kubeproxy_proxy_livez_total", "Answers to /livez", {"code"});
  health.OnAnswer([&healthz, &livez](bool with_node, int code) {
    (with_node ? healthz : livez).With({std::to_string(code)}).Add();
  });
}

}  // namespace keelson::proxy
