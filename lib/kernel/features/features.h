// SPDX-License-Identifier: Apache-2.0
// What this machine's kernel can do, each with whether Keelson uses it and what follows when it is
// missing: for `keelson doctor`. Judging is pure over a Machine; the real one asks the kernel
// cheaply and leaves nothing (calls that must fail, descriptors that are closed, namespaces of a
// child that ends). Blocks for some milliseconds, any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::features {

struct Feature {
  std::string name;
  bool present = false;
  bool required = false;  // without it pods cannot run
  bool used = false;      // Keelson uses it when it is there
  std::string why;        // what was found, and what happens instead
};

// Things that only trying can tell. The answer is 0 or an errno.
enum class Trial {
  kClone3,
  kCloneIntoCgroup,
  kPidfd,
  kOpenat2,
  kFsopen,
  kOpenTree,
  kMountSetattr,
  kIdmappedMounts,
  kOverlay,
  kLowerdirPlus,
  kSeccomp,
  kUserNamespace,
  kNetNamespace,
  kBridge,
  kVeth,
  kNftables,
  kIptablesLegacy,
  kIpvs,
};

class Machine {
 public:
  virtual ~Machine() = default;
  virtual int Try(Trial trial) const = 0;
  virtual std::optional<std::string> Read(
      const std::string& path) const = 0;                      // nothing: absent or not readable
  virtual bool HasProgram(const std::string& name) const = 0;  // in PATH
};
std::unique_ptr<Machine> ThisMachine();

std::vector<Feature> Judge(const Machine& machine);

}  // namespace keelson::features
