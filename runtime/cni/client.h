// SPDX-License-Identifier: Apache-2.0
// The commands of the specification over a whole list of plugins: order, previous results, the
// version that all speak. Thread-safe, blocks. Source: CNI specification 1.1, section 3.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "runtime/cni/config.h"
#include "runtime/cni/plugin_runner.h"
#include "runtime/cni/request.h"
#include "runtime/cni/result_reader.h"

namespace keelson::cni {

class Client {
 public:
  Client(PluginRunner& runner, const ResultReader& reader, std::chrono::milliseconds timeout)
      : runner_(runner), reader_(reader), timeout_(timeout) {}

  // The newest version that configuration, plugins and this program have in common;
  // FailedPrecondition says who speaks what.
  base::Result<std::string> VersionFor(const NetworkConfig& network);
  base::Result<AddResult> Add(const NetworkConfig& network, const std::string& version,
                              const Attachment& attachment);
  // In reverse order; `result`: what ADD ended with, as JSON, empty when it never did.
  base::Status Delete(const NetworkConfig& network, const std::string& version,
                      const Attachment& attachment, const std::string& result);
  base::Status Check(const NetworkConfig& network, const std::string& version,
                     const Attachment& attachment, const std::string& result);
  // Can pods be added now? Before version 1.1.0: are the plugins there.
  base::Status AskStatus(const NetworkConfig& network);
  // Frees what belongs to none of `valid`. Nothing before version 1.1.0 or when not wanted.
  base::Status CollectGarbage(const NetworkConfig& network,
                              const std::vector<std::pair<std::string, std::string>>& valid);

 private:
  // One plugin, one command for one pod; `previous`: the result that it is given.
  base::Result<std::string> RunFor(const std::string& command, const NetworkConfig& network,
                                   const PluginConfig& plugin, const std::string& version,
                                   const Attachment& attachment, const std::string& previous);

  PluginRunner& runner_;
  const ResultReader& reader_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace keelson::cni
