// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/log_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"

namespace keelson::container {
namespace {

using testing::HasSubstr;

TEST(LogLimit, IsTheNodesOrThePodsWhereTheNodeLetsIt) {
  struct Case {
    bool by_annotation;
    const char* rate;
    const char* policy;
    spec::LogLimit limit;
  };
  for (const Case& c : {
           Case{false, nullptr, nullptr, {1000, true}},
           Case{false, "5", "wait", {1000, true}},
           Case{false, "five", "maybe", {1000, true}},
           Case{true, nullptr, nullptr, {1000, true}},
           Case{true, "5", nullptr, {5, true}},
           Case{true, "0", nullptr, {0, true}},
           Case{true, nullptr, "wait", {1000, false}},
           Case{true, "7", "drop", {7, true}},
       }) {
    ::runtime::v1::PodSandboxConfig pod;
    if (c.rate != nullptr) (*pod.mutable_annotations())[kLogRateAnnotation] = c.rate;
    if (c.policy != nullptr) (*pod.mutable_annotations())[kLogPolicyAnnotation] = c.policy;
    const base::Result<spec::LogLimit> limit = PlanLogLimit({{1000, true}, c.by_annotation}, pod);
    ASSERT_TRUE(limit.ok()) << limit.error().message();
    EXPECT_EQ(*limit, c.limit) << c.by_annotation << (c.rate ? c.rate : "-");
  }
}

TEST(LogLimit, WhatMeansNothingIsRefusedByItsName) {
  for (const auto& [name, value] :
       {std::pair(kLogRateAnnotation, "1Mi"), std::pair(kLogRateAnnotation, "-1"),
        std::pair(kLogPolicyAnnotation, "block")}) {
    ::runtime::v1::PodSandboxConfig pod;
    (*pod.mutable_annotations())[name] = value;
    const base::Result<spec::LogLimit> limit = PlanLogLimit({{}, true}, pod);
    ASSERT_FALSE(limit.ok()) << value;
    EXPECT_EQ(limit.error().code(), base::Code::kInvalidArgument);
    EXPECT_THAT(limit.error().message(), HasSubstr(name));
    EXPECT_THAT(limit.error().message(), HasSubstr(value));
  }
}

}  // namespace
}  // namespace keelson::container
