// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/strings.h"
#include "minimal-master/auth/authenticate.h"
#include "minimal-master/auth/bootstrap_token.h"
#include "minimal-master/auth/legacy_token.h"

namespace keelson::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FakeObjects final : public BoundObjects {
 public:
  std::optional<Found> Find(std::string_view resource, std::string_view ns,
                            std::string_view name) const override {
    const auto found = all.find(fmt::format("{}/{}/{}", resource, ns, name));
    return found == all.end() ? std::nullopt : std::optional<Found>(found->second);
  }
  bool HoldsToken(std::string_view ns, std::string_view secret,
                  std::string_view token) const override {
    return ns == "n" && secret == "s" && token == held;
  }
  std::string held;  // by the secret n/s
  std::map<std::string, Found> all = {{"serviceaccounts/n/sa", {"u1", 0}},
                                      {"pods/n/p", {"u2", 0}},
                                      {"nodes//node", {"u3", 0}},
                                      {"secrets/n/s", {"u4", 0}}};
};

constexpr int64_t kNow = 1'700'000'000;

class TokenTest : public testing::Test {
 protected:
  TokenClaims Claims() const {
    return {.issuer = "https://kubernetes.default.svc.cluster.local",
            .subject = "system:serviceaccount:n:sa",
            .audiences = {"https://kubernetes.default.svc.cluster.local"},
            .expires = kNow + 3600,
            .issued = kNow,
            .not_before = kNow,
            .id = "id1",
            .ns = "n",
            .service_account = {"sa", "u1"}};
  }
  std::string Refusal(const TokenClaims& claims, int64_t now = kNow) const {
    const auto result = verifier_.Verify(SignToken(key_, claims).value(), now, objects_);
    return result.ok() ? "" : result.error().message();
  }
  const pki::Key key_ = pki::Key::Generate().value();
  const pki::Key older_ = pki::Key::Generate().value();
  const TokenVerifier verifier_{{"https://kubernetes.default.svc.cluster.local"},
                                {"https://kubernetes.default.svc.cluster.local", "api"},
                                {key_, older_}};
  FakeObjects objects_;
};

TEST_F(TokenTest, IsGoodForItsAudienceAndTimeAndSaysWhoItIs) {
  TokenClaims claims = Claims();
  claims.pod = {"p", "u2"};
  claims.node = {"node", "u3"};
  const auto read = verifier_.Verify(SignToken(key_, claims).value(), kNow, objects_);
  ASSERT_TRUE(read.ok()) << read.error().message();
  const User user = UserOf(*read);
  EXPECT_EQ(user.name, "system:serviceaccount:n:sa");
  EXPECT_EQ(user.uid, "u1");
  EXPECT_THAT(user.groups, ElementsAre("system:serviceaccounts", "system:serviceaccounts:n",
                                       "system:authenticated"));
  EXPECT_THAT(user.extra.at("authentication.kubernetes.io/pod-name"), ElementsAre("p"));
  EXPECT_THAT(user.extra.at("authentication.kubernetes.io/node-uid"), ElementsAre("u3"));
  EXPECT_THAT(user.extra.at("authentication.kubernetes.io/credential-id"), ElementsAre("JTI=id1"));
  EXPECT_TRUE(verifier_.Verify(SignToken(older_, Claims()).value(), kNow, objects_).ok());
  EXPECT_TRUE(
      verifier_.Verify(SignToken(key_, Claims()).value(), kNow, objects_, Claims().audiences).ok());
  EXPECT_FALSE(verifier_.Verify(SignToken(key_, Claims()).value(), kNow, objects_, {"vault"}).ok());
}

TEST_F(TokenTest, IsRefusedForEveryThingThatIsWrong) {
  struct Case {
    std::string why;
    std::function<void(TokenClaims&)> change;
  };
  const Case cases[] = {
      {"expired", [](TokenClaims& c) { c.expires = kNow - 61; }},
      {"not valid yet", [](TokenClaims& c) { c.not_before = kNow + 61; }},
      {"another issuer", [](TokenClaims& c) { c.issuer = "x"; }},
      {"another audience", [](TokenClaims& c) { c.audiences = {"vault"}; }},
      {"another audience", [](TokenClaims& c) { c.audiences = {}; }},
      {"not of a service account", [](TokenClaims& c) { c.subject = "system:serviceaccount:n:x"; }},
      {"not of a service account", [](TokenClaims& c) { c.ns = ""; }},
      {"serviceaccounts 'sa' is another one", [](TokenClaims& c) { c.service_account.uid = "x"; }},
      {"pods 'q' is not there", [](TokenClaims& c) { c.pod = {"q", "u"}; }},
      {"pods 'p' is another one", [](TokenClaims& c) { c.pod = {"p", "old"}; }},
      {"secrets 'x' is not there", [](TokenClaims& c) { c.secret = {"x", "u"}; }},
      {"nodes 'gone' is not there", [](TokenClaims& c) { c.node = {"gone", "u"}; }},
  };
  EXPECT_EQ(Refusal(Claims()), "");
  for (const Case& c : cases) {
    TokenClaims claims = Claims();
    c.change(claims);
    EXPECT_THAT(Refusal(claims), HasSubstr(c.why));
  }
  objects_.all["serviceaccounts/n/sa"].deleted = kNow - 61;
  EXPECT_THAT(Refusal(Claims()), HasSubstr("has been deleted"));
}

TEST_F(TokenTest, OfTheOlderKindIsGoodWhileItsSecretHoldsIt) {
  const std::string token = SignLegacyToken(key_, "n", {"sa", "u1"}, "s").value();
  EXPECT_TRUE(verifier_.Ours(token));
  EXPECT_FALSE(verifier_.Verify(token, kNow, objects_).ok()) << "the secret does not hold it";
  objects_.held = token;
  const auto read = verifier_.Verify(token, kNow, objects_);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(UserOf(*read).name, "system:serviceaccount:n:sa");
  EXPECT_TRUE(verifier_.Verify(token, kNow, objects_, {"api"}).ok());
  EXPECT_FALSE(verifier_.Verify(token, kNow, objects_, {"vault"}).ok());
  for (const auto& [account, secret] :
       {std::pair{ObjectId{"sa", "old"}, "s"}, std::pair{ObjectId{"gone", "u1"}, "s"},
        std::pair{ObjectId{"sa", "u1"}, "other"}}) {
    objects_.held = SignLegacyToken(key_, "n", account, secret).value();
    EXPECT_FALSE(verifier_.Verify(objects_.held, kNow, objects_).ok());
  }
  objects_.held = SignLegacyToken(pki::Key::Generate().value(), "n", {"sa", "u1"}, "s").value();
  EXPECT_FALSE(verifier_.Verify(objects_.held, kNow, objects_).ok());
}

TEST_F(TokenTest, IsRefusedWhenItWasForged) {
  const std::string good = SignToken(key_, Claims()).value();
  const auto refused = [&](const std::string& token) {
    return !verifier_.Verify(token, kNow, objects_).ok();
  };
  const pki::Key foreign = pki::Key::Generate().value();
  EXPECT_TRUE(refused(SignToken(foreign, Claims()).value()));
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("a.b"));
  EXPECT_TRUE(refused(good + ".x"));
  const size_t last = good.rfind('.');
  EXPECT_TRUE(refused(good.substr(0, last + 1)));
  const std::string none = pki::Base64UrlEncode(R"({"alg":"none"})") +
                           good.substr(good.find('.'), last - good.find('.')) + ".";
  EXPECT_TRUE(refused(none));
  TokenClaims other = Claims();
  other.ns = "kube-system";
  const std::string swapped = SignToken(foreign, other).value();
  EXPECT_TRUE(refused(swapped.substr(0, swapped.rfind('.')) + good.substr(last)));
}

json::Value BootstrapSecret(const std::string& expiration, const std::string& groups = "") {
  json::Value data = json::Value::Object();
  const auto set = [&](const std::string& key, const std::string& value) {
    data.Set(key, json::Value(base::Base64Encode(value)));
  };
  set("token-id", "abcdef");
  set("token-secret", "0123456789abcdef");
  set("usage-bootstrap-authentication", "true");
  if (!expiration.empty()) set("expiration", expiration);
  if (!groups.empty()) set("auth-extra-groups", groups);
  json::Value object = json::Value::Object();
  object.Set("type", json::Value("bootstrap.kubernetes.io/token"));
  object.Set("data", std::move(data));
  return object;
}

TEST(BootstrapToken, IsGoodWhileItsSecretIs) {
  const std::string token = "abcdef.0123456789abcdef";
  const auto good = CheckBootstrapToken(
      token, BootstrapSecret("2030-01-01T00:00:00Z", "system:bootstrappers:kubeadm:a"), kNow);
  ASSERT_TRUE(good.ok()) << good.error().message();
  EXPECT_EQ(good->name, "system:bootstrap:abcdef");
  EXPECT_THAT(good->groups, ElementsAre("system:bootstrappers", "system:bootstrappers:kubeadm:a",
                                        "system:authenticated"));
  EXPECT_TRUE(CheckBootstrapToken(token, BootstrapSecret(""), kNow).ok());
  EXPECT_FALSE(CheckBootstrapToken(token, BootstrapSecret("2020-01-01T00:00:00Z"), kNow).ok());
  EXPECT_FALSE(CheckBootstrapToken(token, BootstrapSecret("soon"), kNow).ok());
  EXPECT_FALSE(CheckBootstrapToken(token, BootstrapSecret("", "system:masters"), kNow).ok());
  EXPECT_FALSE(CheckBootstrapToken("abcdef.0123456789abcdee", BootstrapSecret(""), kNow).ok());
  EXPECT_FALSE(CheckBootstrapToken("abcdeg.0123456789abcdef", BootstrapSecret(""), kNow).ok());
  EXPECT_FALSE(CheckBootstrapToken("abcdef.0123456789abcdeF", BootstrapSecret(""), kNow).ok());
  EXPECT_FALSE(CheckBootstrapToken(token, json::Value(), kNow).ok());
}

TEST_F(TokenTest, AuthenticateTakesCertificatesThenTokensAndRefusesWhatIsNoGood) {
  Authenticators with{.tokens = &verifier_, .objects = &objects_};
  with.find_bootstrap_secret = [](const std::string& name) {
    return name == "bootstrap-token-abcdef" ? BootstrapSecret("") : json::Value();
  };
  const auto name = [&](const Credentials& credentials) {
    const auto user = Authenticate(credentials, with, kNow);
    return user.ok() ? user->name : "401";
  };
  const std::string token = "Bearer " + SignToken(key_, Claims()).value();
  EXPECT_EQ(name({}), "system:anonymous");
  EXPECT_EQ(name({.authorization = "Basic YTpi"}), "system:anonymous");
  EXPECT_EQ(name({.authorization = "Bearer nope"}), "401");
  EXPECT_EQ(name({.authorization = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzL3NlcnZpY2V"
                                   "hY2NvdW50In0.AAAA"}),
            "401");
  EXPECT_EQ(name({.authorization = token}), "system:serviceaccount:n:sa");
  EXPECT_EQ(name({.authorization = "bearer abcdef.0123456789abcdef"}), "system:bootstrap:abcdef");
  EXPECT_EQ(name({.authorization = "Bearer abcdex.0123456789abcdef"}), "401");
  EXPECT_EQ(name({.has_certificate = true, .certificate_verified = true, .common_name = "ann"}),
            "ann");
  EXPECT_EQ(name({.has_certificate = true, .common_name = "mallory"}), "401");
  EXPECT_EQ(name({.has_certificate = true, .common_name = "m", .authorization = token}),
            "system:serviceaccount:n:sa");
  EXPECT_EQ(name({.has_certificate = true, .certificate_verified = true}), "401");
  with.anonymous = false;
  EXPECT_EQ(name({}), "401");
}

TEST(Impersonation, TellsWhoIsWantedAndWhatMustBeAllowed) {
  const User asker{.name = "admin"};
  EXPECT_FALSE(ReadImpersonation(asker, {{"accept", "x"}}).value().has_value());
  const auto joe = ReadImpersonation(asker, {{"impersonate-user", "joe"},
                                             {"impersonate-group", "dev"},
                                             {"impersonate-uid", "7"},
                                             {"impersonate-extra-scopes%2fa", "view"}});
  ASSERT_TRUE(joe.ok());
  EXPECT_THAT((*joe)->user.groups, ElementsAre("dev", "system:authenticated"));
  EXPECT_THAT((*joe)->user.extra.at("scopes/a"), ElementsAre("view"));
  ASSERT_EQ((*joe)->needed.size(), 4u);
  EXPECT_EQ(ForbiddenText((*joe)->needed[0], ""),
            "User \"admin\" cannot impersonate resource \"users\" in API group \"\" at the cluster "
            "scope");
  EXPECT_EQ((*joe)->needed[2].FullResource(), "userextras/scopes/a");
  const auto account =
      ReadImpersonation(asker, {{"impersonate-user", "system:serviceaccount:n:a"}});
  EXPECT_EQ((*account)->needed[0].resource, "serviceaccounts");
  EXPECT_EQ((*account)->needed[0].ns, "n");
  EXPECT_THAT(
      (*account)->user.groups,
      ElementsAre("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"));
  EXPECT_EQ(ReadImpersonation(asker, {{"impersonate-group", "dev"}}).error().message(),
            "requested [{Group  dev    }] without impersonating a user");
  EXPECT_EQ(ReadImpersonation(asker, {{"impersonate-uid", "1"}}).error().message(),
            "requested [{UID  1  authentication.k8s.io/v1  }] without impersonating a user");
}

}  // namespace
}  // namespace keelson::auth
