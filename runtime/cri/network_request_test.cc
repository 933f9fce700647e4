// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/network_request.h"

#include <gtest/gtest.h>

#include "cri-api/cri.h"

namespace keelson::cri_server {
namespace {

TEST(NetworkRequestTest, HostPortsAndBandwidthComeFromThePodsConfiguration) {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name("web");
  config.mutable_metadata()->set_namespace_("shop");
  config.mutable_metadata()->set_uid("u1");
  cri::PortMapping* open = config.add_port_mappings();
  open->set_protocol(cri::UDP);
  open->set_host_ip("0:0::1");
  open->set_host_port(8080);
  open->set_container_port(80);
  config.add_port_mappings()->set_container_port(443);
  (*config.mutable_annotations())["kubernetes.io/ingress-bandwidth"] = "10M";
  (*config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = "1.5Mi";
  config.mutable_dns_config()->add_servers("10.43.0.10");
  const network::PodRequest request = NetworkRequest(config).value();
  EXPECT_EQ(request.name, "web");
  EXPECT_EQ(request.name_space, "shop");
  ASSERT_EQ(request.ports.size(), 1u);
  EXPECT_EQ(request.ports[0].protocol, network::Protocol::kUdp);
  EXPECT_EQ(request.ports[0].host_ip, "::1");
  EXPECT_EQ(request.ports[0].host_port, 8080);
  EXPECT_EQ(request.ports[0].container_port, 80);
  EXPECT_EQ(request.bandwidth.in, 10'000'000u);
  EXPECT_EQ(request.bandwidth.out, 1'572'864u);
  EXPECT_EQ(request.dns_servers, std::vector<std::string>{"10.43.0.10"});
}

TEST(NetworkRequestTest, WhatCanNeverBeIsRefusedWithItsField) {
  cri::PodSandboxConfig config;
  cri::PortMapping* open = config.add_port_mappings();
  open->set_host_port(70000);
  open->set_container_port(80);
  EXPECT_EQ(NetworkRequest(config).error().message(),
            "port_mappings[0].host_port: 70000 is not a port");
  open->set_host_port(7000);
  open->set_container_port(0);
  EXPECT_EQ(NetworkRequest(config).error().message(),
            "port_mappings[0].container_port: 0 is not a port");
  open->set_container_port(80);
  open->set_host_ip("1.2.3.4 -j ACCEPT");
  EXPECT_EQ(NetworkRequest(config).error().message(),
            "port_mappings[0].host_ip: '1.2.3.4 -j ACCEPT' is not an address");
  open->clear_host_ip();
  for (const char* bad : {"", "x", "10Q", "1", "-5M", "2P", "1e30", "10M ", ".", "1m"}) {
    (*config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = bad;
    EXPECT_FALSE(NetworkRequest(config).ok()) << bad;
  }
  for (const char* good : {"1k", "1P", "1e6", "1E3", "10.5M", "+3k", "64Ki"}) {
    (*config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = good;
    EXPECT_TRUE(NetworkRequest(config).ok()) << good;
  }
}

}  // namespace
}  // namespace keelson::cri_server
