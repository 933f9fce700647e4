// SPDX-License-Identifier: Apache-2.0
// What the answers of one container's probes add up to, and when each probe is due. Pure: time
// comes in as an argument, nothing is carried out here. Per probe: waiting (due at a time) ->
// running -> waiting …; held for good after a liveness or startup failure and after a startup
// success; gated while the startup probe is unfinished; ended when the pod is being deleted. Not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kubelet/probe/prober.h"
#include "kubelet/probe/probes.h"
#include "lib/base/clock.h"

namespace keelson::probe {

constexpr std::array<Kind, 3> kKinds = {Kind::kStartup, Kind::kReadiness, Kind::kLiveness};
std::string_view KindName(Kind kind);  // "Liveness"

class ProbeState {
 public:
  struct Begin {
    base::SteadyTime now;
    base::SteadyTime started;  // of the container
    bool was_started = false;  // known from before a restart of the kubelet
    bool was_ready = false;    // likewise; says was_started too
    // Part of its period, 0 to 1, that each probe waits before it is made for the first time.
    double spread = 0;
  };
  ProbeState(const kube::Container& container, const Begin& begin);

  // Nothing: there is no such probe, or it must not run now (running already, gated, held, ended).
  std::optional<base::SteadyTime> DueAt(Kind kind) const;
  std::optional<base::SteadyTime> NextDue() const;  // the earliest of all
  const kube::Probe& Spec(Kind kind) const;         // only of a probe that there is

  void Started(Kind kind, base::SteadyTime now);  // the probe is being carried out
  struct Verdict {
    bool health_changed = false;
    std::string text;  // for people, when the probe failed, warned or could not be made: "Liveness
                       // probe failed: …"
  };
  Verdict Answered(Kind kind, const Answer& answer, base::SteadyTime now);

  void EndLivenessAndStartup();
  const Health& health() const { return health_; }

 private:
  struct Track {
    kube::Probe spec;
    base::SteadyTime earliest;  // initialDelaySeconds after the start of the container
    base::SteadyTime due;
    base::SteadyTime begun;
    bool running = false;
    bool held = false;
    int errors = 0;            // in a row, of the current attempt
    std::optional<bool> last;  // success or not
    int run = 0;               // answers like `last` in a row
  };
  std::optional<Track>& Of(Kind kind) { return tracks_[static_cast<size_t>(kind)]; }
  const std::optional<Track>& Of(Kind kind) const { return tracks_[static_cast<size_t>(kind)]; }
  // True when `success` has come often enough in a row to count.
  static bool Count(Track& track, bool success);
  void PassStartup(base::SteadyTime now);
  bool Settle(Kind kind, Track& track, bool success, const std::string& text, base::SteadyTime now);

  std::array<std::optional<Track>, 3> tracks_;  // by Kind
  Health health_;
};

}  // namespace keelson::probe
