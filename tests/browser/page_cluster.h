// SPDX-License-Identifier: Apache-2.0
// keelson-master as a process with its page on a port that the kernel gave, and a kubelet of the
// test behind it, which says what a node uses and gives logs. Objects are made through the real
// API. One thread; the kubelet answers on its own.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/http/service/server.h"
#include "lib/json/value.h"
#include "lib/os/temp_dir.h"
#include "tests/load/master_process.h"

namespace keelson::browser {

class PageCluster {
 public:
  // Fails the test when it does not come up.
  explicit PageCluster(std::vector<std::string> extra = {});
  ~PageCluster();

  load::MasterProcess& master() { return *master_; }
  const std::string& host() const { return host_; }  // "127.0.0.1:40312"
  std::string url() const { return "http://" + host_ + "/"; }

  // Through the API as the administrator; fails the test when it is refused.
  json::Value Do(const std::string& method, const std::string& path, const std::string& body = "");
  // Ready or not; a ready one's kubelet is the test's.
  void AddNode(const std::string& name, bool ready);
  // In "default"; `status` in JSON, empty: none. Without a node the scheduler looks for one.
  void AddPod(const std::string& name, const std::string& node, const std::string& status,
              const std::string& more_spec = "");
  static std::string Running();
  static std::string Waiting(const std::string& reason, const std::string& message);

  // What whoever follows a log gets from now on.
  void Log(const std::string& text);
  size_t logs() const;  // that were asked for

  // Bytes of one request sent to the page's port as they are, and all that is answered; `until`:
  // no longer than until that was seen.
  std::string Raw(const std::string& request, const std::string& until = "");
  // GET with these headers besides a good Host.
  std::string Get(const std::string& path, const std::string& headers = "");

 private:
  void Answer(std::shared_ptr<service::Exchange> exchange);

  os::TempDir dir_ = *os::TempDir::Create("keelson-page");
  std::optional<load::MasterProcess> master_;
  std::string host_;
  const int64_t begun_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<service::Exchange>> following_;  // guarded by mutex_
  size_t logs_ = 0;                                            // guarded by mutex_
  std::unique_ptr<service::Server> kubelet_;
  int kubelet_port_ = 0;
};

}  // namespace keelson::browser
