// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/controller.h"

#include <map>
#include <mutex>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/job/progress.h"
#include "minimal-master/controllers/job/template.h"
#include "minimal-master/controllers/pods/owned.h"
#include "minimal-master/controllers/pods/pace.h"
#include "minimal-master/controllers/pods/route.h"
#include "minimal-master/controllers/pods/selector.h"
#include "minimal-master/controllers/pods/template.h"
#include "minimal-master/controllers/pods/writer.h"

namespace keelson::job {
namespace {

using control::Change;
using control::Outcome;
using json::Value;
using pods::PodPtr;

constexpr std::string_view kName = "job-controller";
constexpr std::string_view kOrphan = "orphan:";  // before the key of a pod whose job is gone
constexpr int kTries = 5;                        // for a pod that changes all the time

class Controller final : public control::Controller {
 public:
  explicit Controller(const pods::Tools& tools)
      : tools_(tools),
        jobs_(control::ResourceNamed("batch", "jobs")),
        pods_(control::ResourceNamed("", "pods")),
        selecting_(tools.cache, jobs_,
                   [](const Value& job) {
                     return pods::UnlessEmpty(pods::SelectorOf(job.At({"spec", "selector"})));
                   }),
        writer_(tools.client, tools.recorder, tools.executor, std::string(kName)),
        pace_(tools.clock) {}

  std::string_view name() const override { return kName; }
  std::vector<const schema::Resource*> Watches() const override { return {&jobs_, &pods_}; }
  void Route(const Change& change, const Add& add) override;
  Outcome Sync(const std::string& key) override;

 private:
  void RoutePod(const Change& change, const Add& add);
  bool IsOrphan(const pods::PodFacts& pod) const;
  Outcome SyncOrphan(std::string_view key);
  Outcome SyncJob(Value job);
  std::optional<status::Failure> Claim(const Value& job);
  std::vector<Pod> Gather(const Spec& spec) const;
  std::optional<status::Failure> Apply(const Spec& spec, const Work& work);
  std::optional<status::Failure> WriteStatus(Value& job, Value status);
  // The uids of those that have no finalizer now.
  std::set<std::string, std::less<>> Untrack(const std::vector<PodPtr>& pods);
  bool UntrackOne(PodPtr pod);
  Backoff BackoffOf(const std::string& uid);
  void Keep(const std::string& uid, const Backoff& backoff);
  void Forget(const std::string& uid);

  const pods::Tools tools_;
  const schema::Resource& jobs_;
  const schema::Resource& pods_;
  pods::Selecting selecting_;
  pods::Writer writer_;
  pods::Pace pace_;
  std::mutex mutex_;
  std::map<std::string, Backoff> backoffs_;  // by uid, guarded by mutex_
};

void Controller::Route(const Change& change, const Add& add) {
  if (&change.resource == &pods_) return RoutePod(change, add);
  if (change.kind != watch::Kind::kDeleted) return add(control::KeyOf(*change.object));
  Forget(std::string(change.object->uid()));
  for (const PodPtr& pod : tools_.pods.ControlledBy(change.object->uid())) {
    if (pod->HasFinalizer(kFinalizer)) add(std::string(kOrphan) + control::KeyOf(*pod->object));
  }
}

void Controller::RoutePod(const Change& change, const Add& add) {
  pods::RoutePod(tools_.pods, selecting_, "Job", change, add);
  if (change.kind == watch::Kind::kDeleted) return;
  const PodPtr pod = tools_.pods.Read(change.object);
  if (pod->HasFinalizer(kFinalizer) && IsOrphan(*pod)) {
    add(std::string(kOrphan) + control::KeyOf(*change.object));
  }
}

// Its finalizer is of no use: nobody will count it.
bool Controller::IsOrphan(const pods::PodFacts& pod) const {
  if (pod.owner_uid.empty()) return true;
  if (pod.owner_kind != "Job") return false;
  const std::optional<Value> job = control::Get(tools_.cache, jobs_, pod.ns(), pod.owner_name);
  return !job || job->At({"metadata", "uid"}).AsString() != pod.owner_uid || IsFinished(*job);
}

Outcome Controller::SyncOrphan(std::string_view key) {
  const auto [ns, name] = control::SplitKey(key);
  const PodPtr pod = tools_.pods.Find(ns, name);
  if (!pod || !pod->HasFinalizer(kFinalizer) || !IsOrphan(*pod)) return Outcome::Done();
  return UntrackOne(pod) ? Outcome::Done() : Outcome::Failed("a pod changed meanwhile");
}

Outcome Controller::Sync(const std::string& key) {
  if (key.starts_with(kOrphan)) return SyncOrphan(std::string_view(key).substr(kOrphan.size()));
  const auto [ns, name] = control::SplitKey(key);
  std::optional<Value> job = control::Get(tools_.cache, jobs_, ns, name);
  if (!job) return Outcome::Done();
  const std::string& manager = job->At({"spec", "managedBy"}).AsString();
  if (!manager.empty() && manager != "kubernetes.io/job-controller") return Outcome::Done();
  if (IsFinished(*job)) {
    Forget(job->At({"metadata", "uid"}).AsString());
    return Outcome::Done();
  }
  return SyncJob(*std::move(job));
}

std::optional<status::Failure> Controller::Claim(const Value& job) {
  if (control::IsBeingDeleted(job)) return std::nullopt;
  const watch::selectors::LabelSelector selector = pods::SelectorOf(job.At({"spec", "selector"}));
  const std::string& uid = job.At({"metadata", "uid"}).AsString();
  std::vector<control::Write> writes;
  for (const PodPtr& pod : tools_.pods.ControlledBy(uid)) {
    if (selector.Matches(*pod->object)) continue;
    control::Write write = pods::Release(pods_, *pod->object, uid);
    if (pod->HasFinalizer(kFinalizer)) {
      const Value finalizers = job::Untrack(*pod).body.At({"metadata", "finalizers"});
      write.body.Find("metadata")->Set("finalizers", finalizers);
    }
    writes.push_back(std::move(write));
  }
  for (const PodPtr& pod :
       tools_.pods.WithoutController(job.At({"metadata", "namespace"}).AsString())) {
    if (pod->being_deleted() || !selector.Matches(*pod->object)) continue;
    control::Write write = pods::Adopt(pods_, *pod->object, "batch/v1", "Job", job);
    Value finalizers = Value::Array();
    for (const std::string& finalizer : pod->finalizers) finalizers.Append(Value(finalizer));
    if (!pod->HasFinalizer(kFinalizer)) finalizers.Append(Value(kFinalizer));
    write.body.Find("metadata")->Set("finalizers", std::move(finalizers));
    writes.push_back(std::move(write));
  }
  return writer_.Do(writes);
}

std::vector<Pod> Controller::Gather(const Spec& spec) const {
  std::vector<Pod> out;
  for (const PodPtr& pod : tools_.pods.ControlledBy(spec.job.At({"metadata", "uid"}).AsString())) {
    out.push_back(ReadPod(spec, pod));
  }
  return out;
}

std::optional<status::Failure> Controller::Apply(const Spec& spec, const Work& work) {
  if (!work.create.empty()) {
    return writer_
        .Create(spec.job, work.create.size(),
                [&](size_t i) { return MakePod(spec, work.create[i]); })
        .failure;
  }
  if (!work.untrack_first) return writer_.Delete(spec.job, work.remove);
  const std::set<std::string, std::less<>> free = Untrack(work.remove);
  std::vector<PodPtr> remove;
  for (const PodPtr& pod : work.remove) {
    if (free.contains(pod->uid())) remove.push_back(pod);
  }
  return writer_.Delete(spec.job, remove);
}

bool Controller::UntrackOne(PodPtr pod) {
  const std::string uid(pod->uid());
  for (int i = 0; i < kTries && pod && pod->uid() == uid; ++i) {
    if (!pod->HasFinalizer(kFinalizer)) return true;
    const status::Or<Value> done = writer_.One(job::Untrack(*pod));
    if (done.ok() || pods::IsNotFound(done.failure())) return true;
    if (done.failure().code != 409) return false;
    pod = tools_.pods.Find(pod->ns(), pod->name());
  }
  return !pod || pod->uid() != uid;
}

std::set<std::string, std::less<>> Controller::Untrack(const std::vector<PodPtr>& pods) {
  std::set<std::string, std::less<>> out;
  std::mutex mutex;
  writer_.Each(pods.size(), [&](size_t i) {
    if (!UntrackOne(pods[i])) return;
    const std::lock_guard lock(mutex);
    out.insert(std::string(pods[i]->uid()));
  });
  return out;
}

std::optional<status::Failure> Controller::WriteStatus(Value& job, Value status) {
  if (status.IsNull()) return std::nullopt;
  job.Set("status", std::move(status));
  status::Or<Value> written = writer_.One(control::Update(jobs_, job, "status"));
  if (!written.ok()) return written.failure();
  // Whoever writes next writes on top of this.
  job.Find("metadata")->Set("resourceVersion", written->At({"metadata", "resourceVersion"}));
  return std::nullopt;
}

Outcome Controller::SyncJob(Value job) {
  if (const auto failure = Claim(job)) return Outcome::Failed(failure->message);
  const Spec spec(job);
  const std::string uid = job.At({"metadata", "uid"}).AsString();
  Facts facts{spec, Gather(spec), BackoffOf(uid), tools_.clock.WallNanos()};
  if (facts.pods.size() >= pods::Pace::kMany) {
    // Those that end meanwhile are counted together.
    if (const auto wait = pace_.Wait(uid)) return Outcome::After(*wait);
  }
  const Tally tally = Count(facts);
  const Work work = PlanWork(facts, tally);
  const std::optional<status::Failure> failure = Apply(spec, work);
  const Facts after{spec, Gather(spec), facts.backoff, facts.now};
  Progress progress(after, tally);

  Value written = job;
  if (const auto refused = WriteStatus(written, progress.first_status())) {
    return pods::IsNotFound(*refused) ? Outcome::Done() : Outcome::Failed(refused->message);
  }
  Keep(uid, tally.backoff);  // what is new in it was named in the status by now
  const std::set<std::string, std::less<>> untracked = Untrack(progress.untrack());
  if (const auto refused = WriteStatus(written, progress.LastStatus(untracked))) {
    return pods::IsNotFound(*refused) ? Outcome::Done() : Outcome::Failed(refused->message);
  }
  for (const Event& event : progress.events()) {
    writer_.Record(job, event.type, event.reason, event.message);
  }
  if (failure) return Outcome::Failed(failure->message);
  if (untracked.size() < progress.untrack().size()) {
    return Outcome::Failed("pods changed meanwhile");
  }
  if (!work.again) return Outcome::Done();
  return Outcome::After(
      std::chrono::milliseconds(std::max<int64_t>(0, *work.again / 1'000'000) + 1));
}

Backoff Controller::BackoffOf(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const auto found = backoffs_.find(uid);
  return found == backoffs_.end() ? Backoff() : found->second;
}

void Controller::Keep(const std::string& uid, const Backoff& backoff) {
  const std::lock_guard lock(mutex_);
  if (backoff.failures == 0) {
    backoffs_.erase(uid);
  } else {
    backoffs_[uid] = backoff;
  }
}

void Controller::Forget(const std::string& uid) {
  pace_.Forget(uid);
  const std::lock_guard lock(mutex_);
  backoffs_.erase(uid);
}

}  // namespace

std::unique_ptr<control::Controller> MakeController(const pods::Tools& tools) {
  return std::make_unique<Controller>(tools);
}

}  // namespace keelson::job
