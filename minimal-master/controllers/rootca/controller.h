// SPDX-License-Identifier: Apache-2.0
// Every namespace has a ConfigMap `kube-root-ca.crt` with the certificate that pods check the API
// server by. Source: k8s.io/kubernetes, pkg/controller/certificates/rootcacertpublisher (1.35).
// Keys are namespaces' names.
#pragma once

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::rootca {

struct Facts {
  std::string ns;
  bool active = false;
  std::optional<json::Value> map;  // as it is
  std::string certificate;
};
Planned Plan(const Facts& facts);

class Publisher final : public control::Controller {
 public:
  explicit Publisher(const Context& context) : context_(context) {}
  std::string_view name() const override { return "root-ca-certificate-publisher-controller"; }
  std::vector<const schema::Resource*> Watches() const override;
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  const Context context_;
  const schema::Resource& namespaces_ = control::ResourceNamed("", "namespaces");
  const schema::Resource& maps_ = control::ResourceNamed("", "configmaps");
};

}  // namespace keelson::controllers::rootca
