// SPDX-License-Identifier: Apache-2.0
// ConfigMaps and Secrets by name. Without an API server they are files of a local folder (*.yaml,
// *.json; one or more documents each). Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::volume {

class Objects {
 public:
  virtual ~Objects() = default;
  virtual std::optional<kube::ConfigObject> Find(bool secret, const std::string& namespace_name,
                                                 const std::string& name) const = 0;
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
