// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/accounttokens/controller.h"

#include <gtest/gtest.h>

#include "lib/base/strings.h"

namespace keelson::controllers::accounttokens {
namespace {

using control::Write;
using json::Value;

Value Secret(const std::string& uid = "") {
  return *json::ParseYaml(
      "{metadata: {name: s, namespace: a, uid: x, annotations: "
      "{kubernetes.io/service-account.name: "
      "robot" +
      (uid.empty() ? std::string() : ", kubernetes.io/service-account.uid: " + uid) +
      "}}, type: kubernetes.io/service-account-token}");
}

Value Account() { return *json::ParseYaml("{metadata: {name: robot, namespace: a, uid: u}}"); }

TEST(AccountTokens, AreMadeOnce) {
  int made = 0;
  const auto make = [&] {
    ++made;
    return std::string("TOKEN");
  };
  Facts facts{Secret(), Account(), "PEM"};
  const Planned planned = Plan(facts, make);
  ASSERT_EQ(planned.writes.size(), 1u);
  const Value& filled = planned.writes[0].body;
  EXPECT_EQ(filled.At({"data", "token"}).AsString(), base::Base64Encode("TOKEN"));
  EXPECT_EQ(filled.At({"data", "ca.crt"}).AsString(), base::Base64Encode("PEM"));
  EXPECT_EQ(filled.At({"data", "namespace"}).AsString(), base::Base64Encode("a"));
  EXPECT_EQ(filled.At({"metadata", "annotations", "kubernetes.io/service-account.uid"}).AsString(),
            "u");
  facts.secret = filled;
  EXPECT_TRUE(Plan(facts, make).writes.empty());
  facts.certificate = "NEW";
  EXPECT_EQ(Plan(facts, make).writes.size(), 1u);
  EXPECT_EQ(made, 1);
}

TEST(AccountTokens, GoWithTheirAccount) {
  const auto make = [] { return std::string("TOKEN"); };
  for (const Facts& facts : {Facts{Secret(), {}, "PEM"}, Facts{Secret("old"), Account(), "PEM"}}) {
    const Planned planned = Plan(facts, make);
    ASSERT_EQ(planned.writes.size(), 1u);
    EXPECT_EQ(planned.writes[0].verb, Write::Verb::kDelete);
  }
}

TEST(AccountTokens, OtherSecretsAreNoneOfTheirBusiness) {
  const auto make = [] { return std::string("TOKEN"); };
  Value other = Secret();
  other.Set("type", Value("Opaque"));
  EXPECT_TRUE(Plan({other, Account(), "PEM"}, make).writes.empty());
  EXPECT_EQ(AccountOf(other), "");
}

}  // namespace
}  // namespace keelson::controllers::accounttokens
