// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/events.h"

#include <gtest/gtest.h>

namespace keelson::cluster {
namespace {

TEST(EventObject, SaysWhatHappenedToWhomAndWhere) {
  const json::Value event = EventObject({"Pod", "shop", "web", "u"}, "a", true, "BackOff", "why",
                                        "web.1", 1'767'323'045'000'000'000);
  EXPECT_EQ(
      json::WriteJson(event),
      R"({"apiVersion":"v1","kind":"Event","metadata":{"name":"web.1","namespace":"shop"},)"
      R"("involvedObject":{"apiVersion":"v1","kind":"Pod","name":"web","uid":"u",)"
      R"("namespace":"shop"},"reason":"BackOff","message":"why",)"
      R"("source":{"component":"kubelet","host":"a"},)"
      R"("firstTimestamp":"2026-01-02T03:04:05Z","lastTimestamp":"2026-01-02T03:04:05Z",)"
      R"("count":1,"type":"Warning","reportingComponent":"kubelet","reportingInstance":"a"})");
}

TEST(EventObject, OfTheNodeIsKeptInTheDefaultNamespace) {
  const json::Value event = EventObject({"Node", "", "a", "a"}, "a", false, "NodeReady",
                                        std::string(5000, 'x'), "a.1", 0);
  EXPECT_EQ(event.At({"metadata", "namespace"}).AsString(), "default");
  EXPECT_EQ(event.At({"involvedObject", "namespace"}).AsString(), "");
  EXPECT_EQ(event.At({"message"}).AsString().size(), 1024u);
  EXPECT_EQ(event.At({"type"}).AsString(), "Normal");
}

}  // namespace
}  // namespace keelson::cluster
