// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/probe_state.h"

#include <algorithm>

namespace keelson::probe {
namespace {

constexpr int kTries = 3;  // of a probe that could not be made

std::chrono::seconds Period(const kube::Probe& spec) {
  return std::chrono::seconds(std::max(spec.period_seconds, 1));
}

}  // namespace

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kLiveness:
      return "Liveness";
    case Kind::kReadiness:
      return "Readiness";
    case Kind::kStartup:
      return "Startup";
  }
  return "";
}

ProbeState::ProbeState(const kube::Container& container, const Begin& begin) {
  const auto add = [&](Kind kind, const std::optional<kube::Probe>& spec) {
    if (!spec) return;
    Track track;
    track.spec = *spec;
    track.earliest = begin.started + std::chrono::seconds(std::max(spec->initial_delay_seconds, 0));
    const auto wait =
        std::chrono::duration<double>(Period(*spec)) * std::clamp(begin.spread, 0.0, 1.0);
    track.due = std::max(track.earliest,
                         begin.now + std::chrono::duration_cast<std::chrono::nanoseconds>(wait));
    Of(kind) = std::move(track);
  };
  add(Kind::kLiveness, container.liveness_probe);
  add(Kind::kReadiness, container.readiness_probe);
  add(Kind::kStartup, container.startup_probe);

  health_.started = !Of(Kind::kStartup) || begin.was_started || begin.was_ready;
  if (auto& startup = Of(Kind::kStartup); startup && health_.started) startup->held = true;
  health_.ready = Of(Kind::kReadiness) ? begin.was_ready : health_.started;
}

std::optional<base::SteadyTime> ProbeState::DueAt(Kind kind) const {
  const auto& track = Of(kind);
  if (!track || track->running || track->held) return std::nullopt;
  if (kind != Kind::kStartup && !health_.started) return std::nullopt;
  return track->due;
}

std::optional<base::SteadyTime> ProbeState::NextDue() const {
  std::optional<base::SteadyTime> next;
  for (const Kind kind : kKinds) {
    const auto due = DueAt(kind);
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

const kube::Probe& ProbeState::Spec(Kind kind) const {
  KEELSON_CHECK(Of(kind).has_value());
  return Of(kind)->spec;
}

void ProbeState::Started(Kind kind, base::SteadyTime now) {
  auto& track = Of(kind);
  KEELSON_CHECK(track && !track->running);
  track->running = true;
  // A try again after an error belongs to the attempt that began the period.
  if (track->errors == 0) track->begun = now;
}

ProbeState::Verdict ProbeState::Answered(Kind kind, const Answer& answer, base::SteadyTime now) {
  auto& slot = Of(kind);
  Verdict verdict;
  if (!slot || !slot->running) return verdict;
  Track& track = *slot;
  track.running = false;
  if (track.held) return verdict;  // ended while it ran

  if (answer.outcome == Outcome::kError && ++track.errors < kTries) {
    track.due = now;
    return verdict;
  }
  track.errors = 0;
  // Attempts that took longer than the period are not made up for: the next one comes at once, but
  // only one.
  track.due = std::max(now, track.begun + Period(track.spec));

  const std::string name(KindName(kind));
  switch (answer.outcome) {
    case Outcome::kError:
      verdict.text = name + " probe errored: " + answer.message;
      return verdict;  // the state stays as it is
    case Outcome::kFailure:
      verdict.text = name + " probe failed: " + answer.message;
      break;
    case Outcome::kWarning:
      verdict.text = name + " probe warning: " + answer.message;
      break;
    case Outcome::kSuccess:
      break;
  }
  const bool success = answer.outcome != Outcome::kFailure;
  if (Count(track, success))
    verdict.health_changed = Settle(kind, track, success, verdict.text, now);
  return verdict;
}

bool ProbeState::Count(Track& track, bool success) {
  track.run = track.last == success ? track.run + 1 : 1;
  track.last = success;
  const int threshold = success ? track.spec.success_threshold : track.spec.failure_threshold;
  return track.run >= threshold;
}

bool ProbeState::Settle(Kind kind, Track& track, bool success, const std::string& text,
                        base::SteadyTime now) {
  if (kind == Kind::kReadiness) {
    const bool changed = health_.ready != success;
    health_.ready = success;
    return changed;
  }
  if (!success) {
    track.held = true;  // until there is another container
    if (!health_.kill)
      health_.kill = Health::Kill{kind, text, track.spec.termination_grace_period_seconds};
    return true;
  }
  if (kind == Kind::kStartup) {
    track.held = true;
    PassStartup(now);
    return true;
  }
  return false;
}

void ProbeState::PassStartup(base::SteadyTime now) {
  health_.started = true;
  if (auto& readiness = Of(Kind::kReadiness)) {
    readiness->due = std::max(now, readiness->earliest);  // at once, not at its next turn
  } else {
    health_.ready = true;
  }
  if (auto& liveness = Of(Kind::kLiveness); liveness && liveness->due < now) {
    // Its next turn, as if it had been counting all along.
    const auto period = std::chrono::nanoseconds(Period(liveness->spec));
    const auto turns = (now - liveness->due + period - std::chrono::nanoseconds(1)) / period;
    liveness->due += turns * period;
  }
}

void ProbeState::EndLivenessAndStartup() {
  for (const Kind kind : {Kind::kLiveness, Kind::kStartup}) {
    if (auto& track = Of(kind)) track->held = true;
  }
}

}  // namespace keelson::probe
