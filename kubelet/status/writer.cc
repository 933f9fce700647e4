// SPDX-License-Identifier: Apache-2.0
#include "kubelet/status/writer.h"

#include <algorithm>
#include <set>
#include <vector>

#include "lib/base/log.h"
#include "lib/base/strings.h"

namespace keelson::status {

struct Writer::State : std::enable_shared_from_this<Writer::State> {
  State(kube::Api& the_api, Options the_options) : api(the_api), options(the_options) {}

  struct Pod {
    PodKey key;
    bool is_known = false;
    uint64_t revision = 0;
    json::Value known;
    std::optional<json::Value> wanted;
    // What was written last, and what the server made of it: it may write some fields its own way.
    std::optional<json::Value> written;
    json::Value result;
    bool finish = false;  // the object is to go
    bool under_way = false;
    bool sent_finish = false;
    uint64_t since = 0;  // order of wishes
    std::chrono::milliseconds backoff{0};
    std::optional<os::EventLoop::TimerId> timer;
  };

  Pod& At(const PodKey& key) {
    Pod& pod = pods[key.uid];
    pod.key = key;
    return pod;
  }
  void Wake() {
    if (wake_posted) return;
    wake_posted = true;
    api.loop().Post([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->wake_posted = false;
      self->Begin();
    });
  }
  std::optional<json::Value> PatchOf(const Pod& pod) const {
    if (!pod.wanted || !pod.is_known) return std::nullopt;
    if (pod.written && *pod.written == *pod.wanted && pod.known == pod.result) return std::nullopt;
    return PlanPatch(pod.key.uid, pod.known, *pod.wanted);
  }
  void Begin();
  void SendPatch(Pod& pod, const json::Value& patch);
  void SendDelete(Pod& pod);
  // The request of this pod ended; null: the pod is not followed any more.
  Pod* Ended(const std::string& uid);
  void Failed(Pod& pod, const base::Error& error);
  void Drop(const std::string& uid);
  std::string Path(const Pod& pod) const {
    return "/api/v1/namespaces/" + pod.key.ns + "/pods/" + pod.key.name;
  }

  kube::Api& api;
  const Options options;
  std::map<std::string, Pod> pods;  // by uid
  std::set<std::string> ready;      // uids to be looked at
  size_t under_way = 0;
  uint64_t next = 1;
  bool wake_posted = false;
};

void Writer::State::Drop(const std::string& uid) {
  const auto found = pods.find(uid);
  if (found == pods.end()) return;
  if (found->second.timer) api.loop().CancelTimer(*found->second.timer);
  pods.erase(found);
  ready.erase(uid);
}

void Writer::State::Begin() {
  struct Candidate {
    Urgency urgency;
    uint64_t since;
    std::string uid;
  };
  if (under_way >= options.in_flight) return;
  std::vector<Candidate> candidates;
  for (auto it = ready.begin(); it != ready.end();) {
    const Pod& pod = pods.at(*it);
    if (pod.under_way || pod.timer || !pod.is_known) {
      it = ready.erase(it);  // looked at again when that changes
      continue;
    }
    candidates.push_back(
        {pod.wanted ? UrgencyOf(pod.known, *pod.wanted) : Urgency::kOther, pod.since, *it});
    ++it;
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.urgency != b.urgency ? a.urgency > b.urgency : a.since < b.since;
  });
  for (const Candidate& candidate : candidates) {
    if (under_way >= options.in_flight) return;
    ready.erase(candidate.uid);
    Pod& pod = pods.at(candidate.uid);
    if (const std::optional<json::Value> patch = PatchOf(pod)) {
      SendPatch(pod, *patch);
    } else if (pod.finish && !pod.sent_finish) {
      SendDelete(pod);
    }
  }
}

Writer::State::Pod* Writer::State::Ended(const std::string& uid) {
  --under_way;
  const auto found = pods.find(uid);
  Wake();
  if (found == pods.end()) return nullptr;
  found->second.under_way = false;
  ready.insert(uid);
  return &found->second;
}

void Writer::State::Failed(Pod& pod, const base::Error& error) {
  const int status = kube::HttpStatusOf(error);
  pod.backoff = std::clamp(pod.backoff * 2, options.min_backoff, options.max_backoff);
  // Gone, or another of that name: the watch is about to say so.
  const bool gone = status == 404 || status == 409;
  (gone ? base::LogDebug : base::LogWarn)(
      fmt::format("a pod's status is not written, retrying in {}ms", pod.backoff.count()),
      {{"pod", pod.key.ns + "/" + pod.key.name}, {"error", error}});
  pod.timer = api.loop().After(pod.backoff, [weak = weak_from_this(), uid = pod.key.uid] {
    const auto self = weak.lock();
    if (!self) return;
    const auto found = self->pods.find(uid);
    if (found == self->pods.end()) return;
    found->second.timer.reset();
    self->ready.insert(uid);
    self->Begin();
  });
}

void Writer::State::SendPatch(Pod& pod, const json::Value& patch) {
  pod.under_way = true;
  ++under_way;
  api.Send(
      {.method = "PATCH",
       .path = Path(pod) + "/status",
       .content_type = "application/strategic-merge-patch+json",
       .body = json::WriteJson(patch)},
      [weak = weak_from_this(), uid = pod.key.uid,
       sent = *pod.wanted](base::Result<json::Value> answer) {
        const auto self = weak.lock();
        if (!self) return;
        Pod* of_it = self->Ended(uid);
        if (of_it == nullptr) return;
        if (!answer.ok()) return self->Failed(*of_it, answer.error());
        of_it->backoff = {};
        of_it->written = sent;
        of_it->result = answer->At({"status"});
        const uint64_t revision =
            base::ParseUint64(answer->At({"metadata", "resourceVersion"}).AsString()).value_or(0);
        // The watch may have told of a later one meanwhile.
        if (revision >= of_it->revision) {
          of_it->revision = revision;
          of_it->known = of_it->result;
        }
      });
}

void Writer::State::SendDelete(Pod& pod) {
  pod.under_way = pod.sent_finish = true;
  ++under_way;
  json::Value options_of_it = json::Value::Object(
      {{"apiVersion", json::Value("v1")},
       {"kind", json::Value("DeleteOptions")},
       {"gracePeriodSeconds", json::Value(0)},
       {"preconditions", json::Value::Object({{"uid", json::Value(pod.key.uid)}})}});
  api.Send({.method = "DELETE", .path = Path(pod), .body = json::WriteJson(options_of_it)},
           [weak = weak_from_this(), uid = pod.key.uid](base::Result<json::Value> answer) {
             const auto self = weak.lock();
             if (!self) return;
             Pod* of_it = self->Ended(uid);
             if (of_it == nullptr) return;
             // With finalizers it stays, and that is others' business.
             if (answer.ok()) return;
             of_it->sent_finish = false;
             self->Failed(*of_it, answer.error());
           });
}

Writer::Writer(kube::Api& api, Options options) : state_(std::make_shared<State>(api, options)) {}
Writer::~Writer() {
  for (const auto& [uid, pod] : state_->pods) {
    if (pod.timer) state_->api.loop().CancelTimer(*pod.timer);
  }
}

void Writer::Known(const PodKey& key, const json::Value& status, const std::string& revision) {
  State::Pod& pod = state_->At(key);
  const uint64_t number = base::ParseUint64(revision).value_or(0);
  if (pod.is_known && number <= pod.revision) return;
  pod.is_known = true;
  pod.revision = number;
  pod.known = status;
  state_->ready.insert(key.uid);
  state_->Wake();
}

void Writer::Want(const PodKey& key, json::Value status) {
  State::Pod& pod = state_->At(key);
  // An end stays an end.
  if (pod.wanted && IsTerminal(*pod.wanted) && !IsTerminal(status)) return;
  if (pod.wanted && *pod.wanted == status) return;
  pod.wanted = std::move(status);
  pod.since = state_->next++;
  state_->ready.insert(key.uid);
  state_->Wake();
}

void Writer::Finish(const PodKey& key) {
  const auto found = state_->pods.find(key.uid);
  if (found == state_->pods.end()) return;
  if (!found->second.is_known) return state_->Drop(key.uid);
  found->second.finish = true;
  state_->ready.insert(key.uid);
  state_->Wake();
}

void Writer::Forget(const std::string& uid) { state_->Drop(uid); }

size_t Writer::waiting() const {
  return static_cast<size_t>(
      std::count_if(state_->pods.begin(), state_->pods.end(), [this](const auto& pod) {
        return state_->PatchOf(pod.second).has_value() ||
               (pod.second.finish && !pod.second.sent_finish);
      }));
}

}  // namespace keelson::status
