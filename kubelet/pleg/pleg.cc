// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pleg/pleg.h"

#include <algorithm>

#include "kubelet/pleg/termination_message.h"
#include "kubelet/pod/names.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"

namespace keelson::pleg {
namespace {

constexpr std::chrono::seconds kFast{1}, kSlow{10};
// Nothing says when a stream that was asked for is there; what happens before that is not told.
constexpr std::chrono::seconds kConnects{5};

template <typename Map>
std::string ValueOf(const Map& map, const char* key) {
  const auto found = map.find(key);
  return found == map.end() ? "" : found->second;
}

pod::RunState StateOf(cri::ContainerState state) {
  switch (state) {
    case cri::CONTAINER_CREATED:
      return pod::RunState::kCreated;
    case cri::CONTAINER_RUNNING:
      return pod::RunState::kRunning;
    case cri::CONTAINER_EXITED:
      return pod::RunState::kExited;
    default:
      return pod::RunState::kUnknown;
  }
}

bool IsGone(const base::Error& error) { return error.code() == base::Code::kNotFound; }

}  // namespace

Pleg::Pleg(cri_client::RuntimeClient& runtime, base::Clock& clock, Handler on_snapshot,
           ErrorHandler on_error)
    : runtime_(runtime),
      clock_(clock),
      on_snapshot_(std::move(on_snapshot)),
      on_error_(std::move(on_error)),
      watcher_([this](const std::stop_token& stop) { Watch(stop); }),
      lister_([this](const std::stop_token& stop) { List(stop); }) {}

Pleg::~Pleg() {
  watcher_.request_stop();
  lister_.request_stop();
}

uint64_t Pleg::Ask() {
  const std::lock_guard lock(mutex_);
  asked_.notify_all();
  return ++wanted_;
}

void Pleg::Watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      const std::lock_guard lock(mutex_);
      events_ = true;
      watched_since_ = clock_.Steady();
    }
    const base::Status ended =
        runtime_.WatchEvents(stop, [this](const cri::ContainerEventResponse&) { Ask(); });
    std::unique_lock lock(mutex_);
    events_ = false;
    // What happened while the stream was down is found by listing each second; where there are no
    // events that is the way for good.
    const bool never = !ended.ok() && ended.error().code() == base::Code::kUnimplemented;
    asked_.wait_for(
        lock, stop,
        never ? std::chrono::hours(24) : std::chrono::hours(0) + std::chrono::seconds(1),
        [] { return false; });
    if (!never) {
      ++wanted_;
      asked_.notify_all();
    }
  }
}

void Pleg::List(const std::stop_token& stop) {
  uint64_t done = 0;
  while (!stop.stop_requested()) {
    uint64_t sequence = 0;
    {
      std::unique_lock lock(mutex_);
      const bool heard = events_ && clock_.Steady() - watched_since_ >= kConnects;
      asked_.wait_for(lock, stop, heard ? kSlow : kFast, [&] { return wanted_ > done; });
      if (stop.stop_requested()) return;
      sequence = wanted_;
    }
    base::Result<Snapshot> taken = Take();
    if (!taken.ok()) {
      on_error_(taken.error());
      std::unique_lock lock(mutex_);
      asked_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
      continue;
    }
    done = sequence;
    taken->sequence = sequence;
    on_snapshot_(std::make_shared<const Snapshot>(std::move(taken).value()));
  }
}

base::Result<pod::SandboxFact> Pleg::Details(const cri::PodSandbox& listed) {
  const bool ready = listed.state() == cri::SANDBOX_READY;
  const auto known = sandboxes_.find(listed.id());
  if (known != sandboxes_.end() && known->second.ready == ready) return known->second;
  ASSIGN_OR_RETURN(const cri::PodSandboxStatus status, runtime_.PodSandboxStatus(listed.id()));
  pod::SandboxFact fact{
      .id = listed.id(),
      .attempt = listed.metadata().attempt(),
      .ready = status.state() == cri::SANDBOX_READY,
      .host_network = status.linux().namespaces().options().network() == cri::NODE,
      .created_at = listed.created_at()};
  if (!status.network().ip().empty()) fact.ips.push_back(status.network().ip());
  for (const cri::PodIP& ip : status.network().additional_ips()) fact.ips.push_back(ip.ip());
  sandboxes_[listed.id()] = fact;
  return fact;
}

base::Result<pod::ContainerFact> Pleg::Details(const cri::Container& listed) {
  const pod::RunState state = StateOf(listed.state());
  const auto known = containers_.find(listed.id());
  if (known != containers_.end() && known->second.state == state &&
      state != pod::RunState::kUnknown)
    return known->second;
  ASSIGN_OR_RETURN(const cri::ContainerStatus status, runtime_.ContainerStatus(listed.id()));
  pod::ContainerFact fact{.id = listed.id(),
                          .name = listed.metadata().name(),
                          .sandbox_id = listed.pod_sandbox_id(),
                          .attempt = listed.metadata().attempt(),
                          .state = StateOf(status.state()),
                          .hash = ValueOf(listed.annotations(), pod::kContainerHash),
                          .image = status.image().user_specified_image().empty()
                                       ? status.image().image()
                                       : status.image().user_specified_image(),
                          .image_id = status.image_ref(),
                          .created_at = status.created_at(),
                          .started_at = status.started_at(),
                          .finished_at = status.finished_at(),
                          .exit_code = status.exit_code(),
                          .reason = status.reason(),
                          .log_path = status.log_path(),
                          .pre_stop = ValueOf(listed.annotations(), pod::kPreStopHandler),
                          .ports = ValueOf(listed.annotations(), pod::kContainerPorts)};
  fact.pod_grace_seconds = static_cast<int64_t>(
      base::ParseUint64(ValueOf(listed.annotations(), pod::kPodGracePeriod)).value_or(0));
  if (status.user().has_linux()) {
    const cri::LinuxContainerUser& user = status.user().linux();
    fact.user =
        pod::UserFact{user.uid(),
                      user.gid(),
                      {user.supplemental_groups().begin(), user.supplemental_groups().end()}};
  }
  if (fact.state == pod::RunState::kExited) fact.message = TerminationMessage(status);
  containers_[listed.id()] = fact;
  return fact;
}

base::Result<Snapshot> Pleg::Take() {
  Snapshot snapshot;
  snapshot.taken_at = clock_.WallNanos();
  ASSIGN_OR_RETURN(const std::vector<cri::PodSandbox> sandboxes, runtime_.ListPodSandboxes());
  ASSIGN_OR_RETURN(const std::vector<cri::Container> containers, runtime_.ListContainers());
  const auto pod_of = [&snapshot](const std::string& uid, const auto& labels) -> RuntimePod& {
    RuntimePod& pod = snapshot.pods[uid];
    pod.uid = uid;
    pod.name = ValueOf(labels, pod::kPodNameLabel);
    pod.namespace_name = ValueOf(labels, pod::kPodNamespaceLabel);
    return pod;
  };
  std::map<std::string, pod::SandboxFact> sandboxes_now;
  std::map<std::string, pod::ContainerFact> containers_now;
  for (const cri::PodSandbox& listed : sandboxes) {
    const std::string uid = ValueOf(listed.labels(), pod::kPodUidLabel);
    if (uid.empty()) continue;  // somebody else's, made by hand
    const base::Result<pod::SandboxFact> fact = Details(listed);
    if (!fact.ok() && !IsGone(fact.error())) return fact.error();
    if (!fact.ok()) continue;
    pod_of(uid, listed.labels()).observed.sandboxes.push_back(*fact);
    sandboxes_now[listed.id()] = *fact;
  }
  for (const cri::Container& listed : containers) {
    const std::string uid = ValueOf(listed.labels(), pod::kPodUidLabel);
    if (uid.empty()) continue;
    const base::Result<pod::ContainerFact> fact = Details(listed);
    if (!fact.ok() && !IsGone(fact.error())) return fact.error();
    if (!fact.ok()) continue;
    pod_of(uid, listed.labels()).observed.containers.push_back(*fact);
    containers_now[listed.id()] = *fact;
  }
  sandboxes_ = std::move(sandboxes_now);
  containers_ = std::move(containers_now);
  for (auto& [uid, pod] : snapshot.pods) {
    const auto newer = [](const auto& a, const auto& b) {
      return a.created_at != b.created_at ? a.created_at > b.created_at : a.attempt > b.attempt;
    };
    std::sort(pod.observed.sandboxes.begin(), pod.observed.sandboxes.end(), newer);
    std::sort(pod.observed.containers.begin(), pod.observed.containers.end(), newer);
  }
  return snapshot;
}

}  // namespace keelson::pleg
