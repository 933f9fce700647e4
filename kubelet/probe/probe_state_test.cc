// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/probe_state.h"

#include <gmock/gmock.h>

#include "lib/base/fake_clock.h"

namespace keelson::probe {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr auto kOk = Outcome::kSuccess;
constexpr auto kFail = Outcome::kFailure;
constexpr auto kErr = Outcome::kError;

kube::Probe Every(int period, int success = 1, int failure = 3, int delay = 0) {
  kube::Probe probe;
  probe.period_seconds = period;
  probe.success_threshold = success;
  probe.failure_threshold = failure;
  probe.initial_delay_seconds = delay;
  return probe;
}

class ProbeStateTest : public testing::Test {
 protected:
  void Make(double spread = 0, bool was_ready = false, bool was_started = false) {
    begin_ = clock_.Steady();
    state_.emplace(container_, ProbeState::Begin{begin_, begin_, was_started, was_ready, spread});
  }
  // Waits until `kind` is due and answers it at once.
  ProbeState::Verdict Ask(Kind kind, Outcome outcome, const std::string& message = "m",
                          nanoseconds takes = {}) {
    const auto due = state_->DueAt(kind);
    EXPECT_TRUE(due.has_value()) << KindName(kind);
    if (!due) return {};
    if (*due > clock_.Steady()) clock_.Advance(*due - clock_.Steady());
    state_->Started(kind, clock_.Steady());
    EXPECT_FALSE(state_->DueAt(kind)) << "never two of one probe at once";
    clock_.Advance(takes);
    return state_->Answered(kind, {outcome, message}, clock_.Steady());
  }
  // Since the container was watched.
  std::optional<nanoseconds> Due(Kind kind) const {
    const auto due = state_->DueAt(kind);
    return due ? std::optional<nanoseconds>(*due - begin_) : std::nullopt;
  }
  const Health& health() const { return state_->health(); }

  base::ManualClock clock_;
  kube::Container container_;
  base::SteadyTime begin_;
  std::optional<ProbeState> state_;
};

TEST_F(ProbeStateTest, WithoutProbesAContainerIsStartedAndReady) {
  Make();
  EXPECT_TRUE(health().started);
  EXPECT_TRUE(health().ready);
  EXPECT_FALSE(state_->NextDue());
}

TEST_F(ProbeStateTest, FirstResults) {
  struct Case {
    std::string name;
    bool readiness, startup, was_ready, was_started;
    bool started, ready;
  };
  for (const Case& c : {
           Case{"liveness alone", false, false, false, false, true, true},
           Case{"readiness", true, false, false, false, true, false},
           Case{"startup", false, true, false, false, false, false},
           Case{"both", true, true, false, false, false, false},
           Case{"ready before the kubelet's restart", true, false, true, false, true, true},
           Case{"started before the kubelet's restart", true, true, false, true, true, false},
           Case{"started before, no readiness probe", false, true, false, true, true, true},
           Case{"ready says started", true, true, true, false, true, true},
       }) {
    SCOPED_TRACE(c.name);
    container_ = {};
    container_.liveness_probe = Every(10);
    if (c.readiness) container_.readiness_probe = Every(10);
    if (c.startup) container_.startup_probe = Every(10);
    Make(0, c.was_ready, c.was_started);
    EXPECT_EQ(health().started, c.started);
    EXPECT_EQ(health().ready, c.ready);
    EXPECT_FALSE(health().kill);
    EXPECT_EQ(state_->DueAt(Kind::kStartup).has_value(), c.startup && !c.started);
    EXPECT_EQ(state_->DueAt(Kind::kLiveness).has_value(), c.started);
  }
}

TEST_F(ProbeStateTest, ReadinessFollowsItsThresholds) {
  struct Case {
    std::string name;
    int success, failure;
    std::vector<Outcome> answers;
    std::vector<bool> ready;  // after each
  };
  for (const Case& c : {
           Case{"one of each", 1, 1, {kOk, kFail, kOk}, {true, false, true}},
           Case{"three failures in a row",
                1,
                3,
                {kOk, kFail, kFail, kFail},
                {true, true, true, false}},
           Case{"a success between starts again",
                1,
                2,
                {kOk, kFail, kOk, kFail, kFail},
                {true, true, true, true, false}},
           Case{"two successes",
                2,
                1,
                {kOk, kOk, kFail, kOk, kOk},
                {false, true, false, false, true}},
           Case{"a warning is a success", 1, 1, {Outcome::kWarning}, {true}},
           Case{"errors leave the state alone",
                1,
                1,
                {kOk, kErr, kErr, kErr, kErr},
                {true, true, true, true, true}},
           Case{"errors do not break a row",
                1,
                2,
                {kOk, kFail, kErr, kErr, kErr, kFail},
                {true, true, true, true, true, false}},
       }) {
    SCOPED_TRACE(c.name);
    container_ = {};
    container_.readiness_probe = Every(5, c.success, c.failure);
    Make();
    bool before = false;
    for (size_t i = 0; i < c.answers.size(); ++i) {
      const auto verdict = Ask(Kind::kReadiness, c.answers[i]);
      EXPECT_EQ(health().ready, c.ready[i]) << i;
      EXPECT_EQ(verdict.health_changed, before != c.ready[i]) << i;
      before = c.ready[i];
    }
    EXPECT_FALSE(health().kill) << "readiness never ends a container";
  }
}

TEST_F(ProbeStateTest, LivenessFailureEndsTheContainerAndHolds) {
  container_.liveness_probe = Every(10, 1, 2);
  container_.liveness_probe->termination_grace_period_seconds = 7;
  Make();
  EXPECT_FALSE(Ask(Kind::kLiveness, kOk).health_changed);
  EXPECT_EQ(Ask(Kind::kLiveness, kFail, "status 500").text, "Liveness probe failed: status 500");
  EXPECT_FALSE(health().kill);
  EXPECT_TRUE(Ask(Kind::kLiveness, kFail, "status 503").health_changed);
  ASSERT_TRUE(health().kill);
  EXPECT_EQ(health().kill->kind, Kind::kLiveness);
  EXPECT_EQ(health().kill->message, "Liveness probe failed: status 503");
  EXPECT_EQ(health().kill->grace_seconds, 7);
  EXPECT_FALSE(state_->DueAt(Kind::kLiveness));
}

TEST_F(ProbeStateTest, InitialDelayCountsFromTheStartOfTheContainer) {
  container_.liveness_probe = Every(10, 1, 3, 30);
  container_.readiness_probe = Every(10);
  begin_ = clock_.Steady();
  state_.emplace(container_, ProbeState::Begin{begin_, begin_ - seconds(20), false, false, 0});
  EXPECT_EQ(Due(Kind::kLiveness), seconds(10));
  EXPECT_EQ(Due(Kind::kReadiness), seconds(0));
  EXPECT_EQ(*state_->NextDue() - begin_, seconds(0));
}

TEST_F(ProbeStateTest, SpreadWaitsAPartOfThePeriodButNeverShortensTheDelay) {
  container_.liveness_probe = Every(10);
  container_.readiness_probe = Every(10, 1, 3, 7);
  Make(0.5);
  EXPECT_EQ(Due(Kind::kLiveness), seconds(5));
  EXPECT_EQ(Due(Kind::kReadiness), seconds(7));
}

TEST_F(ProbeStateTest, PeriodsCountFromTheBeginningOfAnAttempt) {
  container_.liveness_probe = Every(10);
  Make();
  Ask(Kind::kLiveness, kOk, "", seconds(4));
  EXPECT_EQ(Due(Kind::kLiveness), seconds(10));
  Ask(Kind::kLiveness, kOk, "", seconds(35));
  EXPECT_EQ(Due(Kind::kLiveness), seconds(45))
      << "one at once, the missed ones are not made up for";
}

TEST_F(ProbeStateTest, ErrorsAreRetriedAtOnceThreeTimesInAll) {
  container_.liveness_probe = Every(10, 1, 1);
  Make();
  EXPECT_EQ(Ask(Kind::kLiveness, kErr).text, "");
  EXPECT_EQ(Due(Kind::kLiveness), seconds(0));
  EXPECT_EQ(Ask(Kind::kLiveness, kErr).text, "");
  const auto verdict = Ask(Kind::kLiveness, kErr, "no exec");
  EXPECT_EQ(verdict.text, "Liveness probe errored: no exec");
  EXPECT_FALSE(verdict.health_changed);
  EXPECT_FALSE(health().kill);
  EXPECT_EQ(Due(Kind::kLiveness), seconds(10));
  Ask(Kind::kLiveness, kErr);
  Ask(Kind::kLiveness, kFail);
  EXPECT_TRUE(health().kill) << "a failure after an error counts";
}

TEST_F(ProbeStateTest, StartupGatesTheOthersAndTriggersReadiness) {
  container_.startup_probe = Every(4, 1, 10);
  container_.readiness_probe = Every(10);
  container_.liveness_probe = Every(10);
  Make();
  EXPECT_FALSE(state_->DueAt(Kind::kReadiness));
  EXPECT_FALSE(state_->DueAt(Kind::kLiveness));
  Ask(Kind::kStartup, kFail);
  EXPECT_FALSE(health().kill);
  EXPECT_FALSE(state_->DueAt(Kind::kLiveness));
  EXPECT_TRUE(Ask(Kind::kStartup, kOk, "", milliseconds(500)).health_changed);
  EXPECT_TRUE(health().started);
  EXPECT_FALSE(health().ready);
  EXPECT_FALSE(state_->DueAt(Kind::kStartup));
  EXPECT_EQ(Due(Kind::kReadiness), milliseconds(4500));
  EXPECT_EQ(Due(Kind::kLiveness), seconds(10)) << "its next turn";
}

TEST_F(ProbeStateTest, ReadinessAfterStartupStillWaitsForItsOwnDelay) {
  container_.startup_probe = Every(2);
  container_.readiness_probe = Every(10, 1, 3, 25);
  container_.liveness_probe = Every(10, 1, 3, 25);
  Make();
  Ask(Kind::kStartup, kOk);
  EXPECT_EQ(Due(Kind::kReadiness), seconds(25));
  EXPECT_EQ(Due(Kind::kLiveness), seconds(25));
}

TEST_F(ProbeStateTest, StartupPassedWithoutReadinessProbeMeansReady) {
  container_.startup_probe = Every(2);
  Make();
  Ask(Kind::kStartup, kOk);
  EXPECT_TRUE(health().ready);
}

TEST_F(ProbeStateTest, StartupFailureEndsTheContainerAndHoldsEverything) {
  container_.startup_probe = Every(2, 1, 1);
  container_.readiness_probe = Every(2);
  Make();
  EXPECT_TRUE(Ask(Kind::kStartup, kFail, "x").health_changed);
  ASSERT_TRUE(health().kill);
  EXPECT_EQ(health().kill->kind, Kind::kStartup);
  EXPECT_EQ(health().kill->message, "Startup probe failed: x");
  EXPECT_EQ(health().kill->grace_seconds, std::nullopt);
  EXPECT_FALSE(health().started);
  EXPECT_FALSE(state_->NextDue());
}

TEST_F(ProbeStateTest, ADeletedPodKeepsItsReadinessProbeAlone) {
  container_.liveness_probe = Every(10, 1, 1);
  container_.readiness_probe = Every(10, 1, 1);
  Make();
  Ask(Kind::kReadiness, kOk);
  state_->Started(Kind::kLiveness, clock_.Steady());
  state_->EndLivenessAndStartup();
  const auto verdict = state_->Answered(Kind::kLiveness, {kFail, "late"}, clock_.Steady());
  EXPECT_FALSE(verdict.health_changed);
  EXPECT_EQ(verdict.text, "");
  EXPECT_FALSE(health().kill);
  EXPECT_FALSE(state_->DueAt(Kind::kLiveness));
  EXPECT_TRUE(Ask(Kind::kReadiness, kFail).health_changed);
  EXPECT_FALSE(health().ready);
}

TEST_F(ProbeStateTest, AnAnswerNobodyAskedForIsIgnored) {
  container_.liveness_probe = Every(10, 1, 1);
  Make();
  EXPECT_FALSE(state_->Answered(Kind::kLiveness, {kFail, "x"}, clock_.Steady()).health_changed);
  EXPECT_FALSE(state_->Answered(Kind::kStartup, {kFail, "x"}, clock_.Steady()).health_changed);
  EXPECT_FALSE(health().kill);
}

}  // namespace
}  // namespace keelson::probe
