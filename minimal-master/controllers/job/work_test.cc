// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/work.h"

#include <gmock/gmock.h>

#include "minimal-master/controllers/job/fake_jobs.h"
#include "minimal-master/controllers/job/template.h"

namespace keelson::job {
namespace {

using pods::Phase;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "3", "0 2" (with indexes), "-a b" (goes), "wait 7", as the work is.
std::string WorkOf(const FakeLook& look) {
  const Work work = PlanWork(look.facts, Count(look.facts));
  std::string out;
  for (const Work::Creation& creation : work.create) {
    if (creation.index) out += (out.empty() ? "" : " ") + std::to_string(*creation.index);
  }
  if (out.empty() && !work.create.empty()) out = std::to_string(work.create.size());
  if (!work.remove.empty()) out += "-";
  for (const pods::PodPtr& pod : work.remove) {
    out += (out == "-" ? "" : " ") + std::string(pod->name());
  }
  if (work.again)
    out += (out.empty() ? "wait " : ", wait ") + std::to_string(*work.again / kSecond);
  return out;
}

TEST(JobWork, MakesAndRemovesPods) {
  struct Case {
    std::string name;
    std::string spec;
    std::string status;
    std::vector<FakePod> pods;
    std::string expected;
    Backoff backoff = {};
  };
  const FakePod runs{.name = "a"};
  const FakePod done{.name = "s", .phase = Phase::kSucceeded};
  const FakePod failed{.name = "f", .phase = Phase::kFailed};
  const std::string indexed = R"("completionMode":"Indexed",)";
  const std::vector<Case> cases = {
      {"one", R"("completions":1)", "", {}, "1"},
      {"as many as may run", R"("completions":9,"parallelism":4)", "", {}, "4"},
      {"not more than are left", R"("completions":5,"parallelism":4)", R"("succeeded":3)", {}, "2"},
      {"what ended counts at once", R"("completions":3,"parallelism":3)", "", {done, runs}, "1"},
      {"without completions", R"("parallelism":3)", "", {runs}, "2"},
      {"after a success no more", R"("parallelism":3)", "", {runs, done}, ""},
      {"fewer may run",
       R"("completions":9,"parallelism":1)",
       "",
       {runs, {.name = "b", .phase = Phase::kPending}},
       "-b"},
      {"suspended", R"("completions":9,"parallelism":2,"suspend":true)", "", {runs}, "-a"},
      {"a failure waits", R"("completions":1)", "", {failed}, "wait 10"},
      {"each failure waits twice as long",
       R"("completions":1)",
       "",
       {{.name = "f", .phase = Phase::kFailed, .finished = 5}},
       "wait 35",
       {2, 0}},
      {"waited long enough",
       R"("completions":1)",
       "",
       {{.name = "f", .phase = Phase::kFailed, .finished = 10}},
       "1"},
      {"a success ends the wait",
       R"("completions":2)",
       "",
       {{.name = "f", .phase = Phase::kFailed, .finished = 5}, done},
       "1"},
      {"one that is being deleted is replaced",
       R"("completions":1,"backoffLimit":9)",
       "",
       {{.name = "d", .finished = 60, .being_deleted = true}},
       "1"},
      {"when all of it is over",
       R"("completions":1,"podReplacementPolicy":"Failed")",
       "",
       {{.name = "d", .finished = 60, .being_deleted = true}},
       ""},
      {"too many failures",
       R"("completions":3,"parallelism":2,"backoffLimit":1)",
       R"("failed":1)",
       {runs, failed},
       "-a"},
      {"out of time",
       R"("completions":1,"activeDeadlineSeconds":60)",
       R"("startTime":"2025-12-31T23:59:00Z")",
       {runs},
       "-a"},
      {"in time",
       R"("completions":1,"activeDeadlineSeconds":60)",
       R"("startTime":"2025-12-31T23:59:10Z")",
       {runs},
       "wait 10"},
      {"indexes",
       indexed + R"("completions":5,"parallelism":3)",
       R"("completedIndexes":"1")",
       {{.name = "a", .index = 2}},
       "0 3"},
      {"twice the same index",
       indexed + R"("completions":2,"parallelism":2)",
       "",
       {{.name = "a", .index = 0}, {.name = "b", .phase = Phase::kPending, .index = 0}},
       "-b"},
      {"an index waits for itself",
       indexed + R"("completions":3,"parallelism":3,"backoffLimitPerIndex":2)",
       "",
       {{.name = "f", .phase = Phase::kFailed, .index = 1, .finished = 4, .failures = 1}},
       "0 2, wait 16"},
      {"a failed index is left",
       indexed + R"("completions":3,"parallelism":3,"backoffLimitPerIndex":1)",
       "",
       {{.name = "f", .phase = Phase::kFailed, .index = 1, .failures = 1}},
       "0 2"},
      {"enough by its policy",
       indexed +
           R"("completions":3,"parallelism":3,"successPolicy":{"rules":[{"succeededIndexes":"0-1","succeededCount":1}]})",
       "",
       {{.name = "s", .phase = Phase::kSucceeded, .index = 1}, {.name = "a", .index = 2}},
       "-a"},
      {"ends at once by its policy",
       R"("completions":3,"parallelism":3,"podReplacementPolicy":"Failed","podFailurePolicy":{"rules":[{"action":"FailJob","onExitCodes":{"operator":"In","values":[42]}}]})",
       "",
       {{.name = "f", .phase = Phase::kFailed, .exit_code = 42}, runs},
       "-a"},
      {"does not count by its policy",
       R"("completions":1,"backoffLimit":0,"podReplacementPolicy":"Failed","podFailurePolicy":{"rules":[{"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget","status":"True"}]}]})",
       "",
       {{.name = "f",
         .phase = Phase::kFailed,
         .finished = 60,
         .conditions = R"([{"type":"DisruptionTarget","status":"True"}])"}},
       "1"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(WorkOf(FakeLook(c.spec, c.status, c.pods, c.backoff)), c.expected);
  }
}

TEST(JobPods, CarryTheirIndex) {
  const FakeLook look(R"("completions":3,"completionMode":"Indexed","backoffLimitPerIndex":1)", "",
                      {});
  const json::Value pod = MakePod(look.spec, {.index = 2, .failures = 1});
  const json::Value& metadata = pod.At({"metadata"});
  EXPECT_EQ(metadata.At({"generateName"}).AsString(), "sum-2-");
  EXPECT_EQ(metadata.At({"labels", kIndex}).AsString(), "2");
  EXPECT_EQ(metadata.At({"annotations", kIndex}).AsString(), "2");
  EXPECT_EQ(metadata.At({"annotations", kFailureCount}).AsString(), "1");
  EXPECT_EQ(metadata.At({"finalizers"}).items()[0].AsString(), kFinalizer);
  EXPECT_EQ(pod.At({"spec", "hostname"}).AsString(), "sum-2");
  const json::Value& variable = pod.At({"spec", "containers"}).items()[0].At({"env"}).items()[0];
  EXPECT_EQ(variable.At({"name"}).AsString(), "JOB_COMPLETION_INDEX");
}

TEST(JobWork, TellsWhyItEnds) {
  const auto reason = [](const FakeLook& look) {
    const Tally tally = Count(look.facts);
    return tally.ending ? tally.ending->reason : "";
  };
  const std::vector<FakePod> two = {
      {.name = "f", .phase = Phase::kFailed, .index = 0, .failures = 1},
      {.name = "g", .phase = Phase::kFailed, .index = 1, .failures = 1}};
  const std::string spec = R"("completionMode":"Indexed","backoffLimitPerIndex":1,"completions":)";
  EXPECT_EQ(reason({spec + "2", "", two}), "FailedIndexes");
  EXPECT_EQ(reason({spec + R"(9,"maxFailedIndexes":1)", "", two}), "MaxFailedIndexesExceeded");
  EXPECT_EQ(reason({spec + "9", "", two}), "");
}

}  // namespace
}  // namespace keelson::job
