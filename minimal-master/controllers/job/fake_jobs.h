// SPDX-License-Identifier: Apache-2.0
// Jobs and their pods for tables of tests. Pure, any thread.
#pragma once

#include "minimal-master/control/times.h"
#include "minimal-master/controllers/job/work.h"
#include "minimal-master/controllers/pods/fake_pods.h"

namespace keelson::job {

inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kNow = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

// `spec` and `status`: members as JSON, without braces.
inline json::Value FakeJob(const std::string& spec, const std::string& status = "") {
  return *json::ParseJson(
      R"({"metadata":{"name":"sum","namespace":"ns","uid":"uid-sum","creationTimestamp":)"
      R"("2025-12-31T23:00:00Z"},"spec":{"selector":{},"template":{"metadata":{"labels":)"
      R"({"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}})" +
      std::string(spec.empty() ? "" : ",") + spec + R"(},"status":{)" + status + "}}");
}

struct FakePod {
  std::string name;
  pods::Phase phase = pods::Phase::kRunning;
  int index = -1;
  int finished = 0;  // seconds before now
  int exit_code = 0;
  bool being_deleted = false;
  bool tracked = true;
  int failures = 0;
  std::string node = "n";
  std::string conditions = "[]";
};

inline Pod MakeFake(const Spec& spec, const FakePod& fake) {
  const std::string at = control::TimeText(kNow - fake.finished * kSecond);
  std::string json =
      R"({"metadata":{"annotations":{"batch.kubernetes.io/job-index-failure-count":")" +
      std::to_string(fake.failures) + R"("}},"status":{"conditions":)" + fake.conditions +
      R"(,"containerStatuses":[{"name":"c","state":)"
      R"({"terminated":{"exitCode":)" +
      std::to_string(fake.exit_code) + R"(,"finishedAt":")" + at + R"("}}}]}})";
  auto facts = std::make_shared<pods::PodFacts>();
  std::vector<std::pair<std::string, std::string>> labels;
  if (fake.index >= 0) labels.emplace_back(kIndex, std::to_string(fake.index));
  facts->object = pods::FakeObject(fake.name, labels, json);
  facts->phase = fake.phase;
  facts->node = fake.node;
  facts->created = kNow - 100 * kSecond;
  if (fake.tracked) facts->finalizers = {std::string(kFinalizer)};
  if (fake.being_deleted) facts->deletion = kNow;
  return ReadPod(spec, facts);
}

// What outlives the facts made of it.
struct FakeLook {
  FakeLook(const std::string& spec_json, const std::string& status,
           const std::vector<FakePod>& pods, Backoff backoff = {})
      : job(FakeJob(spec_json, status)), spec(job), facts{spec, {}, backoff, kNow} {
    for (const FakePod& pod : pods) facts.pods.push_back(MakeFake(spec, pod));
  }
  json::Value job;
  Spec spec;
  Facts facts;
};

}  // namespace keelson::job
