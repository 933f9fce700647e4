// SPDX-License-Identifier: Apache-2.0
// Keeps the machine's ports that pods answer: who has which (record <state_dir>/hostports), and the
// rules in force. The record is written before rules appear and after they went, so that it always
// names at least what is there. Thread-safe; opening and closing block.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "runtime/network/firewall.h"
#include "runtime/network/host_ports.h"

namespace keelson::network {

class HostPortKeeper {
 public:
  // One configuration for each family of the pods.
  HostPortKeeper(std::string path, std::vector<FirewallConfig> families);
  void Load();  // an unreadable record is put aside and said

  // Before anything is made for the pod: AlreadyExists names who has the port.
  base::Status Reserve(const PodRequest& request);
  base::Status Open(const std::string& sandbox_id, const std::string& address4,
                    const std::string& address6);
  base::Status Close(const std::string& sandbox_id);  // holding none is success
  std::vector<std::string> Owners();
  // What fills the chain, for the first set-up of the firewall.
  std::string Rules(const FirewallConfig& family);
  bool Empty();

 private:
  void ForgetFlowsOf(const HostPorts& pod, bool closing) const;  // mutex_ held
  base::Status Save();                                           // mutex_ held
  base::Status Apply(const HostPortTable& table) const;          // mutex_ held

  const std::string path_;
  const std::vector<FirewallConfig> families_;
  std::mutex mutex_;
  HostPortTable table_;  // guarded by mutex_
};

}  // namespace keelson::network
