// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/health_record.h"

#include <gtest/gtest.h>

namespace keelson::lifecycle {
namespace {

TEST(HealthRecord, IsReadAsItWasWritten) {
  const HealthById read = ReadHealth(
      WriteHealth({{"a", {.started = true, .ready = true}}, {"b", {.started = true}}, {"c", {}}}));
  ASSERT_EQ(read.size(), 3u);
  EXPECT_TRUE(read.at("a").started && read.at("a").ready);
  EXPECT_TRUE(read.at("b").started && !read.at("b").ready);
  EXPECT_TRUE(!read.at("c").started && !read.at("c").ready);
}

TEST(HealthRecord, WhatCannotBeReadSaysNothing) {
  for (const char* text : {"", "{", "[]", "{\"version\":2,\"containers\":{\"a\":{\"ready\":true}}}",
                           "{\"containers\":{\"a\":{}}}", "{\"version\":1,\"containers\":7}"}) {
    EXPECT_TRUE(ReadHealth(text).empty()) << text;
  }
}

}  // namespace
}  // namespace keelson::lifecycle
