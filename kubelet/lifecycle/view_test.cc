// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"

namespace keelson::lifecycle {
namespace {

using testing::HasSubstr;

class ViewTest : public testing::Test {
 protected:
  static PodPicture Web(bool runs) {
    PodPicture picture{.name = "web",
                       .namespace_name = "shop",
                       .uid = "u-1",
                       .document = R"({"kind":"Pod"})",
                       .explanation = "waits",
                       .runs = runs};
    picture.logs["a"] = {.present = "/logs/1.log", .previous = "/logs/0.log", .running = true};
    picture.logs["b"] = {};
    return picture;
  }
  base::ManualClock clock_;
  View view_{clock_, R"({"kubeletconfig":{}})"};
};

TEST_F(ViewTest, ListsPods) {
  EXPECT_EQ(view_.Pods(), R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]})"
                          "\n");
  view_.Set(Web(false));
  EXPECT_EQ(view_.Pods(),
            R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"kind":"Pod"}]})"
            "\n");
  EXPECT_EQ(view_.RunningPods(), R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]})"
                                 "\n");
  view_.Set(Web(true));
  EXPECT_EQ(view_.RunningPods(), view_.Pods());
  PodPicture other = Web(true);
  other.uid = "u-2";
  view_.Set(other);
  EXPECT_THAT(view_.Pods(), HasSubstr(R"([{"kind":"Pod"},{"kind":"Pod"}])"));
  view_.Remove("u-1");
  view_.Remove("u-1");
  EXPECT_THAT(view_.Pods(), HasSubstr(R"([{"kind":"Pod"}])"));
  EXPECT_EQ(view_.Configuration(), R"({"kubeletconfig":{}})");
}

TEST_F(ViewTest, ExplainsOrTellsWhatWasRefused) {
  view_.Set(Web(true));
  EXPECT_EQ(view_.Explain("shop", "web").value(), "waits");
  view_.SetFileErrors({{"/m/x.yaml", "/m/x.yaml: line 3: unknown field"}});
  const base::Result<std::string> none = view_.Explain("default", "web");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code(), base::Code::kNotFound);
  EXPECT_EQ(none.error().message(),
            "pod \"default/web\" is not on this node\nrefused: /m/x.yaml: line 3: unknown field");
}

TEST_F(ViewTest, KnowsTheLogsOfContainers) {
  view_.Set(Web(true));
  EXPECT_EQ(view_.Log("shop", "web", "a", false).value().path, "/logs/1.log");
  EXPECT_TRUE(view_.Log("shop", "web", "a", false).value().running);
  EXPECT_EQ(view_.Log("shop", "web", "a", true).value().path, "/logs/0.log");
  EXPECT_FALSE(view_.Log("shop", "web", "a", true).value().running);
  EXPECT_EQ(view_.Log("shop", "web", "b", false).error().message(),
            "container \"b\" in pod \"web\" is waiting to start");
  EXPECT_EQ(view_.Log("shop", "web", "b", true).error().message(),
            "previous terminated container \"b\" in pod \"web\" not found");
  EXPECT_EQ(view_.Log("shop", "web", "c", false).error().code(), base::Code::kNotFound);
  EXPECT_EQ(view_.Log("shop", "none", "a", false).error().message(), "pod \"none\" does not exist");
}

TEST_F(ViewTest, IsHealthyWhileTheLoopGoesRoundAndTheRuntimeAnswers) {
  EXPECT_EQ(view_.Unhealthy(), "");
  view_.Beat();
  clock_.Advance(std::chrono::minutes(5));
  view_.Listed();
  EXPECT_EQ(view_.Unhealthy(), "");
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_THAT(view_.Unhealthy(), HasSubstr("syncloop: "));
  view_.Beat();
  view_.SetRuntimeError("connect: no such file");
  EXPECT_EQ(view_.Unhealthy(), "runtime: connect: no such file\n");
  view_.SetRuntimeError("");
  EXPECT_EQ(view_.Unhealthy(), "");
}

TEST_F(ViewTest, IsNotHealthyWhenTheRuntimeSaysThatItIsNotReady) {
  view_.SetRuntimeNotReady("container runtime is not ready: no disk");
  EXPECT_EQ(view_.Unhealthy(), "runtime: container runtime is not ready: no disk\n");
  view_.SetRuntimeNotReady("");
  EXPECT_EQ(view_.Unhealthy(), "");
}

TEST_F(ViewTest, IsNotHealthyWhenTheRuntimeWasNotListedForThreeMinutes) {
  clock_.Advance(std::chrono::minutes(3));
  EXPECT_EQ(view_.Unhealthy(), "");
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(view_.Unhealthy(), "pleg: pleg was last seen active 181s ago; threshold is 3m0s\n");
  view_.Listed();
  EXPECT_EQ(view_.Unhealthy(), "");
}

}  // namespace
}  // namespace keelson::lifecycle
