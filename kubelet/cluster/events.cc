// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/events.h"

#include <algorithm>
#include <optional>

#include "lib/base/log.h"
#include "lib/base/rfc3339.h"

namespace keelson::cluster {
namespace {

constexpr size_t kLongestMessage = 1024;
constexpr size_t kSideBySide = 8;

std::string NamespaceOf(const EventSubject& subject) {
  return subject.ns.empty() ? "default" : subject.ns;
}

}  // namespace

json::Value EventObject(const EventSubject& subject, const std::string& node, bool warning,
                        const std::string& reason, const std::string& message,
                        const std::string& name, int64_t now) {
  using json::Value;
  const Value time(base::FormatRfc3339(now));
  Value object = Value::Object({{"apiVersion", Value("v1")},
                                {"kind", Value(subject.kind)},
                                {"name", Value(subject.name)},
                                {"uid", Value(subject.uid)}});
  if (!subject.ns.empty()) object.Set("namespace", Value(subject.ns));
  Value metadata =
      Value::Object({{"name", Value(name)}, {"namespace", Value(NamespaceOf(subject))}});
  if (!subject.annotations.empty()) {
    Value annotations = Value::Object();
    for (const auto& [key, value] : subject.annotations) annotations.Set(key, Value(value));
    metadata.Set("annotations", std::move(annotations));
  }
  return Value::Object(
      {{"apiVersion", Value("v1")},
       {"kind", Value("Event")},
       {"metadata", std::move(metadata)},
       {"involvedObject", std::move(object)},
       {"reason", Value(reason)},
       {"message", Value(message.substr(0, kLongestMessage))},
       {"source", Value::Object({{"component", Value("kubelet")}, {"host", Value(node)}})},
       {"firstTimestamp", time},
       {"lastTimestamp", time},
       {"count", Value(1)},
       {"type", Value(warning ? "Warning" : "Normal")},
       {"reportingComponent", Value("kubelet")},
       {"reportingInstance", Value(node)}});
}

struct Events::State : std::enable_shared_from_this<Events::State> {
  State(kube::Api& the_api, const base::Clock& the_clock, std::string the_node, Limits the_limits)
      : api(the_api),
        clock(the_clock),
        node(std::move(the_node)),
        limits(the_limits),
        tokens(limits.burst),
        filled(clock.Steady()) {}

  using Key = std::tuple<std::string, bool, std::string, std::string>;  // uid, …
  struct Known {
    std::string ns, name;
    int64_t count = 0;
    bool there = false;  // the server has it
    bool under_way = false;
    int64_t told = 0;  // the count that it has
  };

  bool TakeToken() {
    const base::SteadyTime now = clock.Steady();
    tokens =
        std::min(limits.burst,
                 tokens + limits.per_second * std::chrono::duration<double>(now - filled).count());
    filled = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
  void Begin();
  void Send(const Key& key, Known& known);

  kube::Api& api;
  const base::Clock& clock;
  const std::string node;
  const Limits limits;
  double tokens;
  base::SteadyTime filled;
  std::map<Key, Known> known;
  std::map<Key, EventSubject> subjects;  // of those not yet there
  std::deque<Key> queue;
  size_t under_way = 0;
  uint64_t number = 0;
  std::optional<os::EventLoop::TimerId> timer;
};

void Events::State::Begin() {
  while (!queue.empty() && under_way < kSideBySide) {
    const auto found = known.find(queue.front());
    if (found == known.end() || found->second.under_way ||
        found->second.told == found->second.count) {
      queue.pop_front();
      continue;
    }
    if (!TakeToken()) {
      if (timer) return;
      timer = api.loop().After(std::chrono::milliseconds(100), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->timer.reset();
        self->Begin();
      });
      return;
    }
    const Key key = queue.front();
    queue.pop_front();
    Send(key, found->second);
  }
}

void Events::State::Send(const Key& key, Known& event) {
  event.under_way = true;
  ++under_way;
  const int64_t now = clock.WallNanos(), count = event.count;
  const std::string path = "/api/v1/namespaces/" + event.ns + "/events";
  kube::Api::Request request;
  if (event.there) {
    request = {.method = "PATCH",
               .path = path + "/" + event.name,
               .content_type = "application/strategic-merge-patch+json",
               .body = json::WriteJson(json::Value::Object(
                   {{"count", json::Value(count)},
                    {"lastTimestamp", json::Value(base::FormatRfc3339(now))}}))};
  } else {
    json::Value object = EventObject(subjects[key], node, std::get<1>(key), std::get<2>(key),
                                     std::get<3>(key), event.name, now);
    object.Set("count", json::Value(count));
    request = {.method = "POST", .path = path, .body = json::WriteJson(object)};
  }
  api.Send(std::move(request),
           [weak = weak_from_this(), key, count](base::Result<json::Value> answer) {
             const auto self = weak.lock();
             if (!self) return;
             --self->under_way;
             const auto found = self->known.find(key);
             if (found != self->known.end()) {
               found->second.under_way = false;
               if (answer.ok()) {
                 found->second.there = true;
                 found->second.told = count;
                 self->subjects.erase(key);
                 if (found->second.count != count) self->queue.push_back(key);
               } else {  // its time has run out, or its namespace goes
                 base::LogDebug("an event is not written", {{"error", answer.error()}});
                 self->known.erase(found);
                 self->subjects.erase(key);
               }
             }
             self->Begin();
           });
}

Events::Events(kube::Api& api, const base::Clock& clock, std::string node, Limits limits)
    : state_(std::make_shared<State>(api, clock, std::move(node), limits)) {}
Events::~Events() {
  if (state_->timer) state_->api.loop().CancelTimer(*state_->timer);
}

void Events::Add(const EventSubject& subject, bool warning, const std::string& reason,
                 const std::string& message) {
  State& s = *state_;
  if (s.queue.size() >= s.limits.queue) return;
  if (s.known.size() >= s.limits.remembered) {
    std::erase_if(s.known, [](const auto& event) {
      return !event.second.under_way && event.second.told == event.second.count;
    });
  }
  const State::Key key{subject.uid, warning, reason, message};
  State::Known& event = s.known[key];
  if (event.name.empty()) {
    event.ns = NamespaceOf(subject);
    event.name = fmt::format("{}.{:x}{:x}", subject.name, s.clock.WallNanos(), s.number++ % 256);
    s.subjects[key] = subject;
  }
  ++event.count;
  s.queue.push_back(key);
  s.Begin();
}

}  // namespace keelson::cluster
