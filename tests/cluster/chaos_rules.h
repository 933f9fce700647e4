// SPDX-License-Identifier: Apache-2.0
// When a Service's endpoints were in the rules of a node, as somebody sees who reads them again and
// again. What was between two looks is known where the kernel's count of changes is the same.
// A thread of its own until it goes. Source: NFT_MSG_GETGEN of linux/netfilter/nf_tables.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace keelson::cluster_test {

class SeenRules {
 public:
  // Of Service `service` ("default/web"), in the caller's network namespace.
  explicit SeenRules(std::string service);
  ~SeenRules() { Stop(); }
  SeenRules(const SeenRules&) = delete;
  SeenRules& operator=(const SeenRules&) = delete;

  void Stop();
  // Whether rules led a connection begun at `begun` and served at `served` to `address`; not known:
  // they changed meanwhile.
  enum class Led { kByRules, kAstray, kNotKnown };
  Led To(const std::string& address, int64_t begun, int64_t served) const;
  std::vector<std::string> Last() const;  // addresses
  uint64_t looks() const { return looks_; }

  // Endpoints' addresses in what iptables-save says.
  static std::vector<std::string> Endpoints(const std::string& rules, const std::string& service);

 private:
  void Run();

  const std::string service_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> looks_ = 0;
  mutable std::mutex mutex_;
  // The rules were these from one moment to another; in between they are not known.
  struct Known {
    int64_t from = 0, to = 0;
    std::set<std::string> addresses;
  };
  std::vector<Known> known_;  // guarded by mutex_, in order
  std::thread thread_;
};

}  // namespace keelson::cluster_test
