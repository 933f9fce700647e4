// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/health_record.h"

#include <gtest/gtest.h>

namespace keelson::lifecycle {
namespace {

TEST(HealthRecord, IsReadAsItWasWritten) {
  const HealthById read = ReadHealth(WriteHealth({{"a", {.started = true, .ready = true}},
                                                  {"b", {.started = true}},
                                                  {"c", {}}}))
                              .value();
  ASSERT_EQ(read.size(), 3u);
  EXPECT_TRUE(read.at("a").started && read.at("a").ready);
  EXPECT_TRUE(read.at("b").started && !read.at("b").ready);
  EXPECT_TRUE(!read.at("c").started && !read.at("c").ready);
}

TEST(HealthRecord, WhatCannotBeReadIsAnError) {
  for (const char* text : {"{", "[]", "{\"version\":2,\"containers\":{\"a\":{\"ready\":true}}}",
                           "{\"containers\":{\"a\":{}}}", "{\"version\":1,\"containers\":7}"}) {
    EXPECT_FALSE(ReadHealth(text).ok()) << text;
  }
  EXPECT_TRUE(ReadHealth("").value().empty()) << "nothing was said";
  EXPECT_TRUE(
      ReadHealth("{\"version\":1,\"containers\":{\"a\":{\"ready\":true}}}").value().at("a").ready)
      << "of an older kubelet";
}

TEST(HealthRecord, NoBitOfItMayBeAnother) {
  const HealthById wrote = {{"a", {.started = true, .ready = true}}, {"b", {.started = true}}};
  const std::string text = WriteHealth(wrote);
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string changed = text;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const base::Result<HealthById> read = ReadHealth(changed);
    if (!read.ok()) continue;
    ASSERT_EQ(read->size(), 2u) << changed;
    EXPECT_TRUE(read->at("a").ready && !read->at("b").ready && read->at("b").started) << changed;
  }
}

}  // namespace
}  // namespace keelson::lifecycle
