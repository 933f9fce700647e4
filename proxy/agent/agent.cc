// SPDX-License-Identifier: Apache-2.0
#include "proxy/agent/agent.h"

#include <fmt/format.h>

#include "lib/base/log.h"
#include "lib/base/rfc3339.h"
#include "lib/os/files.h"

namespace keelson::proxy {
namespace {

// Services of other proxies are not even sent; headless ones are for names alone.
constexpr char kOurs[] = "labelSelector=%21service.kubernetes.io%2Fservice-proxy-name";
constexpr char kOursWithoutHeadless[] =
    "labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-"
    "name";

base::Status WriteZone(const std::string& path, const dns::ZoneFile& zone) {
  if (const size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0)
    RETURN_IF_ERROR(os::MakeDirs(path.substr(0, slash), 0755));
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
      state_(settings_.node, settings_.held),
      metrics_(registry),
      started_(clock.WallNanos()),
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
        metrics_.service_changes.Add();
        metrics_.services_pending.Add(1);
        state_.SetService(object);
        names_.SetService(object);
      },
      [this](const kube::ObjectName& name) {
        metrics_.service_changes.Add();
        metrics_.services_pending.Add(1);
        state_.RemoveService(name);
        names_.RemoveService(name);
      });
  slices_ = Follow(
      "/apis/discovery.k8s.io/v1/endpointslices", ours,
      [this](const json::Value& object) {
        metrics_.endpoint_changes.Add();
        metrics_.endpoints_pending.Add(1);
        NoteTrigger(object);
        state_.SetSlice(object);
        names_.SetSlice(object);
      },
      [this](const kube::ObjectName& name) {
        metrics_.endpoint_changes.Add();
        metrics_.endpoints_pending.Add(1);
        state_.RemoveSlice(name);
        names_.RemoveSlice(name);
      });
  node_ = Follow(
      "/api/v1/nodes", "fieldSelector=metadata.name%3D" + settings_.node,
      [this](const json::Value& object) {
        state_.SetNode(object);
        health_.SetEligible(MayHaveTraffic(object));
      },
      [](const kube::ObjectName&) {});
  CheckLater();
}

// A write that runs asks for the next check when it is done.
void Agent::CheckLater() {
  if (check_timer_) return;
  check_timer_ = loop_.After(settings_.check_period, [this] {
    check_timer_.reset();
    if (!running_) Begin(true);
  });
}

// Rules of half a state would cut off services that are only not known yet.
void Agent::Changed() {
  if (!services_ || !slices_ || !services_->synced() || !slices_->synced()) return;
  if (!HasWork()) return;
  if (state_.has_changed()) {
    health_.Queued();
    metrics_.last_queued.Set(static_cast<double>(clock_.WallNanos()) / 1e9);
  }
  if (!running_ && !timer_) Schedule(settings_.settle);
}

void Agent::Schedule(std::chrono::nanoseconds wait) {
  const base::SteadyTime now = clock_.Steady();
  if (next_ > now) wait = std::max<std::chrono::nanoseconds>(wait, next_ - now);
  if (timer_) loop_.CancelTimer(*timer_);
  timer_ = loop_.After(wait, [this] {
    timer_.reset();
    if (!running_) Begin(false);  // else what is done then begins again
  });
}

// `check`: first look whether the rules are still there.
void Agent::Begin(bool check) {
  running_ = true;
  begun_ = clock_.Steady();
  const std::set<std::string> changed =
      services_->synced() && slices_->synced() ? state_.TakeChanged() : std::set<std::string>();
  UpdateHealthPorts(changed);
  if (check) health_.Update(health_ports_);  // what could not be opened is tried again
  if (services_->synced() && slices_->synced()) {
    metrics_.services_pending.Set(0);
    metrics_.endpoints_pending.Set(0);
    being_written_.insert(being_written_.end(), triggers_.begin(), triggers_.end());
    triggers_.clear();
  }
  std::optional<dns::ZoneFile> zone = NewZone();
  std::vector<std::vector<ServicePlan>> plans;
  for (const auto& writer : *writers_) {
    std::vector<ServicePlan>& of_family = plans.emplace_back();
    for (const std::string& name : changed) {
      const Service* service = state_.Find(name);
      of_family.push_back({name, state_.Plan(name, writer->family()),
                           service == nullptr ? uint16_t{0} : service->health_port});
      NoteLocal(name, of_family.back().ports, plans.size() == 1);
    }
  }
  worker_->Post([writers = writers_, plans = std::move(plans), zone = std::move(zone),
                 path = settings_.zone_file, check, look_after = settings_.look_after, self = self_,
                 loop = &loop_]() mutable {
    Outcome outcome;
    if (check && look_after) look_after();
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
          const Figures before = writer.figures();
          // Of what was never written nothing was flushed.
          if (before.full + before.partial > 0) outcome.flushed = true;
          write = true;
        }
      }
      if (!write) continue;
      Outcome::Written written{.before = writer.figures(), .after = {}};
      const auto begun = std::chrono::steady_clock::now();
      const base::Status done = writer.Write(std::move(plans[i]));
      written.seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
      written.after = writer.figures();
      outcome.written.push_back(std::move(written));
      if (done.ok()) continue;
      outcome.ok = false;
      base::LogError("rules could not be written, trying again", {{"error", done.error()}});
    }
    for (const auto& writer : *writers) {
      outcome.figures.push_back(writer->figures());
      outcome.refused.merge(writer->Refused());
    }
    loop->Post([self, outcome = std::move(outcome)] {
      if (*self != nullptr) (*self)->Done(outcome);
    });
  });
}

void Agent::Done(const Outcome& outcome) {
  running_ = false;
  const base::SteadyTime now = clock_.Steady();
  metrics_.duration.Observe(std::chrono::duration<double>(now - begun_).count());
  Count(outcome);
  TellRefused(outcome.refused);
  if (outcome.flushed) base::LogWarn("somebody flushed the rules; they were written again");
  next_ = now + settings_.min_period;
  zone_unwritten_ = outcome.zone_failed;
  again_ = !outcome.ok || outcome.zone_failed;
  if (outcome.ok) {
    metrics_.last_time.Set(static_cast<double>(clock_.WallNanos()) / 1e9);
    if (!state_.has_changed()) health_.Applied();
    if (!has_written_ && !outcome.written.empty()) {
      has_written_ = true;
      if (settings_.first_written) settings_.first_written();
    }
  } else {
    health_.Queued();
    next_ = now + settings_.retry_period;
  }
  if (outcome.zone_failed) next_ = now + settings_.retry_period;
  if (again_ || HasWork()) Schedule(settings_.settle);
  CheckLater();
}

void Agent::Count(const Outcome& outcome) {
  for (const Outcome::Written& one : outcome.written)
    metrics_.Wrote(one.before, one.after, one.seconds);
  metrics_.Rules(outcome.figures);
  metrics_.no_local_internal.Set(static_cast<double>(no_local_internal_.size()));
  metrics_.no_local_external.Set(static_cast<double>(no_local_external_.size()));
  if (!outcome.ok) return;
  for (const int64_t when : being_written_)
    metrics_.programming.Observe(static_cast<double>(clock_.WallNanos() - when) / 1e9);
  being_written_.clear();
}

// What changed before this process began was somebody else's to write.
void Agent::NoteTrigger(const json::Value& slice) {
  constexpr size_t kMost = 10000;
  const json::Value* text = slice.At({"metadata", "annotations"})
                                .Find("endpoints.kubernetes.io/last-change-trigger-time");
  if (text == nullptr || triggers_.size() + being_written_.size() >= kMost) return;
  const auto when = base::ParseRfc3339(text->AsString());
  if (when && *when > started_) triggers_.push_back(*when);
}

// `first`: of the service's families.
void Agent::NoteLocal(const std::string& name, const std::vector<PortPlan>& ports, bool first) {
  if (first) {
    no_local_internal_.erase(name);
    no_local_external_.erase(name);
  }
  for (const PortPlan& port : ports) {
    if (!port.local.empty() || port.cluster.empty()) continue;
    if (port.internal_local) no_local_internal_.insert(name);
    if (port.external_local && port.HasExternal()) no_local_external_.insert(name);
  }
}

void Agent::TellRefused(const std::map<std::string, std::string>& refused) {
  std::set<std::string> names;
  for (const auto& [name, why] : refused) {
    names.insert(name);
    const size_t slash = name.find('/');
    if (refused_.count(name) != 0 || slash == std::string::npos) continue;
    const std::string ns = name.substr(0, slash), service = name.substr(slash + 1);
    const int64_t now = clock_.WallNanos();
    json::Value about, meta, source, event;
    about.Set("apiVersion", json::Value("v1"));
    about.Set("kind", json::Value("Service"));
    about.Set("namespace", json::Value(ns));
    about.Set("name", json::Value(service));
    meta.Set("namespace", json::Value(ns));
    meta.Set("name", json::Value(fmt::format("{}.{:x}", service, now)));
    source.Set("component", json::Value("keelson-proxy"));
    source.Set("host", json::Value(settings_.node));
    event.Set("apiVersion", json::Value("v1"));
    event.Set("kind", json::Value("Event"));
    event.Set("metadata", std::move(meta));
    event.Set("involvedObject", std::move(about));
    event.Set("type", json::Value("Warning"));
    event.Set("reason", json::Value("FailedToApplyRules"));
    event.Set("message", json::Value(fmt::format("node {} has no rules for this service: {}",
                                                 settings_.node, why.substr(0, 800))));
    event.Set("source", std::move(source));
    event.Set("reportingComponent", json::Value("keelson-proxy"));
    event.Set("reportingInstance", json::Value(settings_.node));
    event.Set("count", json::Value(1));
    for (const char* time : {"firstTimestamp", "lastTimestamp"})
      event.Set(time, json::Value(base::FormatRfc3339(now)));
    api_.Send({.method = "POST",
               .path = "/api/v1/namespaces/" + ns + "/events",
               .body = json::WriteJson(event)},
              [](const base::Result<json::Value>& answer) {
                if (!answer.ok())
                  base::LogWarn("an event could not be written", {{"error", answer.error()}});
              });
  }
  refused_ = std::move(names);
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
