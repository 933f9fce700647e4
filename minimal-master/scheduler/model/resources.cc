// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/model/resources.h"

#include <algorithm>

#include "lib/kube/quantity.h"

namespace keelson::scheduler::model {
namespace {

using json::Value;

int64_t AmountOf(std::string_view name, const Value& value) {
  if (value.IsInt()) return name == "cpu" ? value.AsInt() * 1000 : value.AsInt();
  const base::Result<kube::Quantity> quantity = kube::Quantity::Parse(value.AsString());
  if (!quantity.ok()) return 0;
  return name == "cpu" ? quantity->MilliValue() : quantity->Value();
}

bool AtPodLevel(std::string_view name) {
  return name == "cpu" || name == "memory" || name.starts_with("hugepages-");
}

// What a container asks for now: while it is resized, the most of what it had, gets and wants.
Resources RequestOf(const Value& container, const Value& statuses, bool infeasible,
                    Symbols& symbols) {
  Resources wanted = ResourcesOf(container.At({"resources", "requests"}), symbols);
  for (const Value& status : statuses.items()) {
    if (status.At({"name"}).AsString() != container.At({"name"}).AsString()) continue;
    if (status.Find("resources") == nullptr) break;
    Resources out = ResourcesOf(status.At({"resources", "requests"}), symbols);
    out.Raise(ResourcesOf(status.At({"allocatedResources"}), symbols));
    if (!infeasible) out.Raise(wanted);
    return out;
  }
  return wanted;
}

bool ResizeIsInfeasible(const Value& pod) {
  for (const Value& condition : pod.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() == "PodResizePending")
      return condition.At({"reason"}).AsString() == "Infeasible";
  }
  return false;
}

// Both sums of one pod, the exact one and the one with assumed amounts.
struct Sums {
  Resources exact;
  Resources scored;
  void Add(const Sums& b) {
    exact.Add(b.exact);
    scored.Add(b.scored);
  }
  void Raise(const Sums& b) {
    exact.Raise(b.exact);
    scored.Raise(b.scored);
  }
};

Sums OfContainer(const Value& container, const Value& statuses, bool infeasible, Symbols& symbols) {
  Sums out;
  out.exact = RequestOf(container, statuses, infeasible, symbols);
  out.scored = out.exact;
  const Value& requests = container.At({"resources", "requests"});
  if (requests.Find("cpu") == nullptr && out.exact.cpu == 0) out.scored.cpu = kAssumedCpu;
  if (requests.Find("memory") == nullptr && out.exact.memory == 0)
    out.scored.memory = kAssumedMemory;
  return out;
}

}  // namespace

int64_t Resources::Other(Symbol name) const {
  for (const auto& [symbol, amount] : other) {
    if (symbol == name) return amount;
  }
  return 0;
}

int64_t& Resources::OtherRef(Symbol name) {
  auto at = std::lower_bound(other.begin(), other.end(), name,
                             [](const auto& a, Symbol b) { return a.first < b; });
  if (at == other.end() || at->first != name) at = other.insert(at, {name, 0});
  return at->second;
}

void Resources::Add(const Resources& b) {
  cpu += b.cpu;
  memory += b.memory;
  storage += b.storage;
  for (const auto& [symbol, amount] : b.other) OtherRef(symbol) += amount;
}

void Resources::Remove(const Resources& b) {
  cpu -= b.cpu;
  memory -= b.memory;
  storage -= b.storage;
  for (const auto& [symbol, amount] : b.other) OtherRef(symbol) -= amount;
}

void Resources::Raise(const Resources& b) {
  cpu = std::max(cpu, b.cpu);
  memory = std::max(memory, b.memory);
  storage = std::max(storage, b.storage);
  for (const auto& [symbol, amount] : b.other) {
    int64_t& mine = OtherRef(symbol);
    mine = std::max(mine, amount);
  }
}

Resources ResourcesOf(const Value& list, Symbols& symbols) {
  Resources out;
  for (const auto& [name, value] : list.members()) {
    if (name == "pods") continue;
    const int64_t amount = AmountOf(name, value);
    if (name == "cpu") {
      out.cpu = amount;
    } else if (name == "memory") {
      out.memory = amount;
    } else if (name == "ephemeral-storage") {
      out.storage = amount;
    } else {
      out.OtherRef(symbols.Of(name)) = amount;
    }
  }
  return out;
}

PodRequests RequestsOf(const Value& pod, Symbols& symbols) {
  const Value& spec = pod.At({"spec"});
  const bool infeasible = ResizeIsInfeasible(pod);
  const Value& statuses = pod.At({"status", "containerStatuses"});
  const Value& init_statuses = pod.At({"status", "initContainerStatuses"});
  static const Value none;
  Sums sums;
  for (const Value& container : spec.At({"containers"}).items())
    sums.Add(OfContainer(container, statuses, infeasible, symbols));
  Sums sidecars, starting;
  for (const Value& container : spec.At({"initContainers"}).items()) {
    const bool stays = container.At({"restartPolicy"}).AsString() == "Always";
    Sums one = OfContainer(container, stays ? init_statuses : none, infeasible, symbols);
    if (stays) {
      sums.Add(one);
      sidecars.Add(one);
      starting.Raise(sidecars);
    } else {
      one.Add(sidecars);
      starting.Raise(one);
    }
  }
  sums.Raise(starting);
  for (const auto& [name, value] : spec.At({"resources", "requests"}).members()) {
    if (!AtPodLevel(name)) continue;
    const int64_t amount = AmountOf(name, value);
    if (name == "cpu") {
      sums.exact.cpu = sums.scored.cpu = amount;
    } else if (name == "memory") {
      sums.exact.memory = sums.scored.memory = amount;
    } else {
      sums.exact.OtherRef(symbols.Of(name)) = amount;
    }
  }
  const Resources overhead = ResourcesOf(spec.At({"overhead"}), symbols);
  sums.exact.Add(overhead);
  sums.scored.Add(overhead);
  return {std::move(sums.exact), sums.scored.cpu, sums.scored.memory};
}

}  // namespace keelson::scheduler::model
