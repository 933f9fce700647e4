// SPDX-License-Identifier: Apache-2.0
// ConfigMaps, Secrets, tokens and services of the API, as far as pods of this node name them. Each
// named object is followed by a watch of its own while a pod needs it; tokens are renewed when four
// fifths of their time are over. Find, Token and ServiceVariables from any thread; all else on the
// loop's. What is not found is asked of `local`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kubelet/cluster/references.h"
#include "kubelet/volume/objects.h"
#include "lib/kube/client/api.h"

namespace keelson::cluster {

class ApiObjects final : public volume::Objects {
 public:
  ApiObjects(kube::Api& api, const base::Clock& clock, const volume::Objects& local);
  ~ApiObjects() override;

  std::optional<kube::ConfigObject> Find(bool secret, const std::string& namespace_name,
                                         const std::string& name) const override;
  base::Result<std::string> Token(const TokenWish& wish) const override;
  std::vector<std::pair<std::string, std::string>> ServiceVariables(
      const std::string& namespace_name, bool links) const override;

  // `told`: whenever something was answered that a pod may wait for.
  void Start(std::function<void()> told);
  void Want(const kube::Pod& pod);
  void Forget(const std::string& uid);
  // All that the pod names was answered, be it that it is not there.
  bool Answered(const std::string& uid) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::cluster
