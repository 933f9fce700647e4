// SPDX-License-Identifier: Apache-2.0
// Creates and deletes pods for their owners, many at once, and tells of it in events in upstream's
// words. Thread-safe; blocks; what it is made of outlives it.
#pragma once

#include <functional>
#include <optional>

#include "lib/async/executor.h"
#include "minimal-master/control/client.h"
#include "minimal-master/control/recorder.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::pods {

class Writer {
 public:
  // `component`: the controller, as upstream calls it.
  Writer(control::Client& client, control::Recorder& recorder, async::Executor& executor,
         std::string component)
      : client_(client), recorder_(recorder), executor_(executor), component_(component) {}

  struct Made {
    size_t created = 0;
    std::optional<status::Failure> failure;  // the first
  };
  // Pods made by `make(i)`, in batches of 1, 2, 4, … so that what cannot work is not tried often;
  // after a batch with a failure no other is begun. A namespace that is ending is no failure.
  Made Create(const json::Value& owner, size_t count,
              const std::function<json::Value(size_t)>& make);
  // Those that are gone already count as deleted.
  std::optional<status::Failure> Delete(const json::Value& owner, const std::vector<PodPtr>& pods);
  // All of them side by side; the first failure that is not NotFound.
  std::optional<status::Failure> Do(const std::vector<control::Write>& writes);

  // Runs work(0) … work(count - 1) side by side, waits for all.
  void Each(size_t count, const std::function<void(size_t)>& work);
  void Record(const json::Value& object, std::string_view type, std::string_view reason,
              std::string_view message) {
    recorder_.Record(object, type, reason, message, component_);
  }
  status::Or<json::Value> One(const control::Write& write) { return client_.Do(component_, write); }

 private:
  control::Client& client_;
  control::Recorder& recorder_;
  async::Executor& executor_;
  const std::string component_;
};

bool IsNamespaceEnding(const status::Failure& failure);
bool IsNotFound(const status::Failure& failure);

}  // namespace keelson::pods
