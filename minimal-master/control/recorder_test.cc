// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/recorder.h"

#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"
#include "minimal-master/control/fake_client.h"

namespace keelson::control {
namespace {

using json::Value;

Value Pod(const char* name) {
  return *json::ParseJson(
      std::string(
          R"({"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"a","uid":"u","name":")") +
      name + "\"}}");
}

class RecorderTest : public testing::Test {
 protected:
  // What was written once the recorder has ended.
  std::vector<Write> Written(const std::function<void(Recorder&)>& record) {
    {
      Recorder recorder(client_, clock_);
      record(recorder);
    }
    return client_.Take();
  }
  FakeClient client_;
  base::ManualClock clock_;
};

TEST_F(RecorderTest, WritesAnEventAndCountsItUp) {
  const std::vector<Write> writes = Written([&](Recorder& recorder) {
    recorder.Record(Pod("x"), "Normal", "Started", "it runs", "kubelet");
    clock_.Advance(std::chrono::seconds(5));
    recorder.Record(Pod("x"), "Normal", "Started", "it runs", "kubelet");
    recorder.Record(Pod("x"), "Warning", "Failed", "it does not", "kubelet");
  });
  ASSERT_EQ(writes.size(), 3u);
  const Value& first = writes[0].body;
  EXPECT_EQ(writes[0].ns, "a");
  EXPECT_EQ(first.At({"involvedObject", "name"}).AsString(), "x");
  EXPECT_EQ(first.At({"involvedObject", "apiVersion"}).AsString(), "v1");
  EXPECT_EQ(first.At({"reason"}).AsString(), "Started");
  EXPECT_EQ(first.At({"source", "component"}).AsString(), "kubelet");
  EXPECT_EQ(first.At({"count"}).AsInt(), 1);
  EXPECT_EQ(first.At({"firstTimestamp"}).AsString(), "2023-11-14T22:13:21Z");
  EXPECT_EQ(writes[1].verb, Write::Verb::kMergePatch);
  EXPECT_EQ(writes[1].name, first.At({"metadata", "name"}).AsString());
  EXPECT_EQ(writes[1].body.At({"count"}).AsInt(), 2);
  EXPECT_EQ(writes[1].body.At({"lastTimestamp"}).AsString(), "2023-11-14T22:13:26Z");
  EXPECT_EQ(writes[2].verb, Write::Verb::kCreate);
}

TEST_F(RecorderTest, WhatHasExpiredIsWrittenAnew) {
  client_.answer = [](const Write& write) -> status::Or<Value> {
    if (write.verb == Write::Verb::kMergePatch) return status::NotFound({"", "events"}, write.name);
    return write.body;
  };
  const std::vector<Write> writes = Written([&](Recorder& recorder) {
    recorder.Record(Pod("x"), "Normal", "Started", "it runs", "kubelet");
    recorder.Record(Pod("x"), "Normal", "Started", "it runs", "kubelet");
  });
  ASSERT_EQ(writes.size(), 3u);
  EXPECT_EQ(writes[2].verb, Write::Verb::kCreate);
}

TEST_F(RecorderTest, OneObjectCannotFillTheStore) {
  const std::vector<Write> writes = Written([&](Recorder& recorder) {
    for (int i = 0; i < 100; ++i)
      recorder.Record(Pod("x"), "Normal", "Again", std::to_string(i), "kubelet");
    recorder.Record(Pod("y"), "Normal", "Again", "another", "kubelet");
    clock_.Advance(std::chrono::minutes(5));
    recorder.Record(Pod("x"), "Normal", "Again", "later", "kubelet");
  });
  EXPECT_EQ(writes.size(), 27u);
}

}  // namespace
}  // namespace keelson::control
