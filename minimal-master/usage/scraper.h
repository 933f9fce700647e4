// SPDX-License-Identifier: Apache-2.0
// Asks every node's kubelet for its resource metrics, spread over the period, on one thread of its
// own. Starts with the object and ends with it; `usage` and `clock` outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/http/service/options.h"
#include "lib/json/value.h"
#include "minimal-master/usage/usage.h"

namespace keelson::usage {

class Scraper {
 public:
  struct Options {
    std::chrono::milliseconds period{15000};
    std::chrono::milliseconds timeout{10000};
    // Who signs kubelets' certificates, PEM; empty: any is taken, as for their logs.
    std::string kubelet_authority;
    service::Trust trust = service::Trust::kAuthorities;
    std::string certificate, key;  // what kubelets are shown from the first question on, PEM
  };
  // `nodes`: the Node objects that there are, asked in each period on the scraper's thread.
  using Nodes = std::function<std::vector<json::Value>()>;
  static base::Result<std::unique_ptr<Scraper>> Start(Usage& usage, Nodes nodes,
                                                      const base::Clock& clock, Options options);
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // What kubelets are shown instead, PEM; for connections from now on.
  void SetCertificate(const std::string& certificate, const std::string& key);

 private:
  struct State;
  explicit Scraper(std::shared_ptr<State> state) : state_(std::move(state)) {}
  const std::shared_ptr<State> state_;
};

}  // namespace keelson::usage
