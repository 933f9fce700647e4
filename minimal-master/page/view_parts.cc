// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/view_parts.h"

#include <algorithm>
#include <tuple>

#include "minimal-master/page/troubles.h"

namespace keelson::page {
namespace {

using json::Value;

// 0: something is wrong, 1: on its way, 2: well.
int StandingOf(const Workload& one) {
  if (one.kind == "Job") return !one.stuck.empty() ? 0 : one.done ? 2 : 1;
  if (!one.stuck.empty()) return 0;
  return one.ready < one.wanted || one.updated < one.wanted ? 1 : 2;
}
std::string_view StateText(int standing) {
  return standing == 0 ? "broken" : standing == 1 ? "starting" : "running";
}

template <typename T>
void SetList(Value& out, const std::string& name, const std::vector<T>& all, size_t most,
             const auto& show) {
  Value list = Value::Array();
  for (const T& one : all) {
    if (list.items().size() == most) break;
    list.Append(show(one));
  }
  out.Set(name, std::move(list));
  out.Set(name + "All", Value(static_cast<int64_t>(all.size())));
}

}  // namespace

Value FindingOut(const Finding& finding) {
  Value out = Value::Object();
  out.Set("level", Value(LevelText(finding.level)));
  out.Set("kind", Value(finding.kind));
  out.Set("ns", Value(finding.ns));
  out.Set("name", Value(finding.name));
  out.Set("says", Value(finding.says));
  out.Set("detail", Value(finding.detail));
  out.Set("count", Value(finding.count));
  out.Set("since", Value(finding.since));
  out.Set("pod", Value(finding.pod));
  out.Set("container", Value(finding.container));
  return out;
}

void AddWorkloads(Value& out, const World& world, size_t most) {
  std::vector<const Workload*> all;
  for (const auto& [key, one] : world.workloads)
    if (one.owner_kind != "Deployment") all.push_back(&one);
  std::sort(all.begin(), all.end(), [](const Workload* a, const Workload* b) {
    return std::make_tuple(StandingOf(*a), std::tie(a->ns, a->name, a->kind)) <
           std::make_tuple(StandingOf(*b), std::tie(b->ns, b->name, b->kind));
  });
  SetList(out, "workloads", all, most, [](const Workload* one) {
    Value value = Value::Object();
    value.Set("kind", Value(one->kind));
    value.Set("ns", Value(one->ns));
    value.Set("name", Value(one->name));
    value.Set("state", Value(one->done ? "done" : StateText(StandingOf(*one))));
    value.Set("wanted", Value(one->wanted));
    value.Set("ready", Value(one->ready));
    value.Set("images", Value(one->images));
    value.Set("created", Value(one->created));
    return value;
  });
}

void AddServices(Value& out, const World& world, int64_t now, size_t most) {
  std::map<std::string, Slice> endpoints;
  for (const auto& [key, slice] : world.slices) {
    Slice& sum = endpoints[slice.ns + "/" + slice.service];
    sum.ready += slice.ready;
    sum.unready += slice.unready;
  }
  struct Shown {
    const Service* service;
    Slice endpoints;
    bool wrong;
  };
  std::vector<Shown> all;
  for (const auto& [key, service] : world.services) {
    const Slice& of = endpoints[service.ns + "/" + service.name];
    all.push_back({&service, of, ServiceTrouble(service, of, now).has_value()});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Shown& a, const Shown& b) { return a.wrong > b.wrong; });
  SetList(out, "services", all, most, [](const Shown& shown) {
    Value value = Value::Object();
    value.Set("ns", Value(shown.service->ns));
    value.Set("name", Value(shown.service->name));
    value.Set("type", Value(shown.service->type));
    value.Set("address", Value(shown.service->address));
    value.Set("ports", Value(shown.service->ports));
    value.Set("ready", Value(shown.endpoints.ready));
    value.Set("unready", Value(shown.endpoints.unready));
    value.Set("state", Value(shown.wrong ? "warning" : "running"));
    value.Set("created", Value(shown.service->created));
    return value;
  });
}

void AddEvents(Value& out, const World& world, size_t most) {
  std::vector<const Event*> all;
  for (const auto& [key, event] : world.events) all.push_back(&event);
  std::sort(all.begin(), all.end(), [](const Event* a, const Event* b) {
    return std::make_tuple(a->type != "Warning", -a->at, -a->revision) <
           std::make_tuple(b->type != "Warning", -b->at, -b->revision);
  });
  SetList(out, "events", all, most, [](const Event* event) {
    Value value = Value::Object();
    value.Set("warning", Value(event->type == "Warning"));
    value.Set("ns", Value(event->ns));
    value.Set("kind", Value(event->kind));
    value.Set("name", Value(event->name));
    value.Set("reason", Value(event->reason));
    value.Set("message", Value(event->message));
    value.Set("count", Value(event->count));
    value.Set("at", Value(event->at));
    return value;
  });
}

}  // namespace keelson::page
