// SPDX-License-Identifier: Apache-2.0
// cluster-dns-controller: keeps the Service kube-dns and its slice of nodes. One key.
#pragma once

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/clusterdns/plan.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::clusterdns {

class Keeper final : public control::Controller {
 public:
  explicit Keeper(const Context& context) : context_(context) {}
  std::string_view name() const override { return "cluster-dns-controller"; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&nodes_, &services_, &slices_};
  }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;
  size_t Workers() const override { return 1; }

 private:
  const Context context_;
  const schema::Resource& nodes_ = control::ResourceNamed("", "nodes");
  const schema::Resource& services_ = control::ResourceNamed("", "services");
  const schema::Resource& slices_ = control::ResourceNamed("discovery.k8s.io", "endpointslices");
};

}  // namespace keelson::controllers::clusterdns
