// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/progress.h"

#include <gmock/gmock.h>

#include "minimal-master/controllers/job/fake_jobs.h"
#include "minimal-master/controllers/job/ttl.h"

namespace keelson::job {
namespace {

using json::Value;
using pods::Phase;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "True reason" of a condition.
std::string Condition(const Value& status, std::string_view type) {
  const Value* found = pods::FindCondition(status, type);
  if (found == nullptr) return {};
  return found->At({"status"}).AsString() + " " + found->At({"reason"}).AsString();
}

std::set<std::string, std::less<>> Uids(const std::vector<pods::PodPtr>& pods) {
  std::set<std::string, std::less<>> out;
  for (const pods::PodPtr& pod : pods) out.insert(std::string(pod->uid()));
  return out;
}

struct Outcome {
  Value first;
  Value last;
  std::vector<std::string> untracked;
  std::vector<Event> events;
};
Outcome Look(const FakeLook& look) {
  const Tally tally = Count(look.facts);
  Progress progress(look.facts, tally);
  Outcome out;
  out.first = progress.first_status();
  for (const pods::PodPtr& pod : progress.untrack()) out.untracked.emplace_back(pod->name());
  out.last = progress.LastStatus(Uids(progress.untrack()));
  out.events = progress.events();
  return out;
}

TEST(JobProgress, CountsAPodOnceItIsNamedAndLetGo) {
  const Outcome out = Look({R"("completions":5,"parallelism":3)",
                            R"("startTime":"2025-12-31T23:30:00Z")",
                            {{.name = "a"},
                             {.name = "s", .phase = Phase::kSucceeded},
                             {.name = "f", .phase = Phase::kFailed}}});
  EXPECT_THAT(out.untracked, ElementsAre("s", "f"));
  EXPECT_EQ(json::WriteJson(out.first.At({"uncountedTerminatedPods"})),
            R"({"succeeded":["uid-s"],"failed":["uid-f"]})");
  EXPECT_EQ(out.first.At({"succeeded"}).AsInt(), 0);
  EXPECT_EQ(out.first.At({"active"}).AsInt(), 1);
  EXPECT_EQ(json::WriteJson(out.last.At({"uncountedTerminatedPods"})), "{}");
  EXPECT_EQ(out.last.At({"succeeded"}).AsInt(), 1);
  EXPECT_EQ(out.last.At({"failed"}).AsInt(), 1);
}

TEST(JobProgress, GoesOnWhereItWasInterrupted) {
  // Both were named; one was let go, then something died.
  const Outcome out = Look({R"("completions":5,"parallelism":3)",
                            R"("startTime":"2025-12-31T23:30:00Z","succeeded":1,)"
                            R"("uncountedTerminatedPods":{"succeeded":["uid-s","uid-t"]})",
                            {{.name = "s", .phase = Phase::kSucceeded},
                             {.name = "t", .phase = Phase::kSucceeded, .tracked = false}}});
  EXPECT_EQ(out.first.At({"succeeded"}).AsInt(), 2);
  EXPECT_THAT(out.untracked, ElementsAre("s"));
  EXPECT_EQ(out.last.At({"succeeded"}).AsInt(), 3);
}

TEST(JobProgress, LeavesWhatEndedMeanwhileToTheNextLook) {
  const std::string spec = R"("completions":5,"parallelism":3)";
  const FakeLook before(spec, "", {{.name = "a"}, {.name = "b"}});
  const FakeLook after(spec, "", {{.name = "a", .phase = Phase::kFailed}, {.name = "b"}});
  const Tally tally = Count(before.facts);
  const Progress progress(after.facts, tally);
  EXPECT_THAT(progress.untrack(), IsEmpty());
  EXPECT_EQ(progress.first_status().At({"failed"}).AsInt(), 0);
}

TEST(JobProgress, IsCompleteWithAllOfThem) {
  const Outcome out = Look({R"("completions":2)",
                            R"("startTime":"2025-12-31T23:30:00Z","succeeded":1)",
                            {{.name = "s", .phase = Phase::kSucceeded}}});
  EXPECT_EQ(Condition(out.first, "SuccessCriteriaMet"), "True CompletionsReached");
  EXPECT_EQ(Condition(out.first, "Complete"), "");
  EXPECT_EQ(Condition(out.last, "Complete"), "True CompletionsReached");
  EXPECT_EQ(out.last.At({"completionTime"}).AsString(), "2026-01-01T00:00:00Z");
  EXPECT_THAT(out.events, ElementsAre(Event{"Normal", "Completed", "Job completed"}));
}

TEST(JobProgress, CountsWhatStillRanAsFailedWhenItFails) {
  const Outcome out = Look({R"("completions":2,"parallelism":2,"backoffLimit":0)",
                            R"("startTime":"2025-12-31T23:30:00Z")",
                            {{.name = "f", .phase = Phase::kFailed},
                             {.name = "g", .phase = Phase::kPending, .being_deleted = true}}});
  EXPECT_EQ(Condition(out.first, "FailureTarget"), "True BackoffLimitExceeded");
  EXPECT_EQ(out.last.At({"failed"}).AsInt(), 2);
  // Not before the last one is gone.
  EXPECT_EQ(Condition(out.last, "Failed"), "");
  EXPECT_THAT(out.events, IsEmpty());
  const Outcome then = Look({R"("completions":2,"parallelism":2,"backoffLimit":0)",
                             R"("startTime":"2025-12-31T23:30:00Z","failed":2,"conditions":[{)"
                             R"("type":"FailureTarget","status":"True","reason":)"
                             R"("BackoffLimitExceeded","message":"m"}])",
                             {{.name = "f", .phase = Phase::kFailed, .tracked = false}}});
  EXPECT_EQ(Condition(then.last, "Failed"), "True BackoffLimitExceeded");
  EXPECT_THAT(then.events, ElementsAre(Event{"Warning", "BackoffLimitExceeded", "m"}));
}

TEST(JobProgress, KeepsIndexes) {
  const Outcome out = Look({R"("completionMode":"Indexed","completions":6,"parallelism":3)",
                            R"("startTime":"2025-12-31T23:30:00Z","completedIndexes":"0,3")",
                            {{.name = "a", .phase = Phase::kSucceeded, .index = 2},
                             {.name = "b", .phase = Phase::kSucceeded, .index = 3},
                             {.name = "c", .phase = Phase::kFailed, .index = 1}}});
  EXPECT_EQ(out.first.At({"completedIndexes"}).AsString(), "0,2,3");
  EXPECT_EQ(out.first.At({"succeeded"}).AsInt(), 3);
  EXPECT_EQ(out.last.At({"failed"}).AsInt(), 1);
}

TEST(JobProgress, KeepsTheLastFailureOfAnIndexUntilItHasASuccessor) {
  const std::string spec =
      R"("completionMode":"Indexed","completions":2,"parallelism":2,"backoffLimitPerIndex":3)";
  const FakePod failed{.name = "f", .phase = Phase::kFailed, .index = 1};
  EXPECT_THAT(Look({spec, "", {failed}}).untracked, IsEmpty());
  const Outcome out = Look({spec, "", {failed, {.name = "g", .index = 1, .failures = 1}}});
  EXPECT_THAT(out.untracked, ElementsAre("f"));
  EXPECT_EQ(out.last.At({"failed"}).AsInt(), 1);
  EXPECT_EQ(out.last.At({"failedIndexes"}).AsString(), "");
}

TEST(JobProgress, TellsOfASuspension) {
  const Outcome out = Look({R"("completions":1,"suspend":true)", "", {}});
  EXPECT_EQ(Condition(out.first, "Suspended"), "True JobSuspended");
  EXPECT_TRUE(out.first.At({"startTime"}).IsNull());
  EXPECT_THAT(out.events, ElementsAre(Event{"Normal", "Suspended", "Job suspended"}));
  const Outcome resumed =
      Look({R"("completions":1,"activeDeadlineSeconds":60)",
            R"("startTime":"2025-12-31T23:30:00Z","conditions":[{"type":"Suspended","status":)"
            R"("True","reason":"JobSuspended"}])",
            {}});
  EXPECT_EQ(Condition(resumed.first, "Suspended"), "False JobResumed");
  // Its time begins anew.
  EXPECT_EQ(resumed.first.At({"startTime"}).AsString(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(Condition(resumed.first, "FailureTarget"), "");
}

TEST(JobProgress, WritesNothingWhenNothingIsNew) {
  const Outcome out = Look({R"("completions":1)",
                            R"("startTime":"2025-12-31T23:30:00Z","active":1,"terminating":0,)"
                            R"("uncountedTerminatedPods":{},"ready":0)",
                            {{.name = "a"}}});
  EXPECT_TRUE(out.first.IsNull());
  EXPECT_TRUE(out.last.IsNull());
}

TEST(JobDeletion, ComesSomeTimeAfterTheEnd) {
  const std::string ended =
      R"("conditions":[{"type":"Complete","status":"True","lastTransitionTime":)"
      R"("2026-01-01T00:00:00Z"}])";
  EXPECT_EQ(DeletionTime(FakeJob(R"("ttlSecondsAfterFinished":30)", ended)), kNow + 30 * kSecond);
  EXPECT_EQ(DeletionTime(FakeJob(R"("ttlSecondsAfterFinished":30)")), std::nullopt);
  EXPECT_EQ(DeletionTime(FakeJob("", ended)), std::nullopt);
}

}  // namespace
}  // namespace keelson::job
