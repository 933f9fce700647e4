// SPDX-License-Identifier: Apache-2.0
// namespace-controller: ends namespaces. Hears of every kind that lies in namespaces, so that it
// goes on when something is gone instead of asking again. Keys are namespaces' names.
#pragma once

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/namespaces/plan.h"
#include "minimal-master/controllers/pods/tools.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::namespaces {

class Ender final : public control::Controller {
 public:
  Ender(const Context& context, const pods::Tools& tools);
  std::string_view name() const override { return "namespace-controller"; }
  std::vector<const schema::Resource*> Watches() const override;
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;
  size_t Workers() const override { return 10; }

 private:
  // Side by side; what did not work, as it is told.
  std::vector<std::string> Delete(const std::vector<control::Write>& deletes);
  std::vector<Content> ContentsOf(const std::string& ns) const;

  const Context context_;
  const pods::Tools tools_;
  const schema::Resource& namespaces_ = control::ResourceNamed("", "namespaces");
  std::vector<const schema::Resource*> kinds_;  // everything that lies in namespaces, pods first
};

}  // namespace keelson::controllers::namespaces
