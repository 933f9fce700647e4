// SPDX-License-Identifier: Apache-2.0
// What pods get from outside: ConfigMaps and Secrets by name, tokens of their service account, the
// variables of services. Without an API server objects are files of a local folder (*.yaml, *.json;
// one or more documents each), and there is nothing else. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::volume {

class Objects {
 public:
  virtual ~Objects() = default;
  virtual std::optional<kube::ConfigObject> Find(bool secret, const std::string& namespace_name,
                                                 const std::string& name) const = 0;
  struct TokenWish {
    std::string pod_uid, audience;
    int64_t seconds = 3600;
    friend auto operator<=>(const TokenWish&, const TokenWish&) = default;
  };
  virtual base::Result<std::string> Token(const TokenWish&) const {
    return base::Unimplemented(
        "service account tokens need an API server, which this node does not have");
  }
  // `links`: of all services of the namespace, not only of the API server's.
  virtual std::vector<std::pair<std::string, std::string>> ServiceVariables(
      const std::string& /*namespace_name*/, bool /*links*/) const {
    return {};
  }
};

class LocalObjects final : public Objects {
 public:
  explicit LocalObjects(std::string directory) : directory_(std::move(directory)) {}
  std::optional<kube::ConfigObject> Find(bool secret, const std::string& namespace_name,
                                         const std::string& name) const override;
  // Reads the folder again: what is wrong with each bad file, with file and line; good files count.
  std::vector<base::Error> Reload();

 private:
  const std::string directory_;
  struct State;
  mutable std::shared_ptr<const State> state_;  // replaced whole, std::atomic_load/store
};

}  // namespace keelson::volume
