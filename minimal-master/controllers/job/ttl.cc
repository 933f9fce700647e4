// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/ttl.h"

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/job/facts.h"
#include "minimal-master/controllers/pods/writer.h"

namespace keelson::job {
namespace {

using control::Outcome;
using json::Value;

constexpr std::string_view kName = "ttl-after-finished-controller";

class Controller final : public control::Controller {
 public:
  explicit Controller(const pods::Tools& tools)
      : tools_(tools), jobs_(control::ResourceNamed("batch", "jobs")) {}

  std::string_view name() const override { return kName; }
  std::vector<const schema::Resource*> Watches() const override { return {&jobs_}; }
  void Route(const control::Change& change, const Add& add) override {
    if (change.kind != watch::Kind::kDeleted) add(control::KeyOf(*change.object));
  }
  Outcome Sync(const std::string& key) override;

 private:
  const pods::Tools tools_;
  const schema::Resource& jobs_;
};

Outcome Controller::Sync(const std::string& key) {
  const auto [ns, name] = control::SplitKey(key);
  const std::optional<Value> job = control::Get(tools_.cache, jobs_, ns, name);
  if (!job || control::IsBeingDeleted(*job)) return Outcome::Done();
  const std::optional<int64_t> at = DeletionTime(*job);
  if (!at) return Outcome::Done();
  const int64_t left = *at - tools_.clock.WallNanos();
  if (left > 0) return Outcome::After(std::chrono::milliseconds(left / 1'000'000 + 1));
  control::Write deletion =
      control::Delete(jobs_, ns, name, job->At({"metadata", "uid"}).AsString(), "Foreground");
  const status::Or<Value> gone = tools_.client.Do(kName, deletion);
  if (gone.ok() || pods::IsNotFound(gone.failure())) return Outcome::Done();
  return Outcome::Failed(gone.failure().message);
}

}  // namespace

std::optional<int64_t> DeletionTime(const Value& job) {
  const Value& ttl = job.At({"spec", "ttlSecondsAfterFinished"});
  const Value* finished = FinishedCondition(job);
  if (!ttl.IsInt() || finished == nullptr) return std::nullopt;
  const int64_t at = pods::ParseTime(finished->At({"lastTransitionTime"}));
  return at + ttl.AsInt() * 1'000'000'000;
}

std::unique_ptr<control::Controller> MakeTtlController(const pods::Tools& tools) {
  return std::make_unique<Controller>(tools);
}

}  // namespace keelson::job
