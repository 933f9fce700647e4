// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/view.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/base/strings.h"
#include "minimal-master/page/troubles.h"
#include "minimal-master/page/view_parts.h"

namespace keelson::page {
namespace {

using json::Value;
using Levels = std::map<const Pod*, Level>;

// For the colour of its square.
std::string_view StateOf(const Pod& pod, const Levels& levels) {
  const auto found = levels.find(&pod);
  if (found != levels.end()) return LevelText(found->second);
  if (pod.ends_by != 0) return "ending";
  if (pod.phase == "Succeeded") return "done";
  if (pod.phase == "Failed") return "failed";
  return pod.is_ready ? "running" : "starting";
}

struct Sum {
  std::map<std::string_view, int64_t> states;
  int64_t pods = 0, cpu_millis = 0, memory_bytes = 0;
};

Value States(const Sum& sum) {
  Value out = Value::Object();
  for (const auto& [state, count] : sum.states) out.Set(state, Value(count));
  return out;
}

Value NodeOut(const Node& node, const Sum& sum, const ViewOf& of) {
  Value out = Value::Object();
  out.Set("name", Value(node.name));
  out.Set("address", Value(node.address));
  out.Set("version", Value(node.version));
  out.Set("system", Value(node.system));
  out.Set("kernel", Value(node.kernel));
  out.Set("ready", Value(IsReady(node)));
  out.Set("created", Value(node.created));
  Value notes = Value::Array();
  bool broken = false;
  for (const Finding& finding : NodeTroubles(node, of.now)) {
    notes.Append(Value(finding.says));
    broken = broken || finding.level == Level::kBroken;
  }
  out.Set("broken", Value(broken));
  out.Set("notes", std::move(notes));
  out.Set("states", States(sum));
  out.Set("pods", Value(sum.pods));
  out.Set("podsMost", Value(node.pods));
  out.Set("cpuMost", Value(node.cpu_millis));
  out.Set("cpuAsked", Value(sum.cpu_millis));
  out.Set("memoryMost", Value(node.memory_bytes));
  out.Set("memoryAsked", Value(sum.memory_bytes));
  for (const usage::NodeUse& use : of.used) {
    if (use.node != node.name) continue;
    out.Set("cpu", Value(static_cast<int64_t>(std::llround(use.use.cores * 1000))));
    out.Set("memory", Value(static_cast<int64_t>(use.use.memory_bytes)));
  }
  if (const auto past = of.past.find(node.name); past != of.past.end()) {
    Value cpu = Value::Array(), memory = Value::Array();
    for (const usage::Point& point : past->second) {
      cpu.Append(Value(static_cast<int64_t>(std::llround(point.cores * 1000))));
      memory.Append(Value(static_cast<int64_t>(point.memory_bytes)));
    }
    out.Set("cpuPast", std::move(cpu));
    out.Set("memoryPast", std::move(memory));
  }
  return out;
}

Value PodOut(const Pod& pod, const Levels& levels, const ViewOf& of) {
  Value out = Value::Object();
  out.Set("ns", Value(pod.ns));
  out.Set("name", Value(pod.name));
  out.Set("node", Value(pod.node));
  out.Set("word", Value(pod.word));
  out.Set("state", Value(StateOf(pod, levels)));
  out.Set("ready", Value(pod.ready));
  out.Set("total", Value(pod.total));
  out.Set("restarts", Value(pod.restarts));
  out.Set("created", Value(pod.created));
  Value containers = Value::Array();
  for (const Container& container : pod.containers) containers.Append(Value(container.name));
  out.Set("containers", std::move(containers));
  if (const auto use = of.use_of ? of.use_of(pod) : std::nullopt) {
    double cores = 0, memory = 0;
    for (const auto& [name, one] : use->containers) {
      cores += one.cores;
      memory += one.memory_bytes;
    }
    out.Set("cpu", Value(static_cast<int64_t>(std::llround(cores * 1000))));
    out.Set("memory", Value(static_cast<int64_t>(memory)));
  }
  return out;
}

bool Matches(const Pod& pod, std::string_view state, std::string_view filter) {
  if (filter.empty()) return true;
  const auto has = [&](std::string_view text) {
    return base::ToLower(text).find(filter) != std::string::npos;
  };
  return has(pod.ns + "/" + pod.name) || has(pod.node) || has(pod.word) || has(state);
}

// Those in trouble first, then by name; no more than the bound.
void AddPods(Value& out, const Levels& levels, const ViewOf& of) {
  const std::string filter = base::ToLower(of.filter);
  std::vector<const Pod*> broken, warned, noted, others;
  size_t all = 0;
  for (const auto& [key, pod] : of.world.pods) {
    const auto level = levels.find(&pod);
    if (of.only_wrong && level == levels.end()) continue;
    if (!Matches(pod, StateOf(pod, levels), filter)) continue;
    ++all;
    std::vector<const Pod*>& into = level == levels.end()              ? others
                                    : level->second == Level::kBroken  ? broken
                                    : level->second == Level::kWarning ? warned
                                                                       : noted;
    if (into.size() < of.bounds.pods) into.push_back(&pod);
  }
  Value pods = Value::Array();
  size_t shown = 0;
  for (const auto* some : {&broken, &warned, &noted, &others})
    for (const Pod* pod : *some)
      if (shown < of.bounds.pods) {
        pods.Append(PodOut(*pod, levels, of));
        ++shown;
      }
  out.Set("pods", std::move(pods));
  out.Set("podsMatching", Value(static_cast<int64_t>(all)));
}

void AddNodes(Value& out, const Levels& levels, const ViewOf& of) {
  std::map<std::string, Sum> sums;
  Sum cluster;
  for (const auto& [key, pod] : of.world.pods) {
    const std::string_view state = StateOf(pod, levels);
    Sum& sum = sums[pod.node];
    ++sum.states[state];
    ++cluster.states[state];
    ++cluster.pods;
    if (pod.phase == "Succeeded" || pod.phase == "Failed") continue;
    ++sum.pods;
    sum.cpu_millis += pod.cpu_millis;
    sum.memory_bytes += pod.memory_bytes;
  }
  std::vector<const Node*> nodes;
  int64_t ready = 0;
  for (const auto& [key, node] : of.world.nodes) {
    nodes.push_back(&node);
    ready += IsReady(node) ? 1 : 0;
  }
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const Node* a, const Node* b) { return IsReady(*a) < IsReady(*b); });
  Value list = Value::Array();
  for (const Node* node : nodes) {
    if (list.items().size() == of.bounds.nodes) break;
    list.Append(NodeOut(*node, sums[node->name], of));
  }
  out.Set("nodes", std::move(list));
  out.Set("nodesAll", Value(static_cast<int64_t>(nodes.size())));
  out.Set("nodesReady", Value(ready));
  out.Set("podsAll", Value(cluster.pods));
  out.Set("podStates", States(cluster));
  out.Set("unplaced", States(sums[""]));
}

void AddFindings(Value& out, const std::vector<Finding>& findings, size_t most) {
  Value list = Value::Array();
  std::map<Level, int64_t> counts;
  for (const Finding& finding : findings) {
    ++counts[finding.level];
    if (list.items().size() < most) list.Append(FindingOut(finding));
  }
  for (const Level level : {Level::kBroken, Level::kWarning, Level::kNote})
    out.Set(LevelText(level), Value(counts[level]));
  out.Set("findings", std::move(list));
}

}  // namespace

Value View(const ViewOf& of) {
  Levels levels;
  const std::vector<Finding> findings = Findings(of.world, of.now, &levels);
  Value out = Value::Object();
  out.Set("version", Value(of.version));
  AddFindings(out, findings, of.bounds.findings);
  AddNodes(out, levels, of);
  AddPods(out, levels, of);
  AddWorkloads(out, of.world, of.bounds.workloads);
  AddServices(out, of.world, of.now, of.bounds.services);
  AddEvents(out, of.world, of.bounds.events);
  return out;
}

Value Verdict(const World& world, int64_t now, size_t most) {
  Value out = Value::Object();
  AddFindings(out, Findings(world, now), most);
  return out;
}

}  // namespace keelson::page
