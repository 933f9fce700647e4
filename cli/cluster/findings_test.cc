// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ClusterFindings, AreALineEachWithoutNotes) {
  const auto verdict = json::ParseJson(
      R"({"broken":7,"warning":2,"note":1,"findings":[)"
      R"({"level":"broken","kind":"Node","ns":"","name":"a","says":"does not answer",)"
      R"("detail":"","count":1},)"
      R"({"level":"broken","kind":"Deployment","ns":"d","name":"web","says":"its image cannot be )"
      R"(pulled","detail":"x:1:\u001b[31m\nnot found","count":3},)"
      R"({"level":"note","kind":"Node","ns":"","name":"b","says":"takes no new pods","count":1}]})");
  ASSERT_TRUE(verdict.ok());
  EXPECT_THAT(
      FindingLines(*verdict),
      ElementsAre("Node a: does not answer",
                  "Deployment d/web: 3 pods: its image cannot be pulled: x:1: [31m not found",
                  "and 7 more"));
  EXPECT_THAT(FindingLines(json::Value()), IsEmpty());
}

TEST(ClusterFindings, ThePageOfANodeInANetworkOfItsOwnIsReachedThroughTheApi) {
  EXPECT_EQ(PageUrl(6480, false), "http://127.0.0.1:6480/");
  EXPECT_EQ(PageUrl(6480, true), "http://127.0.0.1:8001/ui/ by `kubectl proxy`");
}

}  // namespace
}  // namespace keelson::cluster
