// SPDX-License-Identifier: Apache-2.0
// The page of the cluster: its own files, what they show as JSON, and on the listener without a
// log-in the log of a container besides. Nothing is ever changed. Thread-safe; what the
// constructor is given outlives it, and it outlives every request.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "lib/http/service/exchange.h"
#include "minimal-master/api/route.h"
#include "minimal-master/page/guard.h"
#include "minimal-master/page/model.h"
#include "minimal-master/page/peer.h"
#include "minimal-master/usage/served.h"

namespace keelson::page {

class Page {
 public:
  struct Options {
    std::string version;
    Users users;  // who may look without a log-in
    // Brings the request for a log to its node.
    std::function<void(std::shared_ptr<service::Exchange>, const api::Route&)> log;
    size_t max_logs = 32;  // at a time, on the listener without a log-in
  };
  Page(watch::Cache& cache, const usage::Served& used, const base::Clock& clock, Options options)
      : model_(cache, clock), used_(used), clock_(clock), options_(std::move(options)) {}

  // On the API's port, for whom it let through; false: a path that is none of the page's.
  bool Answer(service::Exchange& exchange);
  // Everything that comes to the listener at `address` ("127.0.0.1:6480").
  void HandleLocal(std::shared_ptr<service::Exchange> exchange, const std::string& address);

 private:
  void State(service::Exchange& exchange);
  void Findings(service::Exchange& exchange);
  void Log(std::shared_ptr<service::Exchange> exchange);

  Model model_;
  const usage::Served& used_;
  const base::Clock& clock_;
  const Options options_;
  const std::shared_ptr<std::atomic<size_t>> logs_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace keelson::page
