// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/csr/plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lib/base/strings.h"
#include "minimal-master/control/times.h"

namespace keelson::controllers::csr {
namespace {

using json::Value;

constexpr int64_t kHour = int64_t{3600} * 1'000'000'000;

std::string RequestFor(const pki::Names& names) {
  return base::Base64Encode(*pki::MakeRequest(*pki::Key::Generate(), names));
}

Value Csr(const std::string& request, const std::string& user, const std::string& status = "{}",
          const std::string& signer = "kubernetes.io/kube-apiserver-client-kubelet") {
  return *json::ParseYaml(
      fmt::format("{{metadata: {{name: c, uid: u, creationTimestamp: '2026-01-01T00:00:00Z'}}, "
                  "spec: {{request: "
                  "{}, signerName: {}, username: '{}', groups: [g], usages: [client auth, digital "
                  "signature]}}, "
                  "status: {}}}",
                  request, signer, user, status));
}

int64_t At(int hours) { return *control::ReadTime("2026-01-01T00:00:00Z") + hours * kHour; }

TEST(CsrApproval, KnowsNodesRequests) {
  const std::string node =
      RequestFor({.common_name = "system:node:a", .organizations = {"system:nodes"}});
  ASSERT_TRUE(Recognize(Csr(node, "system:bootstrap:x")));
  EXPECT_STREQ(Recognize(Csr(node, "system:bootstrap:x"))->subresource, "nodeclient");
  EXPECT_STREQ(Recognize(Csr(node, "system:node:a"))->subresource, "selfnodeclient");
  EXPECT_FALSE(Recognize(Csr(node, "x", "{conditions: [{type: Denied}]}")));
  EXPECT_FALSE(Recognize(Csr(node, "x", "{}", "kubernetes.io/kube-apiserver-client")));
  EXPECT_FALSE(Recognize(
      Csr(RequestFor({.common_name = "system:node:a", .organizations = {"system:masters"}}), "x")));
  EXPECT_FALSE(Recognize(Csr("bm9uc2Vuc2U=", "x")));
}

TEST(CsrApproval, AsksForTheSenderAndSaysWhy) {
  const Value csr = Csr("", "system:bootstrap:x");
  const Recognized recognized{"nodeclient", "because"};
  const Value review = PlanReview(csr, recognized).body;
  EXPECT_EQ(review.At({"spec", "user"}).AsString(), "system:bootstrap:x");
  EXPECT_EQ(review.At({"spec", "groups"}).items().size(), 1u);
  EXPECT_EQ(review.At({"spec", "resourceAttributes", "subresource"}).AsString(), "nodeclient");
  const control::Write approval = PlanApproval(csr, recognized);
  EXPECT_EQ(approval.subresource, "approval");
  EXPECT_EQ(approval.body.At({"status", "conditions"}),
            *json::ParseYaml(
                "[{type: Approved, status: 'True', reason: AutoApproved, message: because}]"));
}

TEST(CsrSigning, IsForWhatIsApprovedAndNotSettled) {
  EXPECT_FALSE(IsToBeSigned(Csr("", "x")));
  EXPECT_TRUE(IsToBeSigned(Csr("", "x", "{conditions: [{type: Approved}]}")));
  EXPECT_FALSE(IsToBeSigned(Csr("", "x", "{conditions: [{type: Approved}, {type: Failed}]}")));
  EXPECT_FALSE(IsToBeSigned(Csr("", "x", "{conditions: [{type: Approved}], certificate: eA==}")));
  EXPECT_FALSE(IsToBeSigned(Csr("", "x", "{conditions: [{type: Approved}]}", "example.org/mine")));
}

TEST(CsrSigning, FailsWithTheSignersReason) {
  const auto write = PlanSigned(Csr("", "x"), base::FailedPrecondition("no such thing"), At(0));
  const Value& failed = write.body.At({"status", "conditions"}).items().at(0);
  EXPECT_EQ(failed.At({"reason"}).AsString(), "SignerValidationFailure");
  EXPECT_EQ(failed.At({"message"}).AsString(), "no such thing");
  EXPECT_EQ(PlanSigned(Csr("", "x"), std::string("PEM"), At(0))
                .body.At({"status", "certificate"})
                .AsString(),
            base::Base64Encode("PEM"));
}

TEST(CsrCleaning, OldOnesGo) {
  struct Case {
    std::string_view name;
    const char* status;
    std::optional<int64_t> expected;
  };
  const Case cases[] = {
      {"pending", "{}", At(24)},
      {"denied", "{conditions: [{type: Denied, lastUpdateTime: '2026-01-01T02:00:00Z'}]}", At(3)},
      {"failed",
       "{conditions: [{type: Approved, lastUpdateTime: '2026-01-01T02:00:00Z'}, {type: Failed, "
       "lastUpdateTime: '2026-01-01T03:00:00Z'}]}",
       At(4)},
      {"approved", "{conditions: [{type: Approved, lastUpdateTime: '2026-01-01T02:00:00Z'}]}",
       At(26)},
      {"issued",
       "{certificate: eA==, conditions: [{type: Approved, lastUpdateTime: "
       "'2026-01-01T02:00:00Z'}]}",
       At(3)},
      {"no time", "{conditions: [{type: Other}]}", std::nullopt},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(EndOf(Csr("", "x", c.status)), c.expected);
  }
}

}  // namespace
}  // namespace keelson::controllers::csr
