// SPDX-License-Identifier: Apache-2.0
// A thread that creates, changes and deletes ConfigMaps while the API server is killed, and
// remembers what was acknowledged: what was must be there, what was not may or may not.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/json/value.h"
#include "tests/load/connection.h"

namespace keelson::cluster_test {

class Writer {
 public:
  using Asker =
      std::function<base::Result<load::Answer>(const std::string& method, const std::string& path,
                                               const std::string& body, const std::string& type)>;
  Writer(int number, uint64_t seed, Asker ask);
  ~Writer() { Stop(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void Stop();
  // Of all ConfigMaps there are; after Stop.
  std::vector<std::string> WhatIsWrong(const json::Value& list) const;
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t unanswered() const { return unanswered_; }

  static constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";

 private:
  void Run();
  // Carried out: nullopt is that nobody knows.
  std::optional<bool> Write(const std::string& method, const std::string& path,
                            const std::string& body, const std::string& type = "application/json");

  const std::string prefix_;
  const Asker ask_;
  std::mt19937_64 random_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> acknowledged_ = 0, unanswered_ = 0;
  // The thread's, until Stop: what each may be; "": it is not there.
  std::map<std::string, std::set<std::string>> objects_;
  std::vector<std::string> wrong_;
  std::thread thread_;
};

}  // namespace keelson::cluster_test
