// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/allocation/service.h"

namespace keelson::allocation {
namespace {

json::Value Yaml(const std::string& text) {
  base::Result<json::Value> value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << value.error().message();
  return value.ok() ? *value : json::Value();
}

Ranges Dual() {
  Ranges ranges;
  ranges.services = {*IpRange::Parse("10.43.0.0/16"), *IpRange::Parse("fd00::/112")};
  return ranges;
}

uint64_t First(uint64_t) { return 0; }

TEST(IpRanges, AreReadAndDivided) {
  const IpRange range = *IpRange::Parse("10.43.0.0/16");
  EXPECT_TRUE(range.Contains("10.43.255.254"));
  EXPECT_FALSE(range.Contains("10.43.255.255"));
  EXPECT_FALSE(range.Contains("10.43.0.0"));
  EXPECT_FALSE(range.Contains("10.44.0.1"));
  EXPECT_FALSE(range.Contains("fd00::1"));
  EXPECT_EQ(range.At(1), "10.43.0.1");
  const auto nobody = [](const std::string&) { return false; };
  EXPECT_EQ(range.Pick(nobody, First), "10.43.1.0");
  EXPECT_EQ(IpRange::Parse("fd00::/112")->Pick(nobody, First), "fd00::100");
  EXPECT_FALSE(IpRange::Parse("10.43.0.0").ok());
  EXPECT_FALSE(IpRange::Parse("10.43.0.0/33").ok());
  EXPECT_FALSE(IpRange::Parse("10.43.0.0/30").ok());
  EXPECT_TRUE(IpRange::Parse("::/0").ok());
}

TEST(IpRanges, GiveTheLowerPartLastAndEnd) {
  const IpRange range = *IpRange::Parse("10.0.0.0/29");
  std::set<std::string> given;
  while (const auto address =
             range.Pick([&](const std::string& one) { return given.contains(one); }, First))
    ASSERT_TRUE(given.insert(*address).second);
  EXPECT_EQ(given.size(), 6u);
}

struct Case {
  const char* name;
  const char* spec;
  const char* expected;  // of ipFamilies, ipFamilyPolicy, clusterIPs
};

TEST(Services, GetFamiliesAndAddresses) {
  const Case cases[] = {
      {"plain", "{type: ClusterIP}", R"(["IPv4"] SingleStack ["10.43.1.0"])"},
      {"prefers two", "{type: ClusterIP, ipFamilyPolicy: PreferDualStack}",
       R"(["IPv4","IPv6"] PreferDualStack ["10.43.1.0","fd00::100"])"},
      {"begins with the second",
       "{type: ClusterIP, ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6]}",
       R"(["IPv6","IPv4"] PreferDualStack ["fd00::100","10.43.1.0"])"},
      {"its own address", "{type: ClusterIP, clusterIP: fd00::9}",
       R"(["IPv6"] SingleStack ["fd00::9"])"},
      {"headless", "{type: ClusterIP, clusterIP: None, selector: {a: b}}",
       R"(["IPv4"] SingleStack ["None"])"},
      {"headless of both", "{type: ClusterIP, clusterIP: None, ipFamilyPolicy: RequireDualStack}",
       R"(["IPv4","IPv6"] RequireDualStack ["None"])"},
  };
  for (const Case& c : cases) {
    json::Value service;
    service.Set("spec", Yaml(c.spec));
    Normalize(service, nullptr);
    EXPECT_TRUE(Allocate(service, Dual(), {}, First).empty()) << c.name;
    const json::Value& spec = service.At({"spec"});
    EXPECT_EQ(json::WriteJson(spec.At({"ipFamilies"})) + " " +
                  spec.At({"ipFamilyPolicy"}).AsString() + " " +
                  json::WriteJson(spec.At({"clusterIPs"})),
              c.expected)
        << c.name;
  }
}

TEST(Services, AreRefusedWhatIsNotThere) {
  Taken taken;
  taken.Add(Yaml("{spec: {clusterIPs: [10.43.0.9], ports: [{nodePort: 31000}]}}"));
  const std::pair<const char*, const char*> cases[] = {
      {"{type: ClusterIP, clusterIP: 10.43.0.9}",
       "Invalid value: [\"10.43.0.9\"]: failed to allocate IP 10.43.0.9: provided IP is already "
       "allocated"},
      {"{type: ClusterIP, clusterIP: 1.2.3.4}",
       "Invalid value: [\"1.2.3.4\"]: failed to allocate IP 1.2.3.4: the provided network does not "
       "match the current range"},
      {"{type: NodePort, ports: [{port: 1, nodePort: 31000}]}",
       "Invalid value: 31000: provided port is already allocated"},
      {"{type: NodePort, ports: [{port: 1, nodePort: 80}]}",
       "Invalid value: 80: provided port is not in the valid range. The range of valid ports is "
       "30000-32767"},
  };
  for (const auto& [spec, what] : cases) {
    json::Value service;
    service.Set("spec", Yaml(spec));
    Normalize(service, nullptr);
    const std::vector<kube::Problem> problems = Allocate(service, Dual(), taken, First);
    ASSERT_EQ(problems.size(), 1u) << spec;
    EXPECT_EQ(problems[0].what, what);
  }
  Ranges single;
  single.services = {*IpRange::Parse("10.43.0.0/16")};
  json::Value service = Yaml("{spec: {type: ClusterIP, ipFamilyPolicy: RequireDualStack}}");
  EXPECT_EQ(Allocate(service, single, {}, First).size(), 1u);
}

TEST(Services, GetPortsOnNodesOneForBothProtocols) {
  json::Value service = Yaml(
      "{spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 53, protocol: UDP},"
      " {port: 53, protocol: TCP}, {port: 80, protocol: TCP}]}}");
  ASSERT_TRUE(Allocate(service, Dual(), {}, First).empty());
  const auto& ports = service.At({"spec", "ports"}).items();
  EXPECT_EQ(ports[0].At({"nodePort"}).AsInt(), 30000);
  EXPECT_EQ(ports[1].At({"nodePort"}).AsInt(), 30000);
  EXPECT_EQ(ports[2].At({"nodePort"}).AsInt(), 30001);
  EXPECT_EQ(service.At({"spec", "healthCheckNodePort"}).AsInt(), 30002);
  json::Value none = Yaml(
      "{spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}}");
  ASSERT_TRUE(Allocate(none, Dual(), {}, First).empty());
  EXPECT_EQ(none.At({"spec", "ports"}).items()[0].At({"nodePort"}).AsInt(), 0);
}

TEST(Services, KeepOnUpdateWhatIsLeftOutAndGiveBackWhatTheyDoNotNeed) {
  const json::Value old = Yaml(
      "{spec: {type: NodePort, clusterIP: 10.43.0.9, clusterIPs: [10.43.0.9],"
      " ports: [{port: 80, protocol: TCP, nodePort: 31000}]}}");
  json::Value same = Yaml("{spec: {type: NodePort, ports: [{port: 80, protocol: TCP}]}}");
  Normalize(same, &old);
  EXPECT_EQ(same.At({"spec", "clusterIP"}).AsString(), "10.43.0.9");
  EXPECT_EQ(same.At({"spec", "ports"}).items()[0].At({"nodePort"}).AsInt(), 31000);
  json::Value inner = old;
  inner.Find("spec")->Set("type", json::Value("ClusterIP"));
  Normalize(inner, &old);
  EXPECT_TRUE(inner.At({"spec", "ports"}).items()[0].At({"nodePort"}).IsNull());
  json::Value name = old;
  name.Find("spec")->Set("type", json::Value("ExternalName"));
  Normalize(name, &old);
  EXPECT_TRUE(name.At({"spec", "clusterIP"}).IsNull());
}

}  // namespace
}  // namespace keelson::allocation
