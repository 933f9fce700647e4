// SPDX-License-Identifier: Apache-2.0
// systemd as the watcher of a node's processes.
#pragma once

#include "cli/cluster/units/unit_plan.h"
#include "cli/cluster/watcher.h"

namespace keelson::cluster {

class UnitWatcher final : public Watcher {
 public:
  UnitWatcher(const NodeOptions& options, std::unique_ptr<systemd::Services> services)
      : options_(options), services_(std::move(services)) {}
  bool IsWatching() override;
  base::Result<std::vector<std::string>> Refusals(const supervise::Layout& layout) override;
  base::Status Take(const supervise::Layout& layout) override;
  base::Result<Watched> Tell() override;
  base::Status Stop(const std::string& process) override;
  base::Status Leave() override;
  std::string NameOf(const std::string& process) override;
  std::string LastWords(const std::string& process) override;

 private:
  base::Result<std::vector<SeenUnit>> See();
  base::Result<UnitActions> Plan(const supervise::Layout& layout);
  base::Status Forget(const std::string& unit);  // disables, removes

  const NodeOptions options_;
  const std::unique_ptr<systemd::Services> services_;
};

// FailedPrecondition with what to do where systemd cannot be asked.
base::Result<std::unique_ptr<systemd::Services>> ConnectToServices();

}  // namespace keelson::cluster
