// SPDX-License-Identifier: Apache-2.0
// The daemon's side of keelson-read for network plugins: what they wrote, read by a process of its
// own for each output. Any thread; blocks (runtime/reader/ask.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "runtime/cni/result.h"

namespace keelson::cni {

class ResultReader {
 public:
  explicit ResultReader(std::string program) : program_(std::move(program)) {}
  // `interface`: the pod's, whose addresses count.
  base::Result<AddResult> Added(std::string_view out, const std::string& interface) const;
  // Why it failed; where that cannot be read, why not.
  PluginError Failed(std::string_view out, std::string_view err) const;
  base::Result<std::vector<std::string>> Versions(std::string_view out) const;

 private:
  const std::string program_;  // path of keelson-read
};

}  // namespace keelson::cni
