// SPDX-License-Identifier: Apache-2.0
// keelson-supervise as the watcher.
#pragma once

#include "cli/cluster/watcher.h"

namespace keelson::cluster {

class OwnWatcher final : public Watcher {
 public:
  explicit OwnWatcher(const NodeOptions& options) : options_(options) {}
  bool IsWatching() override;
  base::Result<std::vector<std::string>> Refusals(const supervise::Layout& layout) override;
  base::Status Take(const supervise::Layout& layout) override;
  base::Result<Watched> Tell() override;
  base::Status Stop(const std::string& process) override;
  base::Status Leave() override;
  std::string NameOf(const std::string& process) override;
  std::string LastWords(const std::string& process) override;

 private:
  const NodeOptions options_;
};

}  // namespace keelson::cluster
