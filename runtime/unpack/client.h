// SPDX-License-Identifier: Apache-2.0
// The daemon's side of keelson-unpack: one jailed process for each stream. Wait() blocks; Kill()
// may come from another thread.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/os/process.h"
#include "lib/os/unique_fd.h"
#include "runtime/unpack/report.h"

namespace keelson::unpack {

class UnpackProcess {
 public:
  // `program`: path of keelson-unpack. `directory`: an open, empty directory, the only thing the
  // process can reach.
  static base::Result<UnpackProcess> Start(const std::string& program, os::UniqueFd compressed,
                                           int directory, const Budget& budget);
  UnpackProcess(UnpackProcess&&) = default;

  base::Result<Report> Wait();
  void Kill();

 private:
  UnpackProcess(os::ChildProcess child, os::UniqueFd report)
      : child_(std::move(child)), report_(std::move(report)) {}
  os::ChildProcess child_;
  os::UniqueFd report_;
};

}  // namespace keelson::unpack
