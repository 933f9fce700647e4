// SPDX-License-Identifier: Apache-2.0
#include "cli/ps.h"

#include <algorithm>
#include <tuple>

#include "cli/pod_summary.h"
#include "cli/table.h"

namespace keelson::cli {

using json::Value;

namespace {

constexpr size_t kMessageCharacters = 120;

auto Key(const Value& pod) {
  return std::tie(pod.At({"metadata", "namespace"}).AsString(),
                  pod.At({"metadata", "name"}).AsString());
}

std::string OrNone(const std::string& text) { return text.empty() ? "<none>" : text; }

}  // namespace

std::vector<Value> SelectPods(const Value& list, const PsOptions& options, size_t& left_out) {
  left_out = 0;
  std::vector<Value> out;
  for (const Value& pod : list.At({"items"}).items()) {
    if (!options.name_space.empty() &&
        pod.At({"metadata", "namespace"}).AsString() != options.name_space)
      continue;
    // What failed is of interest, what did its work is not.
    if (!options.all && pod.At({"status", "phase"}).AsString() == "Succeeded") {
      ++left_out;
    } else {
      out.push_back(pod);
    }
  }
  std::sort(out.begin(), out.end(), [](const Value& a, const Value& b) { return Key(a) < Key(b); });
  return out;
}

std::string PodTable(const std::vector<Value>& pods, const PsOptions& options, int64_t now) {
  const bool with_name_space = options.name_space.empty(), wide = options.output == "wide";
  std::vector<std::string> headings;
  if (with_name_space) headings.emplace_back("NAMESPACE");
  for (const char* heading : {"NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP"})
    headings.emplace_back(heading);
  if (wide) headings.insert(headings.end(), {"NODE", "IMAGES"});
  if (options.containers) headings.insert(headings.end(), {"LAST EXIT", "MESSAGE"});
  const size_t most = wide ? std::string::npos : kMessageCharacters;
  Table table(std::move(headings));
  for (const Value& pod : pods) {
    const PodSummary summary = Summarize(pod, now);
    std::vector<std::string> row;
    if (with_name_space) row.push_back(summary.name_space);
    row.insert(row.end(), {summary.name, summary.ready, summary.status, summary.restarts,
                           summary.age, OrNone(summary.ip)});
    if (wide) row.insert(row.end(), {OrNone(summary.node), summary.images});
    // What is wrong with the pod as a whole: an eviction, say.
    if (options.containers)
      row.insert(row.end(), {"", Shorten(pod.At({"status", "message"}).AsString(), most)});
    table.Add(std::move(row));
    if (!options.containers) continue;
    for (const ContainerSummary& container : SummarizeContainers(pod, now)) {
      row.clear();
      if (with_name_space) row.emplace_back();
      row.insert(row.end(), {"  " + container.name + (container.init ? " (init)" : ""),
                             container.ready ? "yes" : "no", container.status, container.restarts,
                             container.age, ""});
      if (wide) row.insert(row.end(), {"", container.image});
      row.insert(row.end(), {container.last_exit, Shorten(container.message, most)});
      table.Add(std::move(row));
    }
  }
  return table.Text();
}

base::Status Ps(const PsOptions& options, Kubelet& kubelet, const base::Clock& clock,
                const Console& console) {
  ASSIGN_OR_RETURN(const Value list, kubelet.Pods());
  size_t left_out = 0;
  std::vector<Value> pods = SelectPods(list, options, left_out);
  if (options.output == "json" || options.output == "yaml") {
    Value selected = list;
    selected.Set("items", Value::Array(std::move(pods)));
    console.out << (options.output == "json" ? json::WriteJson(selected, true) + "\n"
                                             : json::WriteYaml(selected));
    return {};
  }
  if (!pods.empty()) console.out << PodTable(pods, options, clock.WallNanos());
  if (pods.empty() && left_out == 0) {
    console.err << "no pods"
                << (options.name_space.empty() ? " on this node"
                                               : " in namespace '" + options.name_space + "'")
                << "\n";
  }
  if (left_out > 0)
    console.err << left_out
                << (left_out == 1 ? " pod has completed and is not shown"
                                  : " pods have completed and are not shown")
                << "; -a shows all\n";
  return {};
}

}  // namespace keelson::cli
