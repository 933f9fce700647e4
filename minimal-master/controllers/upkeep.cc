// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/upkeep.h"

#include "lib/base/log.h"
#include "minimal-master/controllers/accounttokens/controller.h"
#include "minimal-master/controllers/aggregation/controller.h"
#include "minimal-master/controllers/bootstraptokens/controllers.h"
#include "minimal-master/controllers/clusterdns/controller.h"
#include "minimal-master/controllers/csr/controllers.h"
#include "minimal-master/controllers/disruption/controller.h"
#include "minimal-master/controllers/eviction/controller.h"
#include "minimal-master/controllers/garbage/controller.h"
#include "minimal-master/controllers/ipam/controller.h"
#include "minimal-master/controllers/namespaces/controller.h"
#include "minimal-master/controllers/nodes/controller.h"
#include "minimal-master/controllers/nodettl/controller.h"
#include "minimal-master/controllers/ownservice/controller.h"
#include "minimal-master/controllers/podgc/controller.h"
#include "minimal-master/controllers/rootca/controller.h"
#include "minimal-master/controllers/serviceaccount/controller.h"

namespace keelson::controllers {

std::vector<std::unique_ptr<control::Controller>> Upkeep(const Context& context,
                                                         const pods::Tools& tools) {
  std::vector<std::unique_ptr<control::Controller>> out;
  out.push_back(std::make_unique<garbage::Collector>(context));
  out.push_back(std::make_unique<namespaces::Ender>(context, tools));
  out.push_back(std::make_unique<nodes::Lifecycle>(context, tools));
  out.push_back(std::make_unique<eviction::Evictor>(context, tools));
  out.push_back(std::make_unique<disruption::Counter>(context, tools));
  out.push_back(std::make_unique<podgc::Collector>(context, tools));
  out.push_back(std::make_unique<aggregation::Aggregator>(context));
  for (auto& controller : bootstraptokens::Controllers(context))
    out.push_back(std::move(controller));
  for (auto& controller : csr::Controllers(context)) out.push_back(std::move(controller));
  if (!context.settings.own_address.cluster_ip.empty())
    out.push_back(std::make_unique<ownservice::Keeper>(context));
  if (!context.settings.dns_address.empty())
    out.push_back(std::make_unique<clusterdns::Keeper>(context));
  out.push_back(std::make_unique<nodettl::Annotator>(context));
  if (!context.settings.networks.cluster.empty()) {
    base::Result<std::unique_ptr<ipam::Allocator>> made = ipam::Allocator::Create(context);
    if (made.ok()) {
      out.push_back(*std::move(made));
    } else {
      base::LogError("nodes get no networks for their pods", {{"error", made.error()}});
    }
  }
  out.push_back(std::make_unique<serviceaccount::ServiceAccounts>(context));
  if (context.settings.authority != nullptr && context.settings.token_key != nullptr)
    out.push_back(std::make_unique<accounttokens::Filler>(context));
  if (context.settings.authority != nullptr)
    out.push_back(std::make_unique<rootca::Publisher>(context));
  return out;
}

}  // namespace keelson::controllers
