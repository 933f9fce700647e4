// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

base::Result<Config> Parse(const std::string& fields) {
  return ParseConfig(json::ParseYaml("apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: "
                                     "KubeProxyConfiguration\n" +
                                     fields)
                         .value());
}

TEST(ProxyConfig, WhatIsNotGivenIsUpstreamsDefault) {
  const Config config = Parse("").value();
  EXPECT_EQ(config.healthz, "0.0.0.0:10256");
  EXPECT_EQ(config.metrics, "127.0.0.1:10249");
  EXPECT_EQ(config.masquerade_bit, 14);
  EXPECT_EQ(config.check_period, seconds(30));
  EXPECT_EQ(config.sysctl.max_per_core, 32768);
  EXPECT_EQ(config.sysctl.tcp_established, std::chrono::hours(24));
  EXPECT_FALSE(config.oom_score_adj);
}

TEST(ProxyConfig, FieldsAreReadAsTheyAre) {
  const Config config = Parse(R"(hostnameOverride: a
clusterCIDR: 10.1.0.0/16,fd00::/48
clientConnection: {kubeconfig: /k}
nodePortAddresses: [10.0.0.0/8]
healthzBindAddress: "::"
metricsBindAddress: 127.0.0.1
oomScoreAdj: -998
iptables: {masqueradeAll: true, masqueradeBit: 15, syncPeriod: 1m0s, minSyncPeriod: 500ms}
conntrack: {maxPerCore: 0, min: 5, tcpCloseWaitTimeout: 1h0m0s, udpTimeout: 30s, tcpBeLiberal: true}
)")
                            .value();
  EXPECT_EQ(config.node, "a");
  EXPECT_EQ(config.cluster_cidr, "10.1.0.0/16,fd00::/48");
  EXPECT_EQ(config.kubeconfig, "/k");
  EXPECT_THAT(config.node_port_addresses, ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(config.healthz, "[::]:10256");
  EXPECT_EQ(config.metrics, "127.0.0.1:10249");
  EXPECT_EQ(config.oom_score_adj, -998);
  EXPECT_TRUE(config.masquerade_all);
  EXPECT_EQ(config.masquerade_bit, 15);
  EXPECT_EQ(config.check_period, seconds(60));
  EXPECT_EQ(config.min_period, milliseconds(500));
  EXPECT_EQ(config.sysctl.max_per_core, 0);
  EXPECT_EQ(config.sysctl.tcp_close_wait, seconds(3600));
  EXPECT_EQ(config.sysctl.udp, seconds(30));
  EXPECT_TRUE(config.sysctl.tcp_be_liberal);
  EXPECT_THAT(config.without_effect, IsEmpty());
}

// As kubeadm writes it: every field, most of them empty.
TEST(ProxyConfig, EmptyFieldsAreAsNotGiven) {
  const auto config = Parse(R"(bindAddress: ""
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: "", qps: 0}
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null,
  tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s,
  tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
logging: {}
metricsBindAddress: ""
mode: ""
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: null
)");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_THAT(config->without_effect, IsEmpty());
  EXPECT_EQ(config->sysctl.min, 131072);
  EXPECT_EQ(config->min_period, Config().min_period);
}

TEST(ProxyConfig, WhatIsShownIsWhatWasRead) {
  const Config config = Parse(R"(hostnameOverride: a
clusterCIDR: 10.1.0.0/16,fd00::/48
clientConnection: {kubeconfig: /k}
nodePortAddresses: [10.0.0.0/8]
healthzBindAddress: "::"
oomScoreAdj: -998
iptables: {masqueradeAll: true, masqueradeBit: 15, syncPeriod: 1m30s, minSyncPeriod: 500ms}
conntrack: {maxPerCore: 0, min: 5, tcpCloseWaitTimeout: 1h0m1s, udpTimeout: 30s, tcpBeLiberal: true}
)")
                            .value();
  const json::Value shown = ShowConfig(config);
  EXPECT_EQ(shown.At({"iptables", "syncPeriod"}).AsString(), "1m30s");
  EXPECT_EQ(shown.At({"conntrack", "tcpCloseWaitTimeout"}).AsString(), "1h0m1s");
  const auto again = ParseConfig(shown);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(json::WriteJson(ShowConfig(*again)), json::WriteJson(shown));
  EXPECT_EQ(again->sysctl.min, 5);
  EXPECT_EQ(again->check_period, milliseconds(90000));
  EXPECT_THAT(again->without_effect, IsEmpty());
}

TEST(ProxyConfig, LengthsAreWrittenAsGoDoes) {
  for (const auto& [time, text] : std::vector<std::pair<int, std::string>>{
           {0, "0s"}, {50, "50ms"}, {1500, "1.5s"}, {60000, "1m0s"}, {86400000, "24h0m0s"}})
    EXPECT_EQ(LengthText(milliseconds(time)), text);
}

TEST(ProxyConfig, WhatNothingActsOnIsNamedWithItsLine) {
  const Config config = Parse(
                            "mode: ipvs\nipvs:\n  scheduler: rr\nnodePortAddresses: [primary]\n"
                            "detectLocalMode: BridgeInterface\n")
                            .value();
  EXPECT_THAT(config.without_effect,
              ElementsAre("line 3: mode: ipvs (it is iptables)", "line 5: ipvs.scheduler",
                          "line 6: nodePortAddresses: primary",
                          "line 7: detectLocalMode: BridgeInterface (it is ClusterCIDR)"));
}

TEST(ProxyConfig, MistakesAreRefusedWithTheirLine) {
  const struct {
    const char* fields;
    const char* error;
  } kCases[] = {
      {"clusterCidr: a\n", "line 3: unknown field \"clusterCidr\""},
      {"iptables:\n  masqBit: 1\n", "line 4: unknown field \"iptables.masqBit\""},
      {"iptables: 5\n", "line 3: iptables: must be an object"},
      {"iptables: {masqueradeBit: 32}\n",
       "line 3: iptables.masqueradeBit: must be a number from 0 to 31"},
      {"conntrack:\n  udpTimeout: soon\n",
       "line 4: conntrack.udpTimeout: must be a length of time, as 1m30s"},
      {"nodePortAddresses: [eth0]\n", "line 3: nodePortAddresses: 'eth0' is no block of addresses"},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.fields);
    const auto config = Parse(one.fields);
    ASSERT_FALSE(config.ok());
    EXPECT_EQ(config.error().message(), one.error);
  }
  EXPECT_FALSE(ParseConfig(json::ParseYaml("kind: Pod").value()).ok());
}

TEST(ProxyConfig, LengthsOfTimeAreGos) {
  EXPECT_EQ(ParseLength("1h2m3.5s"), milliseconds(3723500));
  EXPECT_EQ(ParseLength("1500us"), milliseconds(2));
  EXPECT_EQ(ParseLength("0"), milliseconds(0));
  for (const char* bad : {"", "5", "s", "1d", "-1s", "1s2", "1..5s"})
    EXPECT_FALSE(ParseLength(bad)) << bad;
}

}  // namespace
}  // namespace keelson::proxy
