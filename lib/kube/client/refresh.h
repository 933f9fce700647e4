// SPDX-License-Identifier: Apache-2.0
// Keeps an Api as its kubeconfig says: files that it names, a certificate above all, are exchanged
// by whoever renews them, and the next connection is to show the new one. Looks once in a while,
// more often where a certificate is short-lived;
// what cannot be read changes nothing. On the loop's thread; `api` outlives it.
#pragma once

#include <chrono>
#include <string>

#include "lib/kube/client/api.h"

namespace keelson::kube {

// From one look to the next at a certificate of which so much is left. Pure.
std::chrono::nanoseconds LookAfter(std::chrono::nanoseconds period, std::chrono::seconds left);

class Refresh {
 public:
  Refresh(Api& api, std::string kubeconfig,
          std::chrono::nanoseconds period = std::chrono::minutes(1));
  ~Refresh();
  Refresh(const Refresh&) = delete;
  Refresh& operator=(const Refresh&) = delete;

 private:
  void Plan();
  void Look();

  Api& api_;
  const std::string kubeconfig_;
  const std::chrono::nanoseconds period_;
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace keelson::kube
