// SPDX-License-Identifier: Apache-2.0
#include "proxy/agent/agent.h"

#include "lib/base/log.h"
#include "lib/os/files.h"

namespace keelson::proxy {
namespace {

constexpr double kBounds[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
                              0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};
// Services of other proxies are not even sent; headless ones are for names alone.
constexpr char kOurs[] = "labelSelector=%21service.kubernetes.io%2Fservice-proxy-name";
constexpr char kOursWithoutHeadless[] =
    "labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-"
    "name";

base::Status WriteZone(const std::string& path, const dns::ZoneFile& zone) {
  return os::WriteFileAtomic(path, dns::WriteZoneFile(zone), 0644);
}

}  // namespace

Agent::Agent(os::EventLoop& loop, kube::Api& api, const base::Clock& clock, Settings settings,
             Writers writers, Health& health, meter::Registry& registry)
    : loop_(loop),
      api_(api),
      clock_(clock),
      settings_(std::move(settings)),
      writers_(std::make_shared<Writers>(std::move(writers))),
      health_(health),
      state_(settings_.node),
      duration_(registry
                    .Histograms("kubeproxy_sync_proxy_rules_duration_seconds",
                                "How long it took to write changed rules", {}, kBounds)
                    .With({})),
      failures_(registry
                    .Counters("kubeproxy_sync_proxy_rules_iptables_restore_failures_total",
                              "Writes of rules that failed")
                    .With({})),
      last_time_(registry
                     .Gauges("kubeproxy_sync_proxy_rules_last_timestamp_seconds",
                             "When rules were last written")
                     .With({})),
      self_(std::make_shared<Agent*>(this)) {
  worker_.emplace(1);
}

Agent::~Agent() {
  worker_.reset();  // runs what is queued
  *self_ = nullptr;
  if (timer_) loop_.CancelTimer(*timer_);
  if (check_timer_) loop_.CancelTimer(*check_timer_);
}

std::unique_ptr<kube::Reflector> Agent::Follow(const std::string& path, const std::string& selector,
                                               Set set, Remove remove) {
  kube::Reflector::Follower follower;
  follower.changed = [this, set = std::move(set)](const json::Value& object) {
    set(object);
    Changed();
  };
  follower.gone = [this, remove = std::move(remove)](const kube::ObjectName& name) {
    remove(name);
    Changed();
  };
  follower.synced = [this, path] {
    base::LogInfo("all that there is has been told", {{"of", path}});
    Changed();
  };
  follower.problem = [path](const base::Error& error) {
    base::LogWarn("following fails, trying again", {{"of", path}, {"error", error}});
  };
  auto reflector = std::make_unique<kube::Reflector>(api_, kube::Reflector::Query{path, selector},
                                                     std::move(follower));
  reflector->Start();
  return reflector;
}

void Agent::Start() {
  const char* ours = settings_.zone_file.empty() ? kOursWithoutHeadless : kOurs;
  services_ = Follow(
      "/api/v1/services", ours,
      [this](const json::Value& object) {
        state_.SetService(object);
        names_.SetService(object);
      },
      [this](const kube::ObjectName& name) {
        state_.RemoveService(name);
        names_.RemoveService(name);
      });
  slices_ = Follow(
      "/apis/discovery.k8s.io/v1/endpointslices", ours,
      [this](const json::Value& object) {
        state_.SetSlice(object);
        names_.SetSlice(object);
      },
      [this](const kube::ObjectName& name) {
        state_.RemoveSlice(name);
        names_.RemoveSlice(name);
      });
  node_ = Follow(
      "/api/v1/nodes", "fieldSelector=metadata.name%3D" + settings_.node,
      [this](const json::Value& object) { state_.SetNode(object); },
      [](const kube::ObjectName&) {});
  check_timer_ = loop_.After(settings_.check_period, [this] {
    check_timer_.reset();
    if (!running_) Begin(true);
  });
}

// Rules of half a state would cut off services that are only not known yet.
void Agent::Changed() {
  if (!services_ || !slices_ || !services_->synced() || !slices_->synced()) return;
  if (!HasWork()) return;
  if (state_.has_changed()) health_.Queued();
  if (!running_ && !timer_) Schedule(settings_.settle);
}

void Agent::Schedule(std::chrono::nanoseconds wait) {
  const base::SteadyTime now = clock_.Steady();
  if (next_ > now) wait = std::max<std::chrono::nanoseconds>(wait, next_ - now);
  timer_ = loop_.After(wait, [this] {
    timer_.reset();
    Begin(false);
  });
}

// `check`: first look whether the rules are still there.
void Agent::Begin(bool check) {
  running_ = true;
  begun_ = clock_.Steady();
  const std::set<std::string> changed =
      services_->synced() && slices_->synced() ? state_.TakeChanged() : std::set<std::string>();
  UpdateHealthPorts(changed);
  std::optional<dns::ZoneFile> zone = NewZone();
  std::vector<std::vector<ServicePlan>> plans;
  for (const auto& writer : *writers_) {
    std::vector<ServicePlan>& of_family = plans.emplace_back();
    for (const std::string& name : changed) {
      const Service* service = state_.Find(name);
      of_family.push_back({name, state_.Plan(name, writer->family()),
                           service == nullptr ? uint16_t{0} : service->health_port});
    }
  }
  worker_->Post([writers = writers_, plans = std::move(plans), zone = std::move(zone),
                 path = settings_.zone_file, check, self = self_, loop = &loop_]() mutable {
    Outcome outcome;
    if (zone) {
      if (const base::Status written = WriteZone(path, *zone); !written.ok()) {
        outcome.zone_failed = true;
        base::LogError("names could not be written down, trying again",
                       {{"error", written.error()}});
      }
    }
    for (size_t i = 0; i < writers->size(); ++i) {
      Writer& writer = *(*writers)[i];
      bool write = !check || !plans[i].empty();
      if (check) {
        const base::Result<bool> intact = writer.Intact();
        if (intact.ok() && !*intact) {
          outcome.flushed = true;
          write = true;
        }
      }
      if (!write) continue;
      const base::Status done = writer.Write(std::move(plans[i]));
      if (done.ok()) continue;
      outcome.ok = false;
      base::LogError("rules could not be written, trying again", {{"error", done.error()}});
    }
    loop->Post([self, outcome] {
      if (*self != nullptr) (*self)->Done(outcome);
    });
  });
}

void Agent::Done(const Outcome& outcome) {
  running_ = false;
  const base::SteadyTime now = clock_.Steady();
  duration_.Observe(std::chrono::duration<double>(now - begun_).count());
  if (outcome.flushed) base::LogWarn("somebody flushed the rules; they were written again");
  next_ = now + settings_.min_period;
  zone_unwritten_ = outcome.zone_failed;
  again_ = !outcome.ok || outcome.zone_failed;
  if (outcome.ok) {
    last_time_.Set(static_cast<double>(clock_.WallNanos()) / 1e9);
    if (!state_.has_changed()) health_.Applied();
  } else {
    failures_.Add();
    health_.Queued();
    next_ = now + settings_.retry_period;
  }
  if (outcome.zone_failed) next_ = now + settings_.retry_period;
  if (again_ || HasWork()) Schedule(settings_.settle);
  if (!check_timer_) {
    check_timer_ = loop_.After(settings_.check_period, [this] {
      check_timer_.reset();
      if (!running_) Begin(true);
    });
  }
}

bool Agent::HasWork() const {
  return state_.has_changed() || (!settings_.zone_file.empty() && names_.has_changed());
}

std::optional<dns::ZoneFile> Agent::NewZone() {
  if (settings_.zone_file.empty() || !services_->synced() || !slices_->synced())
    return std::nullopt;
  if (!names_.TakeChanged() && !zone_unwritten_ && serial_ != 0) return std::nullopt;
  // It grows, also over restarts.
  serial_ = std::max(serial_ + 1, static_cast<uint32_t>(clock_.WallNanos() / 1'000'000'000));
  return names_.ToFile(settings_.domain, serial_);
}

void Agent::UpdateHealthPorts(const std::set<std::string>& changed) {
  if (changed.empty()) return;
  for (const std::string& name : changed) {
    const Service* service = state_.Find(name);
    if (service == nullptr || service->health_port == 0)
      health_ports_.erase(name);
    else
      health_ports_[name] = {service->health_port, state_.LocalReady(name)};
  }
  health_.Update(health_ports_);
}

}  // namespace keelson::proxy
