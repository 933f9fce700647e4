// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/serviceaccount/controller.h"

#include "minimal-master/control/write.h"

namespace keelson::controllers::serviceaccount {

using json::Value;

Planned Plan(const Facts& facts) {
  if (!facts.active || facts.has_account) return {};
  Value account;
  account.Set("apiVersion", Value("v1"));
  account.Set("kind", Value("ServiceAccount"));
  account.Set("metadata",
              Value::Object({{"name", Value("default")}, {"namespace", Value(facts.ns)}}));
  return {{control::Create(control::ResourceNamed("", "serviceaccounts"), facts.ns,
                           std::move(account))},
          std::nullopt};
}

std::vector<const schema::Resource*> ServiceAccounts::Watches() const {
  return {&namespaces_, &accounts_};
}

void ServiceAccounts::Route(const control::Change& change, const Add& add) {
  if (&change.resource == &namespaces_) {
    if (change.kind == watch::Kind::kAdded) add(std::string(change.object->name()));
  } else if (change.kind == watch::Kind::kDeleted && change.object->name() == "default") {
    add(std::string(change.object->ns()));
  }
}

control::Outcome ServiceAccounts::Sync(const std::string& key) {
  const auto space = control::Get(context_.cache, namespaces_, "", key);
  Facts facts;
  facts.ns = key;
  facts.active = space && space->At({"status", "phase"}).AsString() != "Terminating";
  facts.has_account = static_cast<bool>(control::Find(context_.cache, accounts_, key, "default"));
  return Apply(context_.client, "service-account-controller", Plan(facts));
}

}  // namespace keelson::controllers::serviceaccount
