// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/ownservice/controller.h"

namespace keelson::controllers::ownservice {
namespace {

constexpr char kSystem[] = "kube-system";

}  // namespace

void Keeper::Route(const control::Change& change, const Add& add) {
  const watch::Object& object = *change.object;
  bool ours = false;
  if (&change.resource == &namespaces_) {
    // There is one at the start, whatever else is missing.
    ours = object.name() == kNamespace || object.name() == kSystem;
  } else if (&change.resource == &maps_) {
    ours = object.ns() == kSystem && object.name() == kAuthentication;
  } else {
    ours = object.name() == kName && (object.ns().empty() || object.ns() == kNamespace);
  }
  if (ours) add(kName);
}

control::Outcome Keeper::Sync(const std::string& /*key*/) {
  const watch::Cache& cache = context_.cache;
  Facts facts;
  facts.own = context_.settings.own_address;
  facts.cidrs = context_.settings.networks.services;
  if (context_.settings.authority != nullptr) facts.authority = context_.settings.authority->pem();
  facts.now = context_.clock.WallNanos();
  facts.service = control::Get(cache, services_, kNamespace, kName);
  facts.endpoints = control::Get(cache, endpoints_, kNamespace, kName);
  facts.slice = control::Get(cache, slices_, kNamespace, kName);
  facts.cidr = control::Get(cache, cidrs_, "", kName);
  facts.authentication = control::Get(cache, maps_, kSystem, kAuthentication);
  return Apply(context_.client, "kubernetes-service-controller", Plan(facts));
}

}  // namespace keelson::controllers::ownservice
