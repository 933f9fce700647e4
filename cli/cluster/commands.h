// SPDX-License-Identifier: Apache-2.0
// The command line of a node of a cluster: up, join, status, apply, leave, down.
#pragma once

#include <memory>
#include <optional>

#include "cli/console.h"
#include "lib/base/clock.h"

namespace CLI {
class App;
}

namespace keelson::cluster {

class Commands {
 public:
  explicit Commands(CLI::App& app);
  ~Commands();
  // The exit code, when one of them was asked for.
  std::optional<int> Run(const base::Clock& clock, const cli::Console& console);

 private:
  struct Asked;
  std::unique_ptr<Asked> asked_;
};

}  // namespace keelson::cluster
