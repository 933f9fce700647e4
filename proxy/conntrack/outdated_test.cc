// SPDX-License-Identifier: Apache-2.0
#include "proxy/conntrack/outdated.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace keelson::proxy {
namespace {

netlink::Flow To(const std::string& address, uint16_t port, const std::string& answers_from,
                 uint8_t protocol = IPPROTO_UDP) {
  return {.protocol = protocol,
          .from = "10.42.0.9",
          .to = address,
          .answers_from = answers_from,
          .answers_to = "10.42.0.9",
          .to_port = port};
}

TEST(Outdated, AreFlowsToWhoServesNoLonger) {
  PortPlan dns;
  dns.protocol = Protocol::kUdp;
  dns.port = 53;
  dns.cluster_ip = "10.43.0.10";
  dns.node_port = 30053;
  dns.external_ips = {"192.0.2.1"};
  dns.cluster = {{"10.42.0.2", 5353, true}};
  PortPlan web = dns;
  web.protocol = Protocol::kTcp;
  web.cluster_ip = "10.43.0.11";
  const Outdated outdated({dns, web});

  EXPECT_FALSE(outdated(To("10.43.0.10", 53, "10.42.0.2")));
  EXPECT_TRUE(outdated(To("10.43.0.10", 53, "10.42.0.3")));
  EXPECT_TRUE(outdated(To("10.43.0.10", 53, "10.43.0.10")));  // from before there were endpoints
  EXPECT_FALSE(outdated(To("10.43.0.10", 54, "10.42.0.3")));
  EXPECT_TRUE(outdated(To("192.0.2.1", 53, "10.42.0.3")));
  EXPECT_TRUE(outdated(To("198.51.100.1", 30053, "10.42.0.3")));
  EXPECT_FALSE(outdated(To("198.51.100.1", 30053, "198.51.100.1")));  // another machine's
  EXPECT_FALSE(outdated(To("10.43.0.10", 53, "10.42.0.3", IPPROTO_TCP)));
  EXPECT_FALSE(outdated(To("10.43.0.11", 53, "10.42.0.3")));
}

TEST(Outdated, NothingIsLookedForWithoutDatagrams) { EXPECT_TRUE(Outdated({PortPlan()}).empty()); }

}  // namespace
}  // namespace keelson::proxy
