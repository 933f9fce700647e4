// SPDX-License-Identifier: Apache-2.0
// Carries decisions out: binds, writes down why not, makes room; and tells of it in events with
// upstream's words. Thread-safe; blocks; what it is made of outlives it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "minimal-master/control/client.h"
#include "minimal-master/control/recorder.h"
#include "minimal-master/scheduler/run/writes.h"
#include "minimal-master/watch/cache.h"

namespace keelson::scheduler::run {

// What is written of a pod that no node would do for.
struct Refusal {
  std::string message;
  std::optional<std::string> nomination;  // as in run::Refuse()
  std::vector<Whose> victims;             // make room on that node
  std::vector<Whose> passed;              // were to have that room before
};

class Writer {
 public:
  Writer(const watch::Cache& cache, control::Client& client, control::Recorder& recorder,
         const base::Clock& clock)
      : cache_(cache), client_(client), recorder_(recorder), clock_(clock) {}

  // False: it has not this node now, and the next decision is up to the pod as it is then.
  bool Bind(const Whose& pod, std::string_view node) const;
  // False: some victim stays.
  bool Refuse(const Whose& pod, const Refusal& refusal) const;

 private:
  using Make = std::function<std::optional<control::Write>(const json::Value& pod)>;
  // Tried again when the pod changed meanwhile; one that is gone or another needs no write.
  void Write(const Whose& pod, const Make& make) const;
  bool MakeLeave(const Whose& victim, const Whose& pod, const std::string& node) const;
  void Record(const Whose& pod, std::string_view type, std::string_view reason,
              std::string_view message) const;

  const watch::Cache& cache_;
  control::Client& client_;
  control::Recorder& recorder_;
  const base::Clock& clock_;
};

}  // namespace keelson::scheduler::run
