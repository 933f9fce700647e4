// SPDX-License-Identifier: Apache-2.0
// Reviews by an API server. Any thread but the loop's own may ask: whoever asks waits for the
// answer, which comes on the api's loop. The api outlives this.
#pragma once

#include <chrono>

#include "kubelet/node_api/reviews.h"
#include "lib/kube/client/api.h"

namespace keelson::node_api {

class ApiReviews final : public Reviews {
 public:
  explicit ApiReviews(kube::Api& api, std::chrono::milliseconds timeout = std::chrono::seconds(10))
      : api_(api), timeout_(timeout) {}
  base::Result<std::optional<User>> Token(const std::string& token) override;
  base::Result<bool> Access(const Question& question) override;

 private:
  base::Result<json::Value> Create(const std::string& path, const json::Value& object);

  kube::Api& api_;
  const std::chrono::milliseconds timeout_;
};

// What is asked, and what answers mean. Pure.
json::Value TokenReview(const std::string& token);
json::Value AccessReview(const Question& question);
base::Result<std::optional<User>> ReadTokenReview(const json::Value& answer);
base::Result<bool> ReadAccessReview(const json::Value& answer);

}  // namespace keelson::node_api
