// SPDX-License-Identifier: Apache-2.0
// serviceaccount-token-controller: Secrets of type kubernetes.io/service-account-token have a token
// of the account that they name, for as long as that is there. Keys are the Secrets' "ns/name".
// Source: k8s.io/kubernetes, pkg/controller/serviceaccount/tokens_controller.go (1.35).
#pragma once

#include <functional>
#include <optional>

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::accounttokens {

struct Facts {
  json::Value secret;
  std::optional<json::Value> account;  // the one it names
  std::string certificate;             // of the authority, PEM
};
// The account that such a Secret names; empty: it is no such Secret.
std::string AccountOf(const json::Value& secret);
// `make` is asked for a token only when one is lacking; empty: there is none to be had.
Planned Plan(const Facts& facts, const std::function<std::string()>& make);

class Filler final : public control::Controller {
 public:
  explicit Filler(const Context& context) : context_(context) {}
  std::string_view name() const override { return "serviceaccount-token-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&secrets_, &accounts_}; }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  const Context context_;
  const schema::Resource& secrets_ = control::ResourceNamed("", "secrets");
  const schema::Resource& accounts_ = control::ResourceNamed("", "serviceaccounts");
};

}  // namespace keelson::controllers::accounttokens
