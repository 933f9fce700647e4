// SPDX-License-Identifier: Apache-2.0
// kubernetes-service-controller: keeps what says where the API server is. One key.
#pragma once

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/ownservice/plan.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::ownservice {

class Keeper final : public control::Controller {
 public:
  explicit Keeper(const Context& context) : context_(context) {}
  std::string_view name() const override { return "kubernetes-service-controller"; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&namespaces_, &services_, &endpoints_, &slices_, &cidrs_, &maps_};
  }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;
  size_t Workers() const override { return 1; }

 private:
  const Context context_;
  const schema::Resource& namespaces_ = control::ResourceNamed("", "namespaces");
  const schema::Resource& services_ = control::ResourceNamed("", "services");
  const schema::Resource& endpoints_ = control::ResourceNamed("", "endpoints");
  const schema::Resource& slices_ = control::ResourceNamed("discovery.k8s.io", "endpointslices");
  const schema::Resource& cidrs_ = control::ResourceNamed("networking.k8s.io", "servicecidrs");
  const schema::Resource& maps_ = control::ResourceNamed("", "configmaps");
};

}  // namespace keelson::controllers::ownservice
