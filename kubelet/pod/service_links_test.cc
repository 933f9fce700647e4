// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/service_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::pod {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ServiceLinks, TellHostPortsAndLinks) {
  const ServiceFact service =
      ServiceOf(json::ParseJson(R"({"metadata":{"namespace":"d","name":"my-web"},"spec":{)"
                                R"("clusterIP":"10.0.0.5","ports":[{"name":"http-a","port":80},)"
                                R"({"name":"dns","port":53,"protocol":"UDP"}]}})")
                    .value());
  EXPECT_THAT(
      VariablesOf(service),
      ElementsAre(
          Pair("MY_WEB_SERVICE_HOST", "10.0.0.5"), Pair("MY_WEB_SERVICE_PORT", "80"),
          Pair("MY_WEB_SERVICE_PORT_HTTP_A", "80"), Pair("MY_WEB_SERVICE_PORT_DNS", "53"),
          Pair("MY_WEB_PORT", "tcp://10.0.0.5:80"), Pair("MY_WEB_PORT_80_TCP", "tcp://10.0.0.5:80"),
          Pair("MY_WEB_PORT_80_TCP_PROTO", "tcp"), Pair("MY_WEB_PORT_80_TCP_PORT", "80"),
          Pair("MY_WEB_PORT_80_TCP_ADDR", "10.0.0.5"),
          Pair("MY_WEB_PORT_53_UDP", "udp://10.0.0.5:53"), Pair("MY_WEB_PORT_53_UDP_PROTO", "udp"),
          Pair("MY_WEB_PORT_53_UDP_PORT", "53"), Pair("MY_WEB_PORT_53_UDP_ADDR", "10.0.0.5")));
}

TEST(ServiceLinks, OfAServiceWithoutAnAddressThereAreNone) {
  EXPECT_THAT(VariablesOf({"d", "web", "", {{"", "TCP", 80}}}), IsEmpty());
  EXPECT_THAT(VariablesOf({"d", "web", "10.0.0.5", {}}), IsEmpty());
}

}  // namespace
}  // namespace keelson::pod
