// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/bootstraptokens/plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lib/base/strings.h"
#include "minimal-master/control/times.h"

namespace keelson::controllers::bootstraptokens {
namespace {

using json::Value;

int64_t Now() { return *control::ReadTime("2026-01-01T00:00:00Z"); }

Value Token(const std::string& expiration, const char* type = "bootstrap.kubernetes.io/token",
            const char* signing = "true") {
  Value data;
  const auto set = [&](const char* key, const std::string& text) {
    data.Set(key, Value(base::Base64Encode(text)));
  };
  set("token-id", "abcdef");
  set("token-secret", "0123456789abcdef");
  set("usage-bootstrap-signing", signing);
  if (!expiration.empty()) set("expiration", expiration);
  Value secret = *json::ParseYaml(
      "{metadata: {name: bootstrap-token-abcdef, namespace: kube-system, uid: u}}");
  secret.Set("type", Value(type));
  secret.Set("data", std::move(data));
  return secret;
}

TEST(BootstrapTokens, GoWhenTheirTimeIsOver) {
  EXPECT_TRUE(PlanToken(Token(""), Now()).writes.empty());
  EXPECT_FALSE(PlanToken(Token(""), Now()).again);
  const Planned later = PlanToken(Token("2026-01-01T00:01:00Z"), Now());
  EXPECT_TRUE(later.writes.empty());
  EXPECT_EQ(later.again, std::chrono::milliseconds(61'001));
  const Planned over = PlanToken(Token("2025-12-31T23:59:00Z"), Now());
  ASSERT_EQ(over.writes.size(), 1u);
  EXPECT_EQ(over.writes[0].verb, control::Write::Verb::kDelete);
  EXPECT_TRUE(PlanToken(Token("2025-12-31T23:59:00Z", "Opaque"), Now()).writes.empty());
}

TEST(BootstrapTokens, SignWhenTheyAreForIt) {
  ASSERT_TRUE(ReadSigningToken(Token(""), Now()));
  EXPECT_EQ(ReadSigningToken(Token(""), Now())->id, "abcdef");
  EXPECT_FALSE(ReadSigningToken(Token("", "Opaque"), Now()));
  EXPECT_FALSE(ReadSigningToken(Token("", "bootstrap.kubernetes.io/token", "false"), Now()));
  EXPECT_FALSE(ReadSigningToken(Token("2025-12-31T23:59:00Z"), Now()));
}

TEST(BootstrapTokens, SignAsOthersCheck) {
  // Made by another implementation of RFC 7515.
  EXPECT_EQ(SignDetached("content", {"abcdef", "0123456789abcdef"}),
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9.."
            "psz1NayrXM3IaFzKZGsb5n_mBl7MjtlsZ1xE8MRmF_4");
}

TEST(BootstrapTokens, TheInfoHasTheirSignaturesAndNoOthers) {
  const Value info = *json::ParseYaml(
      "{metadata: {name: cluster-info}, data: {kubeconfig: content, jws-kubeconfig-gone: x, other: "
      "y}}");
  const SigningToken token{"abcdef", "0123456789abcdef"};
  const Planned planned = PlanInfo(info, {token});
  ASSERT_EQ(planned.writes.size(), 1u);
  const Value& data = planned.writes[0].body.At({"data"});
  EXPECT_EQ(data.members().size(), 3u);
  EXPECT_EQ(data.At({"jws-kubeconfig-abcdef"}).AsString(), SignDetached("content", token));
  EXPECT_TRUE(PlanInfo(planned.writes[0].body, {token}).writes.empty());
  EXPECT_TRUE(PlanInfo(*json::ParseYaml("{data: {other: y}}"), {token}).writes.empty());
}

}  // namespace
}  // namespace keelson::controllers::bootstraptokens
