// SPDX-License-Identifier: Apache-2.0
// Real etcd members for tests: started on free ports of the loopback in a folder of their own,
// ended with their owner. Tests only.
#pragma once

#include <string>
#include <vector>

#include "lib/os/process.h"
#include "lib/os/temp_dir.h"

namespace keelson::store {

class EtcdServers {
 public:
  // NotFound: there is no etcd here.
  // With `tls` clients need a certificate: identity() is server's, client's and authority's in one.
  static base::Result<EtcdServers> Start(int members, bool tls = false);
  std::string identity(const std::string& suffix) const {
    return dir_.path() + "/identity." + suffix;
  }
  const std::vector<std::string>& endpoints() const { return endpoints_; }
  void Kill(size_t member);

 private:
  EtcdServers(os::TempDir dir) : dir_(std::move(dir)) {}
  os::TempDir dir_;
  std::vector<std::string> endpoints_;
  std::vector<os::ChildProcess> members_;
};

}  // namespace keelson::store
