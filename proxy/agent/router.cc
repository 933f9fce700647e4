// SPDX-License-Identifier: Apache-2.0
#include "proxy/agent/router.h"

#include "lib/base/log.h"
#include "proxy/routes/apply.h"

namespace keelson::proxy {

using base::Status;

namespace {

// Everything that does not work, in sentences.
std::set<std::string> Write(routes::Facts& facts, routes::Mode mode) {
  std::set<std::string> problems;
  auto socket = netlink::RouteSocket::Open();
  if (!socket.ok()) return {socket.error().message()};
  if (const Status read = routes::ReadLinks(*socket, facts); !read.ok())
    return {read.error().message()};
  for (const bool v6 : {false, true}) {
    const routes::Plan plan = routes::PlanRoutes(facts, mode, v6);
    problems.insert(plan.left_out.begin(), plan.left_out.end());
    const auto done = routes::ApplyPlan(*socket, plan, v6);
    if (!done.ok()) {
      problems.insert(done.error().message());
      continue;
    }
    problems.insert(done->problems.begin(), done->problems.end());
    if (done->changes > 0)
      base::LogInfo("routes to other nodes' pods are written",
                    {{"family", v6 ? "IPv6" : "IPv4"},
                     {"routes", std::to_string(plan.paths.size())},
                     {"changes", std::to_string(done->changes)}});
  }
  return problems;
}

}  // namespace

Router::Router(os::EventLoop& loop, kube::Api& api, Settings settings)
    : loop_(loop),
      api_(api),
      settings_(std::move(settings)),
      self_(std::make_shared<Router*>(this)) {
  worker_.emplace(1);
}

Router::~Router() {
  worker_.reset();
  *self_ = nullptr;
  if (timer_) loop_.CancelTimer(*timer_);
}

void Router::Start() {
  kube::Reflector::Follower follower;
  follower.changed = [this](const json::Value& object) {
    ClusterNode node = ReadClusterNode(object);
    ClusterNode& known = nodes_[node.name];
    if (!known.name.empty() && known == node) return;  // a heartbeat
    known = std::move(node);
    Changed();
  };
  follower.gone = [this](const kube::ObjectName& name) {
    nodes_.erase(name.name);
    Changed();
  };
  follower.synced = [this] { Changed(); };
  follower.problem = [](const base::Error& error) {
    base::LogWarn("following nodes fails, trying again; routes stay", {{"error", error}});
  };
  follows_ = std::make_unique<kube::Reflector>(api_, kube::Reflector::Query{"/api/v1/nodes", ""},
                                               std::move(follower));
  follows_->Start();
}

// Half of the nodes would mean that the other half's routes go.
void Router::Changed() {
  if (!follows_ || !follows_->synced()) return;
  changed_ = true;
  if (!running_) Schedule(settings_.settle);
}

void Router::Schedule(std::chrono::milliseconds wait) {
  if (timer_) loop_.CancelTimer(*timer_);
  timer_ = loop_.After(wait, [this] {
    timer_.reset();
    Begin();
  });
}

void Router::Begin() {
  running_ = true;
  changed_ = false;
  routes::Facts facts;
  facts.self = settings_.node;
  facts.nodes = nodes_;
  worker_->Post(
      [facts = std::move(facts), mode = settings_.mode, self = self_, loop = &loop_]() mutable {
        std::set<std::string> problems = Write(facts, mode);
        loop->Post([self, problems = std::move(problems)] {
          if (*self != nullptr) (*self)->Done(problems);
        });
      });
}

void Router::Done(const std::set<std::string>& problems) {
  running_ = false;
  for (const std::string& problem : problems)
    if (problems_.count(problem) == 0)
      base::LogWarn("a route to another node's pods is missing, trying again", {{"why", problem}});
  problems_ = problems;
  Schedule(changed_ ? settings_.settle : settings_.check_period);
}

Status RemoveRoutes() {
  ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
  for (const bool v6 : {false, true}) {
    ASSIGN_OR_RETURN(const routes::Outcome outcome, routes::ApplyPlan(socket, {}, v6));
    if (!outcome.problems.empty()) return base::Internal("{}", outcome.problems.front());
  }
  return base::Ok();
}

}  // namespace keelson::proxy
