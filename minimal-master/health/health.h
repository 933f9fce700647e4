// SPDX-License-Identifier: Apache-2.0
// /healthz, /livez and /readyz: named checks, asked one by one whenever somebody looks. Checks are
// called on a request's thread, many at once, and may block for a moment. Source: k8s.io/apiserver,
// server/healthz (1.35).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minimal-master/api/answer.h"

namespace keelson::health {

struct Check {
  std::string name;
  std::function<base::Status()> run;
  bool live = true;  // of /livez and /healthz as well; else of /readyz alone
};

class Health {
 public:
  explicit Health(std::vector<Check> checks) : checks_(std::move(checks)) {}

  // The answer to one of these paths or to one below it ("/readyz/ping"); nothing: no check's.
  std::optional<api::Answer> Page(std::string_view path, const service::Fields& query) const;

 private:
  api::Answer All(std::string_view page, const service::Fields& query) const;

  const std::vector<Check> checks_;
};

}  // namespace keelson::health
