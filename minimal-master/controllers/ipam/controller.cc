// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/ipam/controller.h"

#include <fmt/format.h>

#include <utility>

namespace keelson::controllers::ipam {
namespace {

using json::Value;

constexpr char kAs[] = "node-controller";

}  // namespace

std::vector<std::string> NetworksOf(const watch::Object& node) {
  constexpr std::string_view kField = "\"podCIDRs\":[";
  const std::string_view text = node.bytes().view();
  const size_t at = text.find(kField);
  if (at == std::string_view::npos) return {};
  const size_t from = at + kField.size() - 1;
  const auto list = json::ParseJson(text.substr(from, text.find(']', from) + 1 - from));
  std::vector<std::string> out;
  if (!list.ok()) return out;
  for (const Value& one : list->items()) out.push_back(one.AsString());
  return out;
}

control::Write PlanNode(const watch::Object& node, const std::vector<std::string>& networks) {
  Value list = Value::Array();
  for (const std::string& network : networks) list.Append(Value(network));
  Value patch;
  patch.Set("metadata", Value::Object({{"uid", Value(node.uid())}}));
  patch.Set("spec",
            Value::Object({{"podCIDR", Value(networks.front())}, {"podCIDRs", std::move(list)}}));
  return control::MergePatch(control::ResourceNamed("", "nodes"), "", node.name(),
                             std::move(patch));
}

base::Result<std::unique_ptr<Allocator>> Allocator::Create(const Context& context) {
  ASSIGN_OR_RETURN(std::vector<Blocks> blocks, ReadNetworks(context.settings.networks));
  return std::unique_ptr<Allocator>(new Allocator(context, std::move(blocks)));
}

void Allocator::NoteLocked(const std::string& node, std::vector<std::string> networks) {
  std::vector<std::string>& held = taken_[node];
  if (held == networks) return;
  for (Blocks& blocks : blocks_) {
    for (const std::string& one : networks) blocks.Occupy(one);
    for (const std::string& one : held) blocks.Release(one);
  }
  held = std::move(networks);
  if (held.empty()) taken_.erase(node);
}

void Allocator::Note(const std::string& node, std::vector<std::string> networks) {
  const std::lock_guard lock(mutex_);
  NoteLocked(node, std::move(networks));
}

void Allocator::Route(const control::Change& change, const Add& add) {
  std::string name(change.object->name());
  if (change.kind == watch::Kind::kDeleted) {
    const std::lock_guard lock(mutex_);
    NoteLocked(name, {});
    lacking_.erase(name);
    for (const std::string& other : std::exchange(lacking_, {})) add(other);
    return;
  }
  std::vector<std::string> networks = NetworksOf(*change.object);
  if (networks.empty()) return add(std::move(name));
  Note(name, std::move(networks));
}

std::optional<std::vector<std::string>> Allocator::Take(const std::string& node) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(scanned_, true)) {
    // Not all of what is there may have come as events yet.
    for (const watch::ObjectPtr& other : control::List(context_.cache, nodes_, ""))
      NoteLocked(std::string(other->name()), NetworksOf(*other));
  }
  std::vector<std::string> networks;
  for (Blocks& blocks : blocks_) {
    std::optional<std::string> one = blocks.Take();
    if (!one) {
      for (size_t i = 0; i < networks.size(); ++i) blocks_[i].Release(networks[i]);
      lacking_.insert(node);
      return std::nullopt;
    }
    networks.push_back(*std::move(one));
  }
  taken_[node] = networks;
  return networks;
}

control::Outcome Allocator::Sync(const std::string& key) {
  const watch::ObjectPtr node = control::Find(context_.cache, nodes_, "", key);
  if (!node || !NetworksOf(*node).empty()) return control::Outcome::Done();
  const auto networks = Take(key);
  if (!networks) {
    context_.recorder.Record(control::Parse(*node), "Normal", "CIDRNotAvailable",
                             fmt::format("Node {} status is now: CIDRNotAvailable", key),
                             "cidrAllocator");
    return control::Outcome::Failed("no network is left for the pods of the node");
  }
  const status::Or<Value> done = context_.client.Do(kAs, PlanNode(*node, *networks));
  if (done.ok()) return control::Outcome::Done();
  Note(key, {});
  if (done.failure().code == 404) return control::Outcome::Done();
  return control::Outcome::Failed(done.failure().message);
}

}  // namespace keelson::controllers::ipam
