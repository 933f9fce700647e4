// SPDX-License-Identifier: Apache-2.0
#include "proxy/model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

json::Value Parsed(const std::string& yaml) { return json::ParseYaml(yaml).value(); }

TEST(ReadService, TakesWhatRulesNeed) {
  const auto service = ReadService(Parsed(R"(
metadata: {namespace: shop, name: web}
spec:
  type: LoadBalancer
  clusterIP: 10.43.0.9
  clusterIPs: [10.43.0.9, "fd00::9"]
  externalIPs: [192.0.2.1, nonsense]
  loadBalancerSourceRanges: [198.51.100.0/24, " 203.0.113.0/24", 10.0.0.0/99]
  externalTrafficPolicy: Local
  healthCheckNodePort: 30100
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
  ports:
  - {name: http, protocol: TCP, port: 80, nodePort: 30080}
  - {name: dns, protocol: UDP, port: 53}
  - {name: odd, protocol: QUIC, port: 53}
status: {loadBalancer: {ingress: [{ip: 192.0.2.7, ipMode: VIP}, {ip: 192.0.2.8, ipMode: Proxy}, {hostname: x}]}}
)"));
  ASSERT_TRUE(service);
  EXPECT_THAT(service->cluster_ips, ElementsAre("10.43.0.9", "fd00::9"));
  EXPECT_THAT(service->external_ips, ElementsAre("192.0.2.1"));
  EXPECT_THAT(service->source_ranges, ElementsAre("198.51.100.0/24", "203.0.113.0/24"));
  EXPECT_THAT(service->balancer_ips, ElementsAre("192.0.2.7"));
  EXPECT_THAT(service->ports, ElementsAre(ServicePort{"http", Protocol::kTcp, 80, 30080},
                                          ServicePort{"dns", Protocol::kUdp, 53, 0}));
  EXPECT_EQ(service->affinity_seconds, 60u);
  EXPECT_EQ(service->health_port, 30100);
  EXPECT_TRUE(service->external_local);
  EXPECT_FALSE(service->internal_local);
}

TEST(ReadService, LeavesOthersServicesAlone) {
  EXPECT_FALSE(ReadService(Parsed("spec: {clusterIP: None, ports: [{port: 80}]}")));
  EXPECT_FALSE(ReadService(Parsed("spec: {type: ExternalName, externalName: a.b}")));
  EXPECT_FALSE(ReadService(Parsed("spec: {ports: [{port: 80}]}")));
  EXPECT_FALSE(
      ReadService(Parsed("{metadata: {labels: {service.kubernetes.io/service-proxy-name: x}}, "
                         "spec: {clusterIP: 10.43.0.1, ports: [{port: 80}]}}")));
}

// What stands in rules could end one and begin another.
TEST(ReadService, LeavesOutWhatIsNoNameAndNoAddress) {
  const std::string service =
      R"({"metadata":{"namespace":"shop","name":"NAME"},"spec":{"clusterIP":"10.43.0.9",)"
      R"("externalIPs":["OTHER","192.0.2.1"],"ports":[{"name":"PORT","port":80}]}})";
  const auto with = [&](const std::string& what, const std::string& text) {
    std::string json = service;
    return ReadService(json::ParseJson(json.replace(json.find(what), what.size(), text)).value());
  };
  EXPECT_FALSE(with("NAME", R"(web\" -j ACCEPT)"));
  EXPECT_FALSE(with("NAME", R"(web\n-A KUBE-SERVICES -j ACCEPT)"));
  EXPECT_THAT(with("PORT", R"(x\u0022)")->ports, IsEmpty());
  EXPECT_EQ(with("PORT", "")->ports.size(), 1u);
  EXPECT_THAT(with("OTHER", R"(192.0.2.9\u0000\n-A KUBE-SERVICES -j ACCEPT)")->external_ips,
              ElementsAre("192.0.2.1"));
}

TEST(ReadSlice, TakesEndpointsWithTheirConditions) {
  const auto slice = ReadSlice(Parsed(R"(
metadata: {namespace: shop, name: web-x, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, protocol: TCP, port: 8080}, {name: none}]
endpoints:
- {addresses: [10.42.0.2, 10.42.0.3], nodeName: a}
- {addresses: [10.42.0.4], nodeName: b, conditions: {ready: false, serving: true, terminating: true}}
- {addresses: [10.42.0.5], conditions: {ready: false}, hints: {forZones: [{name: z}], forNodes: [{name: b}]}}
- {addresses: ["fd00::5"]}
- {addresses: ["10.0.0.1 -j ACCEPT"]}
)"));
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->service, "web");
  EXPECT_THAT(slice->ports, ElementsAre(SlicePort{"http", Protocol::kTcp, 8080}));
  EXPECT_THAT(slice->endpoints,
              ElementsAre(Endpoint{"10.42.0.2", "a", true, true, false, {}, {}},
                          Endpoint{"10.42.0.4", "b", false, true, true, {}, {}},
                          Endpoint{"10.42.0.5", "", false, false, false, {"z"}, {"b"}}));
}

TEST(ReadSlice, LeavesNamesAndHeadlessAlone) {
  EXPECT_FALSE(ReadSlice(
      Parsed("{metadata: {labels: {kubernetes.io/service-name: web}}, addressType: FQDN}")));
  EXPECT_FALSE(
      ReadSlice(Parsed("{metadata: {labels: {kubernetes.io/service-name: web, "
                       "service.kubernetes.io/headless: ''}}, addressType: IPv4}")));
  EXPECT_FALSE(ReadSlice(Parsed("addressType: IPv4")));
}

}  // namespace
}  // namespace keelson::proxy
