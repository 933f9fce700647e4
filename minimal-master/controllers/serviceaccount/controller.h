// SPDX-License-Identifier: Apache-2.0
// Every namespace has a service account `default`. Source: k8s.io/kubernetes,
// pkg/controller/serviceaccount (1.35). Keys are namespaces' names.
#pragma once

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::serviceaccount {

struct Facts {
  std::string ns;
  bool active = false;  // it is there and is not going
  bool has_account = false;
};
Planned Plan(const Facts& facts);

class ServiceAccounts final : public control::Controller {
 public:
  explicit ServiceAccounts(const Context& context) : context_(context) {}
  std::string_view name() const override { return "serviceaccount-controller"; }
  std::vector<const schema::Resource*> Watches() const override;
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  const Context context_;
  const schema::Resource& namespaces_ = control::ResourceNamed("", "namespaces");
  const schema::Resource& accounts_ = control::ResourceNamed("", "serviceaccounts");
};

}  // namespace keelson::controllers::serviceaccount
