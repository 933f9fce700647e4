// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/csr/serving.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/strings.h"

namespace keelson::controllers::csr {
namespace {

using json::Value;

Value Node(const std::string& name, const std::string& addresses) {
  std::string list;
  for (const std::string_view one : base::Split(std::string_view(addresses), ' '))
    list += fmt::format("{{type: InternalIP, address: '{}'}}, ", one);
  return *json::ParseYaml(
      fmt::format("{{metadata: {{name: {}}}, status: {{addresses: [{}]}}}}", name, list));
}

Value Csr(const pki::Names& names, const std::string& user, const std::string& group,
          const std::string& status = "{}") {
  const std::string request = base::Base64Encode(*pki::MakeRequest(*pki::Key::Generate(), names));
  return *json::ParseYaml(fmt::format(
      "{{metadata: {{name: c}}, spec: {{request: {}, signerName: kubernetes.io/kubelet-serving, "
      "username: '{}', groups: [{}], usages: [digital signature, server auth]}}, status: {}}}",
      request, user, group, status));
}

pki::Names Serving(const std::string& node, std::vector<std::string> dns,
                   std::vector<std::string> ips) {
  return {.common_name = "system:node:" + node,
          .organizations = {"system:nodes"},
          .dns = std::move(dns),
          .ips = std::move(ips)};
}

TEST(ServingApproval, IsForWhatIsTheNodesOwnAndNobodyElses) {
  const Reserved reserved{.dns = {"master.example.org"},
                          .ips = {"192.0.2.1", "2001:db8::1"},
                          .networks = {"10.43.0.0/16", "10.42.0.0/16", "2001:db8:5::/48"}};
  const std::vector<Value> all = {
      Node("a",
           "192.0.2.7 2001:db8::7 192.0.2.1 127.0.0.1 10.43.0.10 192.0.2.9 2001:db8:5:0::3 "
           "169.254.1.1"),
      Node("b", "192.0.2.9")};
  struct Case {
    pki::Names names;
    const char* user;
    const char* group;
    const char* why;  // empty: it may be approved
  };
  const Case cases[] = {
      {Serving("a", {"a"}, {"192.0.2.7", "2001:db8::7"}), "system:node:a", "system:nodes", ""},
      {Serving("a", {}, {"192.0.2.7"}), "system:node:a", "system:nodes", ""},
      {Serving("a", {"a"}, {"192.0.2.7"}), "system:node:b", "system:nodes", "who asks is not"},
      {Serving("a", {"a"}, {"192.0.2.7"}), "system:node:a", "system:masters", "who asks is not"},
      {Serving("a", {"b"}, {"192.0.2.7"}), "system:node:a", "system:nodes", "b is not the node's"},
      {Serving("a", {"a"}, {"192.0.2.8"}), "system:node:a", "system:nodes", "8 is not the node's"},
      {Serving("a", {"a"}, {"192.0.2.1"}), "system:node:a", "system:nodes", "the API server's"},
      {Serving("a", {"a"}, {"192.0.2.9"}), "system:node:a", "system:nodes", "the node b's too"},
      {Serving("a", {"a"}, {"127.0.0.1"}), "system:node:a", "system:nodes", "no machine's"},
      {Serving("a", {"a"}, {"169.254.1.1"}), "system:node:a", "system:nodes", "no machine's"},
      {Serving("a", {"a"}, {"10.43.0.10"}), "system:node:a", "system:nodes", "services or pods"},
      {Serving("a", {"a"}, {"2001:db8:5::3"}), "system:node:a", "system:nodes", "services or pods"},
      {Serving("a", {}, {}), "system:node:a", "system:nodes", "subjectAltName is required"},
  };
  for (const Case& c : cases) {
    const base::Status may = CheckServing(Csr(c.names, c.user, c.group), all[0], all, reserved);
    SCOPED_TRACE(may.ok() ? "approved" : may.error().message());
    EXPECT_EQ(may.ok(), *c.why == 0);
    if (may.ok()) continue;
    EXPECT_THAT(may.error().message(), testing::HasSubstr(c.why));
  }
  EXPECT_FALSE(
      CheckServing(Csr(cases[0].names, "system:node:a", "system:nodes"), Value(), all, reserved)
          .ok());
  // A node may have any name that is free when it comes.
  for (const char* name : {"kubernetes.default.svc", "localhost", "kubernetes",
                           "a.svc.cluster.local", "master.example.org"}) {
    const std::string user = std::string("system:node:") + name;
    EXPECT_FALSE(CheckServing(Csr(Serving(name, {name}, {}), user, "system:nodes"),
                              Node(name, "192.0.2.7"), all, reserved)
                     .ok())
        << name;
  }
}

TEST(ServingApproval, IsForWhatNobodyDecidedYet) {
  const pki::Names names = Serving("a", {"a"}, {});
  EXPECT_TRUE(AwaitsServing(Csr(names, "u", "g")));
  EXPECT_FALSE(AwaitsServing(Csr(names, "u", "g", "{conditions: [{type: Denied}]}")));
  EXPECT_FALSE(AwaitsServing(Csr(names, "u", "g", "{conditions: [{type: Approved}]}")));
}

}  // namespace
}  // namespace keelson::controllers::csr
