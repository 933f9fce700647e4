// SPDX-License-Identifier: Apache-2.0
// What the daemon tells of itself to Prometheus: every CRI call by outcome and time, every stage of
// the operations behind them, and what it holds. Counting is thread-safe and never blocks long;
// Text() is Prometheus' text format 0.0.4.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/operations/operations.h"

namespace keelson::metrics {

class RuntimeMetrics {
 public:
  RuntimeMetrics();
  ~RuntimeMetrics();
  RuntimeMetrics(const RuntimeMetrics&) = delete;
  RuntimeMetrics& operator=(const RuntimeMetrics&) = delete;

  void CallDone(std::string_view call, std::string_view code, std::chrono::nanoseconds took);
  void OperationDone(const operations::Finished& finished);
  // Asked at each Text(): values by metric name, such as "keelson_pods".
  void SetGauges(std::function<std::map<std::string, double>()> read);
  std::string Text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::metrics
