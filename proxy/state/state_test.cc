// SPDX-License-Identifier: Apache-2.0
#include "proxy/state/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

json::Value Parsed(const std::string& yaml) { return json::ParseYaml(yaml).value(); }
json::Value TheService(const std::string& ip = "10.43.0.9", const std::string& extra = "") {
  return Parsed("{metadata: {namespace: d, name: web}, spec: {clusterIP: " + ip +
                ", ports: [{port: 80}]" + extra + "}}");
}
json::Value TheSlice(const std::string& name, const std::string& address,
                     const std::string& service = "web", const std::string& node = "a") {
  return Parsed("{metadata: {namespace: d, name: " + name +
                ", labels: {kubernetes.io/service-name: " + service +
                "}}, addressType: IPv4, ports: [{port: 8080}], endpoints: [{addresses: [" +
                address + "], nodeName: " + node + "}]}");
}

TEST(State, TellsWhichServicesAChangeConcerns) {
  State state("a");
  state.SetService(TheService());
  state.SetSlice(TheSlice("web-1", "10.42.0.2"));
  EXPECT_THAT(state.TakeChanged(), ElementsAre("d/web"));
  state.SetService(TheService());  // told again
  state.SetSlice(TheSlice("web-1", "10.42.0.2"));
  EXPECT_FALSE(state.has_changed());
  state.SetSlice(TheSlice("web-1", "10.42.0.3"));
  EXPECT_THAT(state.TakeChanged(), ElementsAre("d/web"));
  state.RemoveSlice({"d", "web-1"});
  state.RemoveSlice({"d", "unknown"});
  EXPECT_THAT(state.TakeChanged(), ElementsAre("d/web"));
  state.RemoveService({"d", "web"});
  EXPECT_THAT(state.TakeChanged(), ElementsAre("d/web"));
  EXPECT_THAT(state.Services(), IsEmpty());
}

TEST(State, PlansFromAllSlicesOfAService) {
  State state("a");
  state.SetSlice(TheSlice("web-1", "10.42.0.2"));  // before its service
  state.SetService(TheService());
  state.SetSlice(TheSlice("web-2", "10.42.1.2", "web", "b"));
  const auto plans = state.Plan("d/web", Family::kIpv4);
  ASSERT_THAT(plans, SizeIs(1));
  EXPECT_THAT(plans[0].cluster, SizeIs(2));
  EXPECT_EQ(state.LocalReady("d/web"), 1u);
  EXPECT_THAT(state.Plan("d/other", Family::kIpv4), IsEmpty());
}

TEST(State, ASliceThatChangesItsServiceConcernsBoth) {
  State state("a");
  state.SetSlice(TheSlice("s", "10.42.0.2"));
  (void)state.TakeChanged();
  state.SetSlice(TheSlice("s", "10.42.0.2", "other"));
  EXPECT_THAT(state.TakeChanged(), ElementsAre("d/other", "d/web"));
}

TEST(State, AServiceThatIsNoLongerOursGoes) {
  State state("a");
  state.SetService(TheService());
  (void)state.TakeChanged();
  state.SetService(TheService("None"));
  EXPECT_THAT(state.TakeChanged(), ElementsAre("d/web"));
  EXPECT_EQ(state.Find("d/web"), nullptr);
}

TEST(State, TheNodesZoneConcernsEveryService) {
  State state("a");
  state.SetService(TheService());
  (void)state.TakeChanged();
  state.SetNode(Parsed("{metadata: {name: a, labels: {topology.kubernetes.io/zone: east}}}"));
  EXPECT_THAT(state.TakeChanged(), ElementsAre("d/web"));
}

}  // namespace
}  // namespace keelson::proxy
