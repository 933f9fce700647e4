// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/keeper.h"

#include <algorithm>
#include <optional>
#include <set>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/kube/client/reflector.h"

namespace keelson::node {
namespace {

constexpr char kLeases[] = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
constexpr std::chrono::seconds kLeaseTimeout(10);

}  // namespace

struct Keeper::State : std::enable_shared_from_this<Keeper::State> {
  State(kube::Api& the_api, const base::Clock& the_clock, NodeFacts the_facts,
        Callbacks the_callbacks, Options the_options)
      : api(the_api),
        clock(the_clock),
        facts(std::move(the_facts)),
        callbacks(std::move(the_callbacks)),
        options(the_options) {}

  using Then = void (State::*)(base::Result<json::Value>);
  void Ask(kube::Api::Request request, Then then);
  void After(std::chrono::milliseconds wait, void (State::*what)());

  void Register();
  void Registered(base::Result<json::Value> made);
  void Found(base::Result<json::Value> node);
  void Labelled(base::Result<json::Value> node);
  void RegisterLater(const base::Error& error);
  void Ready();

  void Look();
  void Reported(base::Result<json::Value> node);
  void Take(const json::Value& node);

  void Renew();
  void LeaseRead(base::Result<json::Value> found);
  void LeaseWritten(base::Result<json::Value> written);

  std::string Path() const { return "/api/v1/nodes/" + facts.name; }

  kube::Api& api;
  const base::Clock& clock;
  const NodeFacts facts;
  const Callbacks callbacks;
  const Options options;
  std::unique_ptr<kube::Reflector> own;
  std::set<os::EventLoop::TimerId> timers;
  std::chrono::milliseconds backoff{0};
  bool registering = false, registered = false, ticking = false;
  bool was_ready = false, reporting = false, lease_failed = false;
  uint64_t revision = 0;
  std::string uid;
  json::Value known;  // status as the server has it
  base::SteadyTime report_at{}, next_try{};
  json::Value lease;
};

void Keeper::State::Ask(kube::Api::Request request, Then then) {
  api.Send(std::move(request), [weak = weak_from_this(), then](base::Result<json::Value> answer) {
    if (const auto self = weak.lock()) (*self.*then)(std::move(answer));
  });
}

void Keeper::State::After(std::chrono::milliseconds wait, void (State::*what)()) {
  const auto id = std::make_shared<os::EventLoop::TimerId>();
  *id = api.loop().After(wait, [weak = weak_from_this(), what, id] {
    const auto self = weak.lock();
    if (!self) return;
    self->timers.erase(*id);
    (*self.*what)();
  });
  timers.insert(*id);
}

// --- registration
void Keeper::State::Register() {
  if (registering) return;
  registering = true;
  registered = false;
  json::Value object = NodeObject(facts);
  object.Set("status", NodeStatus(facts, callbacks.health(), {}, clock.WallNanos()));
  Ask({.method = "POST", .path = "/api/v1/nodes", .body = json::WriteJson(object)},
      &State::Registered);
}

void Keeper::State::RegisterLater(const base::Error& error) {
  registering = false;
  backoff = std::clamp(backoff * 2, options.min_backoff, options.max_backoff);
  base::LogWarn(fmt::format("the node is not registered, retrying in {}ms", backoff.count()),
                {{"node", facts.name}, {"error", error}});
  After(backoff, &State::Register);
}

void Keeper::State::Registered(base::Result<json::Value> made) {
  if (made.ok()) {
    base::LogInfo("the node is registered", {{"node", facts.name}});
    Take(*made);
    return Ready();
  }
  if (made.error().code() != base::Code::kAlreadyExists) return RegisterLater(made.error());
  Ask({.path = Path()}, &State::Found);
}

void Keeper::State::Found(base::Result<json::Value> node) {
  if (!node.ok()) return RegisterLater(node.error());
  Take(*node);
  const std::optional<json::Value> labels = PlanLabels(facts, *node);
  if (!labels) return Ready();
  Ask({.method = "PATCH",
       .path = Path(),
       .content_type = "application/merge-patch+json",
       .body = json::WriteJson(*labels)},
      &State::Labelled);
}

void Keeper::State::Labelled(base::Result<json::Value> node) {
  if (!node.ok()) return RegisterLater(node.error());
  Take(*node);
  Ready();
}

void Keeper::State::Ready() {
  registering = false;
  registered = true;
  backoff = {};
  report_at = {};  // at once
  if (ticking) return;
  ticking = true;
  Look();
  Renew();
}

// --- status
void Keeper::State::Take(const json::Value& node) {
  const uint64_t number =
      base::ParseUint64(node.At({"metadata", "resourceVersion"}).AsString()).value_or(0);
  const std::string& now_uid = node.At({"metadata", "uid"}).AsString();
  if (now_uid == uid && number <= revision) return;
  uid = now_uid;
  revision = number;
  known = node.At({"status"});
  callbacks.changed(node);
}

void Keeper::State::Look() {
  After(was_ready ? options.look_period : options.first_look_period, &State::Look);
  if (!registered || reporting || clock.Steady() < next_try) return;
  const NodeHealth health = callbacks.health();
  const bool ready = health.not_ready.empty();
  const json::Value status = NodeStatus(facts, health, known, clock.WallNanos());
  if (clock.Steady() < report_at && !Differs(known, status)) return;
  if (ready != was_ready && callbacks.event) {
    callbacks.event(
        ready ? "NodeReady" : "NodeNotReady",
        fmt::format("Node {} status is now: {}", facts.name, ready ? "NodeReady" : "NodeNotReady"));
  }
  was_ready = ready;
  reporting = true;
  Ask({.method = "PATCH",
       .path = Path() + "/status",
       .content_type = "application/strategic-merge-patch+json",
       .body = json::WriteJson(StatusPatch(known, status))},
      &State::Reported);
}

void Keeper::State::Reported(base::Result<json::Value> node) {
  reporting = false;
  if (node.ok()) {
    report_at = clock.Steady() + options.report_period;
    next_try = clock.Steady() + options.first_look_period;
    return Take(*node);
  }
  next_try = clock.Steady() + options.look_period;
  base::LogWarn("the node's status is not written, trying again", {{"error", node.error()}});
  if (kube::HttpStatusOf(node.error()) == 404) Register();
}

// --- lease
void Keeper::State::Renew() {
  After(options.lease_period, &State::Renew);
  if (!registered) return;
  if (lease.IsNull()) {
    return Ask({.path = std::string(kLeases) + "/" + facts.name, .timeout = kLeaseTimeout},
               &State::LeaseRead);
  }
  Ask({.method = "PUT",
       .path = std::string(kLeases) + "/" + facts.name,
       .body = json::WriteJson(LeaseObject(facts, uid, lease, clock.WallNanos())),
       .timeout = kLeaseTimeout},
      &State::LeaseWritten);
}

void Keeper::State::LeaseRead(base::Result<json::Value> found) {
  if (!found.ok() && kube::HttpStatusOf(found.error()) != 404)
    return LeaseWritten(std::move(found));
  const bool there = found.ok();
  Ask({.method = there ? "PUT" : "POST",
       .path = std::string(kLeases) + (there ? "/" + facts.name : ""),
       .body = json::WriteJson(
           LeaseObject(facts, uid, there ? *found : json::Value(), clock.WallNanos())),
       .timeout = kLeaseTimeout},
      &State::LeaseWritten);
}

void Keeper::State::LeaseWritten(base::Result<json::Value> written) {
  if (written.ok()) {
    if (lease_failed) base::LogInfo("the node's lease is renewed again");
    lease_failed = false;
    lease = std::move(written).value();
    return;
  }
  lease = {};  // read anew
  if (!lease_failed)
    base::LogWarn("the node's lease is not renewed, trying again", {{"error", written.error()}});
  lease_failed = true;
}

Keeper::Keeper(kube::Api& api, const base::Clock& clock, NodeFacts facts, Callbacks callbacks,
               Options options)
    : state_(std::make_shared<State>(api, clock, std::move(facts), std::move(callbacks), options)) {
}

Keeper::~Keeper() {
  for (const os::EventLoop::TimerId timer : state_->timers) state_->api.loop().CancelTimer(timer);
  state_->own.reset();
}

void Keeper::Start() {
  State* state = state_.get();
  kube::Reflector::Follower follower;
  follower.changed = [state](const json::Value& node) { state->Take(node); };
  follower.gone = [state](const kube::ObjectName&) {
    base::LogWarn("the node's object was deleted; it is registered again");
    state->Register();
  };
  follower.synced = [] {};
  state_->own = std::make_unique<kube::Reflector>(
      state_->api,
      kube::Reflector::Query{"/api/v1/nodes",
                             "fieldSelector=metadata.name%3D" + state_->facts.name},
      std::move(follower));
  state_->own->Start();
  state_->Register();
}

}  // namespace keelson::node
