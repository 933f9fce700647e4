// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/writer.h"

#include <fmt/format.h>

#include "lib/base/log.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/control/times.h"

namespace keelson::scheduler::run {
namespace {

using json::Value;

constexpr int kTries = 5;

bool IsGone(const status::Failure& failure) { return failure.reason == "NotFound"; }
bool IsConflict(const status::Failure& failure) { return failure.reason == "Conflict"; }

}  // namespace

void Writer::Record(const Whose& pod, std::string_view type, std::string_view reason,
                    std::string_view message) const {
  recorder_.Record(ReferenceTo(pod), type, reason, message, kName);
}

void Writer::Write(const Whose& pod, const Make& make) const {
  const schema::Resource& pods = control::ResourceNamed("", "pods");
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::optional<Value> now = control::Get(cache_, pods, pod.ns, pod.name);
    if (!now || now->At({"metadata", "uid"}).AsString() != pod.uid) return;
    const std::optional<control::Write> write = make(*now);
    if (!write) return;
    const status::Or<Value> done = client_.Do(kName, *write);
    if (done.ok() || IsGone(done.failure())) return;
    if (IsConflict(done.failure())) continue;
    base::LogWarn("a pod's status was not written, it is not tried again before its next turn",
                  {{"pod", pod.ns + "/" + pod.name}, {"error", done.failure().message}});
    return;
  }
}

bool Writer::Bind(const Whose& pod, std::string_view node) const {
  const status::Or<Value> done = client_.Do(kName, run::Bind(pod, node));
  if (done.ok()) {
    Record(pod, "Normal", "Scheduled",
           fmt::format("Successfully assigned {}/{} to {}", pod.ns, pod.name, node));
    return true;
  }
  // Somebody else was quicker: with the pod's end, or with a node for it.
  if (IsGone(done.failure()) || IsConflict(done.failure())) return false;
  const std::string message = fmt::format(
      "binding rejected: running Bind plugin \"DefaultBinder\": {}", done.failure().message);
  const std::string time = control::TimeText(clock_.WallNanos());
  Write(pod, [&](const Value& now) {
    return run::Refuse(now, "SchedulerError", message, std::nullopt, time);
  });
  Record(pod, "Warning", "FailedScheduling", message);
  return false;
}

bool Writer::MakeLeave(const Whose& victim, const Whose& pod, const std::string& node) const {
  const std::string time = control::TimeText(clock_.WallNanos());
  Write(victim, [&](const Value& now) { return MarkVictim(now, time); });
  const status::Or<Value> done = client_.Do(kName, DeleteVictim(victim));
  if (!done.ok() && !IsGone(done.failure()) && !IsConflict(done.failure())) {
    base::LogWarn("a pod was not made to leave for a more important one, trying again",
                  {{"pod", victim.ns + "/" + victim.name}, {"error", done.failure().message}});
    return false;
  }
  Record(victim, "Normal", "Preempted",
         fmt::format("Preempted by pod {} on node {}", pod.uid, node));
  return true;
}

bool Writer::Refuse(const Whose& pod, const Refusal& refusal) const {
  const std::string time = control::TimeText(clock_.WallNanos());
  Write(pod, [&](const Value& now) {
    return run::Refuse(now, "Unschedulable", refusal.message, refusal.nomination, time);
  });
  Record(pod, "Warning", "FailedScheduling", refusal.message);
  for (const Whose& other : refusal.passed) Write(other, ForgetNomination);
  bool all = true;
  for (const Whose& victim : refusal.victims)
    all = MakeLeave(victim, pod, refusal.nomination.value_or("")) && all;
  return all;
}

}  // namespace keelson::scheduler::run
