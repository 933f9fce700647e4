// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/controller.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/daemonset/history.h"
#include "minimal-master/controllers/daemonset/plan.h"
#include "minimal-master/controllers/pods/claim.h"
#include "minimal-master/controllers/pods/owned.h"
#include "minimal-master/controllers/pods/pace.h"
#include "minimal-master/controllers/pods/route.h"
#include "minimal-master/controllers/pods/selector.h"
#include "minimal-master/controllers/pods/writer.h"

namespace keelson::daemonset {
namespace {

using control::Change;
using control::Outcome;
using json::Value;
using pods::PodPtr;

constexpr std::string_view kName = "daemonset-controller";
using Failure = std::optional<status::Failure>;

class Controller final : public control::Controller {
 public:
  explicit Controller(const pods::Tools& tools)
      : tools_(tools),
        nodes_(tools.cache),
        writer_(tools.client, tools.recorder, tools.executor, std::string(kName)),
        pace_(tools.clock) {}

  std::string_view name() const override { return kName; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&sets_, &revisions_, &pods_, &all_nodes_};
  }
  void Route(const Change& change, const Add& add) override;
  Outcome Sync(const std::string& key) override;
  size_t Workers() const override { return 2; }

 private:
  void RouteRevision(const Change& change, const Add& add);
  Outcome SyncSet(const Value& set);
  Failure ClaimPods(const Value& set);
  // Its revisions, with that of the present template.
  Failure KeepHistory(const Value& set, History& history);
  Facts Gather(const Value& set, const std::string& hash);
  Failure Apply(const Facts& facts, const Plan& plan);
  void Forget(std::string_view uid);

  const pods::Tools tools_;
  const schema::Resource& sets_ = control::ResourceNamed("apps", "daemonsets");
  const schema::Resource& revisions_ = control::ResourceNamed("apps", "controllerrevisions");
  const schema::Resource& pods_ = control::ResourceNamed("", "pods");
  const schema::Resource& all_nodes_ = control::ResourceNamed("", "nodes");
  Nodes nodes_;
  pods::Owned owned_{tools_.cache, revisions_};
  pods::Selecting selecting_{
      tools_.cache, sets_, [](const Value& set) {
        return pods::UnlessEmpty(pods::SelectorOf(set.At({"spec", "selector"})));
      }};
  pods::Writer writer_;
  pods::Pace pace_;
  std::mutex mutex_;
  using Backoffs = std::map<std::string, Backoff, std::less<>>;
  std::map<std::string, Backoffs, std::less<>> backoffs_;  // by uid, guarded by mutex_
};

void Controller::Route(const Change& change, const Add& add) {
  if (&change.resource == &pods_)
    return pods::RoutePod(tools_.pods, selecting_, "DaemonSet", change, add);
  if (&change.resource == &revisions_) return RouteRevision(change, add);
  if (&change.resource == &sets_) {
    if (change.kind == watch::Kind::kDeleted) return Forget(change.object->uid());
    return add(control::KeyOf(*change.object));
  }
  // Most changes of a node are its kubelet's reports.
  if (change.kind == watch::Kind::kModified && change.old &&
      SamePlace(*ReadNode(change.old), *ReadNode(change.object))) {
    return;
  }
  for (const watch::ObjectPtr& set : control::List(tools_.cache, sets_, "")) {
    add(control::KeyOf(*set));
  }
}

void Controller::RouteRevision(const Change& change, const Add& add) {
  if (change.object->owner_uids().empty()) {
    if (change.kind == watch::Kind::kDeleted) return;
    for (std::string& key : selecting_.Of(*change.object)) add(std::move(key));
    return;
  }
  const Value revision = control::Parse(*change.object);
  const Value* owner = control::ControllerOf(revision);
  if (owner != nullptr && owner->At({"kind"}).AsString() == "DaemonSet") {
    add(std::string(change.object->ns()) + "/" + owner->At({"name"}).AsString());
  }
}

Failure Controller::ClaimPods(const Value& set) {
  const std::string& ns = set.At({"metadata", "namespace"}).AsString();
  std::vector<watch::ObjectPtr> owned;
  std::vector<watch::ObjectPtr> orphans;
  for (const PodPtr& pod : tools_.pods.ControlledBy(set.At({"metadata", "uid"}).AsString())) {
    owned.push_back(pod->object);
  }
  for (const PodPtr& pod : tools_.pods.WithoutController(ns)) {
    if (!pod->being_deleted()) orphans.push_back(pod->object);
  }
  return writer_.Do(pods::ClaimObjects({set, "apps/v1", "DaemonSet"}, pods_,
                                       pods::SelectorOf(set.At({"spec", "selector"})), owned,
                                       orphans)
                        .writes);
}

Failure Controller::KeepHistory(const Value& set, History& history) {
  const std::string& ns = set.At({"metadata", "namespace"}).AsString();
  const std::string& uid = set.At({"metadata", "uid"}).AsString();
  const pods::ObjectClaims claims = pods::ClaimObjects(
      {set, "apps/v1", "DaemonSet"}, revisions_, pods::SelectorOf(set.At({"spec", "selector"})),
      owned_.By(uid), owned_.ByNobody(ns));
  if (Failure failure = writer_.Do(claims.writes)) return failure;
  std::vector<Value> mine;
  for (const watch::ObjectPtr& revision : claims.mine) {
    if (auto value = control::Get(tools_.cache, revisions_, ns, revision->name())) {
      mine.push_back(*std::move(value));
    }
  }
  history = PlanHistory(set, mine);
  for (const control::Write& write : history.writes) {
    const status::Or<Value> done = writer_.One(write);
    if (done.ok()) continue;
    if (done.failure().reason == "AlreadyExists") {
      const auto present = control::Get(tools_.cache, revisions_, ns,
                                        write.body.At({"metadata", "name"}).AsString());
      if (present) {
        if (const auto status = AfterCollision(set, *present)) (void)writer_.One(*status);
      }
    }
    return done.failure();
  }
  return std::nullopt;
}

Facts Controller::Gather(const Value& set, const std::string& hash) {
  const std::string& uid = set.At({"metadata", "uid"}).AsString();
  Facts facts{set, nodes_.All(), tools_.pods.ControlledBy(uid), hash, {}, tools_.clock.WallNanos()};
  const std::lock_guard lock(mutex_);
  if (const auto found = backoffs_.find(uid); found != backoffs_.end()) {
    facts.backoffs = found->second;
  }
  return facts;
}

Failure Controller::Apply(const Facts& facts, const Plan& plan) {
  if (!plan.failed.empty()) {
    const std::lock_guard lock(mutex_);
    Backoffs& backoffs = backoffs_[facts.set.At({"metadata", "uid"}).AsString()];
    for (const std::string& node : plan.failed) {
      backoffs[node] = Next(backoffs[node], facts.now);
    }
  }
  for (const Event& event : plan.events) {
    writer_.Record(facts.set, event.type, event.reason, event.message);
  }
  // What goes first makes room for what comes: the surge is bounded at every moment.
  const Failure removed = writer_.Delete(facts.set, plan.remove);
  const Failure created =
      writer_
          .Create(facts.set, plan.create.size(),
                  [&](size_t i) { return MakePod(facts.set, plan.create[i], facts.hash); })
          .failure;
  return created ? created : removed;
}

Outcome Controller::SyncSet(const Value& set) {
  const std::string& uid = set.At({"metadata", "uid"}).AsString();
  if (tools_.pods.ControlledBy(uid).size() >= pods::Pace::kMany) {
    // All nodes are looked at each time: not for each pod that becomes ready.
    if (const auto wait = pace_.Wait(uid)) return Outcome::After(*wait);
  }
  if (const Failure failure = ClaimPods(set)) return Outcome::Failed(failure->message);
  History history;
  if (const Failure failure = KeepHistory(set, history)) return Outcome::Failed(failure->message);
  const Facts first = Gather(set, history.hash);
  const Plan presence = PlanPresence(first);
  Failure failure = Apply(first, presence);
  if (!failure) {
    const Facts then = Gather(set, history.hash);
    failure = Apply(then, PlanUpdate(then));
  }
  const Facts last = Gather(set, history.hash);
  if (!failure) {
    failure = writer_.Do(PlanForgetting(set, history.old, HashesInUse(last.pods)));
  }
  const StatusPlan status = PlanStatus(last);
  if (status.write) {
    const status::Or<Value> written = writer_.One(*status.write);
    if (!written.ok() && !pods::IsNotFound(written.failure())) {
      return Outcome::Failed(written.failure().message);
    }
  }
  if (failure) return Outcome::Failed(failure->message);
  std::optional<int64_t> again = presence.again;
  if (status.again) again = std::min(again.value_or(*status.again), *status.again);
  if (!again) return Outcome::Done();
  return Outcome::After(std::chrono::milliseconds(*again / 1'000'000 + 1));
}

Outcome Controller::Sync(const std::string& key) {
  const auto [ns, name] = control::SplitKey(key);
  const std::optional<Value> set = control::Get(tools_.cache, sets_, ns, name);
  if (!set || control::IsBeingDeleted(*set)) return Outcome::Done();
  const Value& selector = set->At({"spec", "selector"});
  if (selector.At({"matchLabels"}).members().empty() &&
      selector.At({"matchExpressions"}).items().empty()) {
    writer_.Record(*set, "Warning", "SelectingAll",
                   "This daemon set is selecting all pods. A non-empty selector is required.");
    return Outcome::Done();
  }
  return SyncSet(*set);
}

void Controller::Forget(std::string_view uid) {
  pace_.Forget(uid);
  const std::lock_guard lock(mutex_);
  if (const auto found = backoffs_.find(uid); found != backoffs_.end()) backoffs_.erase(found);
}

}  // namespace

std::unique_ptr<control::Controller> MakeController(const pods::Tools& tools) {
  return std::make_unique<Controller>(tools);
}

}  // namespace keelson::daemonset
