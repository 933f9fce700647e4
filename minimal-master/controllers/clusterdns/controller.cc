// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/clusterdns/controller.h"

#include "lib/base/ip_address.h"

namespace keelson::controllers::clusterdns {
namespace {

std::optional<Server> ServerOf(const watch::ObjectPtr& node, bool v6) {
  if (node == nullptr || node->FindLabel(kLabel) == nullptr) return std::nullopt;
  return ReadServer(control::ParseFacts(*node), v6);
}

}  // namespace

void Keeper::Route(const control::Change& change, const Add& add) {
  const watch::Object& object = *change.object;
  if (&change.resource == &nodes_) {
    // Most that is written of a node are heartbeats.
    const bool v6 = base::IsV6(context_.settings.dns_address);
    const std::optional<Server> now =
        change.kind == watch::Kind::kDeleted ? std::nullopt : ServerOf(change.object, v6);
    const watch::ObjectPtr& before =
        change.kind == watch::Kind::kDeleted ? change.object : change.old;
    if (now != ServerOf(before, v6)) add(kName);
    return;
  }
  const bool ours =
      &change.resource == &services_ ? object.name() == kName : object.name() == kSlice;
  if (ours && object.ns() == kNamespace) add(kName);
}

control::Outcome Keeper::Sync(const std::string& /*key*/) {
  const watch::Cache& cache = context_.cache;
  Facts facts;
  facts.address = context_.settings.dns_address;
  const bool v6 = base::IsV6(facts.address);
  for (const watch::ObjectPtr& node : control::List(cache, nodes_, ""))
    if (auto server = ServerOf(node, v6)) facts.servers.push_back(*std::move(server));
  facts.service = control::Get(cache, services_, kNamespace, kName);
  facts.slice = control::Get(cache, slices_, kNamespace, kSlice);
  return Apply(context_.client, "cluster-dns-controller", Plan(std::move(facts)));
}

}  // namespace keelson::controllers::clusterdns
