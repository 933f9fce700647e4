// SPDX-License-Identifier: Apache-2.0
// Nodes of a cluster on one machine, with the real programs: each in a network namespace, with
// folders and a control group of its own, on one bridge to which whoever is outside belongs too.
// The bridge is in a network and mount namespace that the calling thread enters for good, so all
// names are the test's own. What was started ends with the object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "lib/os/temp_dir.h"
#include "supervise/protocol/protocol.h"
#include "tests/cluster/resolver.h"

namespace keelson::cluster_test {

struct Said {
  int code = -1;
  std::string text;  // both streams
};
Said Execute(std::vector<std::string> argv, const std::string& input = "");
bool Eventually(const std::function<bool()>& good);

class Nodes {
 public:
  Nodes(std::string kubectl);
  ~Nodes();

  static std::string Name(int node) { return "n" + std::to_string(node); }
  static std::string Address(int node) { return "192.0.2." + std::to_string(10 + node); }
  std::string Folder(int node) const { return dir_.path() + "/" + std::to_string(node); }
  std::string State(int node) const { return Folder(node) + "/state"; }
  std::string Network(int node) const { return "/run/netns/" + Name(node); }
  std::string Group(int node) const;
  std::string Administrator() const { return Folder(1) + "/etc/admin.kubeconfig"; }

  // A machine: its network, and the image where its runtime looks.
  void MakeMachine(int node);
  void LoadImage(int node);
  Said Up(const std::vector<std::string>& more = {});  // the first; what it says of joining is kept
  Said Join(int node, const std::vector<std::string>& more = {});
  const std::string& token() const { return token_; }
  const std::string& hash() const { return hash_; }

  static Said Keelson(std::vector<std::string> words);
  Said Kubectl(std::vector<std::string> words, const std::string& input = "") const;
  json::Value Object(std::vector<std::string> words) const;  // of "get WORDS -o json"; null: none
  Said OnMachine(int node, std::vector<std::string> argv) const;  // in its network

  // All of a node at once, as when its power goes: whoever could start something again is stopped
  // before anything is killed.
  void KillAll(int node);
  std::set<pid_t> Processes(int node) const;
  std::string Logs() const;  // the ends of them

 private:
  std::vector<std::string> Places(int node, std::vector<std::string> words) const;

  const std::string kubectl_;
  const os::TempDir dir_ = os::TempDir::Create("keelson-three").value();
  std::set<int> machines_;
  std::string token_, hash_;
  std::unique_ptr<cluster::Resolver> resolver_;
};

}  // namespace keelson::cluster_test
