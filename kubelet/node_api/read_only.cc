// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/read_only.h"

namespace keelson::node_api {

base::Result<std::unique_ptr<ReadOnly>> ReadOnly::Listen(const std::string& endpoint, Views views,
                                                         Offer offer, const base::Clock& clock) {
  offer.debugging = false;
  std::unique_ptr<ReadOnly> made(new ReadOnly());
  ASSIGN_OR_RETURN(made->answers_, Answers::Make(std::move(views), offer, 0, clock));
  made->http_ = std::make_unique<service::Server>(
      KubeletServerOptions(), [raw = made.get()](std::shared_ptr<service::Exchange> exchange) {
        raw->answers_->Answer(std::move(exchange));
      });
  ASSIGN_OR_RETURN(made->port_, made->http_->ListenForAnybody(endpoint));
  return made;
}

}  // namespace keelson::node_api
