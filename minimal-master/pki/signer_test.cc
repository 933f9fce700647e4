// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::pki {
namespace {

const std::vector<std::string> kClient = {"digital signature", "client auth"};
const std::vector<std::string> kServer = {"digital signature", "key encipherment", "server auth"};

Names Node() { return {.common_name = "system:node:n1", .organizations = {"system:nodes"}}; }

TEST(Signer, TakesWhatUpstreamsTake) {
  Names serving = Node();
  serving.dns = {"n1"};
  Names ip = Node();
  ip.ips = {"10.0.0.1"};
  Names person{.common_name = "joe", .organizations = {"dev"}};
  Names two = Node();
  two.organizations.emplace_back("system:masters");
  Names mail = serving;
  mail.emails = {"a@b"};
  Names nameless = Node();
  nameless.common_name = "system:node:";
  struct Case {
    std::string_view signer;
    Names names;
    std::vector<std::string> usages;
    std::string refusal;
  };
  const Case cases[] = {
      {kKubeletClientSigner, Node(), kClient, ""},
      {kKubeletClientSigner, Node(), {"digital signature", "key encipherment", "client auth"}, ""},
      {kKubeletClientSigner, Node(), {"client auth"}, "invalid usages: [client auth]"},
      {kKubeletClientSigner, Node(), kServer,
       "invalid usages: [digital signature key encipherment server auth]"},
      {kKubeletClientSigner, person, kClient, "subject organization is not system:nodes"},
      {kKubeletClientSigner, two, kClient, "subject organization is not system:nodes"},
      {kKubeletClientSigner, nameless, kClient,
       "subject common name does not begin with system:node:"},
      {kKubeletClientSigner, serving, kClient, "DNS subjectAltNames are not allowed"},
      {kKubeletClientSigner, ip, kClient, "IP subjectAltNames are not allowed"},
      {kKubeletServingSigner, serving, kServer, ""},
      {kKubeletServingSigner, ip, {"digital signature", "server auth"}, ""},
      {kKubeletServingSigner, Node(), kServer, "DNS or IP subjectAltName is required"},
      {kKubeletServingSigner, mail, kServer, "email subjectAltNames are not allowed"},
      {kKubeletServingSigner, serving, kClient, "invalid usages: [digital signature client auth]"},
      {kClientSigner, person, {"client auth"}, ""},
      {kClientSigner,
       person,
       {"client auth", "server auth"},
       "invalid usages: [client auth server auth]"},
      {kLegacySigner, person, {"code signing"}, ""},
      {"example.com/other", person, kClient, "'example.com/other' is not a signer of ours"},
  };
  for (const Case& c : cases) {
    const auto status = CheckRequest(c.signer, c.names, c.usages);
    EXPECT_EQ(status.ok() ? "" : status.error().message(), c.refusal) << c.signer;
  }
}

TEST(Signer, SignsForAsLongAsItMay) {
  const int64_t now = 1'700'000'000;
  const Authority ca = Authority::Create("ca", now - 10, now + 10 * kLongestSigned).value();
  const Key key = Key::Generate().value();
  SigningAsk ask{.signer = std::string(kKubeletClientSigner),
                 .request = MakeRequest(key, Node()).value(),
                 .usages = kClient};
  const auto ends = [&] { return ParseCertificate(Sign(ca, ask, now).value())->not_after - now; };
  EXPECT_EQ(ends(), kLongestSigned);
  ask.expiration_seconds = 3600;
  EXPECT_EQ(ends(), 3600);
  ask.expiration_seconds = 10 * kLongestSigned;
  EXPECT_EQ(ends(), kLongestSigned);
  const std::string pem = Sign(ca, ask, now).value();
  const Certificate facts = ParseCertificate(pem).value();
  EXPECT_EQ(facts.names.common_name, "system:node:n1");
  EXPECT_TRUE(facts.client);
  EXPECT_FALSE(facts.server);
  EXPECT_TRUE(ca.Issued(pem, key));
  ask.usages = kServer;
  EXPECT_FALSE(Sign(ca, ask, now).ok());
  ask.request = "garbage";
  EXPECT_FALSE(Sign(ca, ask, now).ok());
}

}  // namespace
}  // namespace keelson::pki
