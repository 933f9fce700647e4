// SPDX-License-Identifier: Apache-2.0
// What upstream's API server answered to joe, to service accounts and to nobody, asked of the
// index.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "minimal-master/auth/rbac.h"

namespace keelson::auth {
namespace {

json::Value Load(const std::string& name) {
  const auto text =
      os::ReadFile(base::SourceDir() + "/tests/data/golden/" + name + ".json", 64u << 20);
  EXPECT_TRUE(text.ok());
  auto value = json::ParseJson(*text, {.bytes = 64u << 20, .values = 10'000'000});
  EXPECT_TRUE(value.ok()) << value.error().message();
  return *std::move(value);
}

std::string Text(const json::Value& value, std::initializer_list<std::string_view> path) {
  return value.At(path).AsString();
}

class GoldenRbac : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    errors_ = new json::Value(Load("errors"));
    std::vector<Role> roles;
    std::vector<Binding> bindings;
    const auto add = [&](json::Value object) {
      const std::string kind = Text(object, {"kind"});
      if (kind == "Role" || kind == "ClusterRole") roles.push_back(ReadRole(object));
      if (kind == "RoleBinding" || kind == "ClusterRoleBinding")
        bindings.push_back(ReadBinding(object));
    };
    const json::Value bootstrap = Load("bootstrap");
    for (const json::Value& object : bootstrap.At({"fresh"}).items()) add(object);
    for (const json::Value& request : errors_->At({"prelude"}).items()) {
      json::Value object = request.At({"body"});
      const std::string path = Text(request, {"path"});
      const size_t ns = path.find("/namespaces/");
      if (ns != std::string::npos && object.Find("metadata") != nullptr)
        object.Find("metadata")
            ->Set("namespace",
                  json::Value(path.substr(ns + 12, path.find('/', ns + 12) - ns - 12)));
      add(std::move(object));
    }
    rbac_ = new Rbac(std::move(roles), std::move(bindings));
  }
  static void TearDownTestSuite() {
    delete rbac_;
    delete errors_;
  }

  static User UserOf(const json::Value& request) {
    const json::Value& headers = request.At({"headers"});
    const std::string name = Text(headers, {"Impersonate-User"});
    if (request.At({"noClientCert"}).AsBool()) return AnonymousUser();
    if (name.empty()) return {.name = "admin", .groups = {"system:masters"}};
    std::string_view ns;
    std::string_view account;
    if (SplitServiceAccount(name, ns, account)) return ServiceAccountUser(ns, account, "");
    User user{.name = name, .uid = "", .groups = {}, .extra = {}};
    const std::string group = Text(headers, {"Impersonate-Group"});
    if (!group.empty()) user.groups.push_back(group);
    AddGroup(user, kAuthenticated);
    return user;
  }
  static Attributes AttributesOf(const json::Value& request) {
    const std::string target = Text(request, {"path"});
    const size_t mark = target.find('?');
    Query query;
    for (size_t at = mark; at != std::string::npos;) {
      const size_t next = target.find('&', at + 1);
      const std::string pair = target.substr(at + 1, next - at - 1);
      std::string value = pair.substr(std::min(pair.size(), pair.find('=') + 1));
      if (const size_t escape = value.find("%3D"); escape != std::string::npos)
        value.replace(escape, 3, "=");
      query.emplace_back(pair.substr(0, pair.find('=')), value);
      at = next;
    }
    Attributes attributes =
        ReadAttributes(Text(request, {"method"}), target.substr(0, mark), query);
    attributes.user = UserOf(request);
    return attributes;
  }

  static json::Value* errors_;
  static Rbac* rbac_;
};
json::Value* GoldenRbac::errors_ = nullptr;
Rbac* GoldenRbac::rbac_ = nullptr;

TEST_F(GoldenRbac, AnswersAsUpstreamDid) {
  int compared = 0;
  for (const json::Value& one : errors_->At({"cases"}).items()) {
    const std::string name = Text(one, {"name"});
    if (!name.starts_with("rbac-") && !name.starts_with("anon-")) continue;
    SCOPED_TRACE(name);
    const Attributes attributes = AttributesOf(one.At({"request"}));
    if (attributes.user.In(kMasters)) continue;
    const std::string message = Text(one, {"response", "body", "message"});
    const Decision decision = rbac_->Authorize(attributes);
    ++compared;
    if (message.find(" cannot ") == std::string::npos) {
      EXPECT_TRUE(decision.allowed) << ForbiddenText(attributes, decision.reason);
      EXPECT_THAT(decision.reason, testing::StartsWith("RBAC: allowed by "));
      continue;
    }
    EXPECT_FALSE(decision.allowed) << decision.reason;
    EXPECT_TRUE(message.ends_with("forbidden: " + ForbiddenText(attributes, decision.reason)))
        << message << "\n"
        << ForbiddenText(attributes, decision.reason);
    const std::string details = Text(one, {"response", "body", "details", "name"});
    EXPECT_EQ(attributes.is_resource ? attributes.name : "", details);
  }
  EXPECT_GT(compared, 40);
}

TEST_F(GoldenRbac, RefusesEscalationInUpstreamsWords) {
  int compared = 0;
  for (const json::Value& one : errors_->At({"cases"}).items()) {
    const std::string name = Text(one, {"name"});
    const std::string message = Text(one, {"response", "body", "message"});
    if (!name.starts_with("rbac-joe-") || name.ends_with("absent")) continue;
    const json::Value& body = one.At({"request", "body"});
    const std::string kind = Text(body, {"kind"});
    if (kind.find("Role") == std::string::npos) continue;
    SCOPED_TRACE(name);
    const Attributes attributes = AttributesOf(one.At({"request"}));
    ++compared;
    if (IsAggregated(body)) {
      EXPECT_FALSE(rbac_->HoldsEverything(attributes.user));
      continue;
    }
    const std::vector<PolicyRule> wanted =
        kind.ends_with("Binding") ? *rbac_->FindRules(ReadBinding(body).role, attributes.ns)
                                  : ReadRole(body).rules;
    const std::string text = rbac_->RefuseEscalation(attributes.user, attributes.ns, wanted);
    if (message.empty()) {
      EXPECT_EQ(text, "");
    } else {
      EXPECT_TRUE(message.ends_with("forbidden: " + text)) << message << "\n" << text;
    }
  }
  EXPECT_GE(compared, 6);
}

TEST_F(GoldenRbac, DecidesInMicroseconds) {
  Attributes attributes =
      ReadAttributes("PUT", "/apis/apps/v1/namespaces/e/deployments/x/status", {});
  attributes.user = ServiceAccountUser("kube-system", "deployment-controller", "");
  ASSERT_TRUE(rbac_->Authorize(attributes).allowed);
  attributes.user = {.name = "system:kube-controller-manager", .groups = {"system:authenticated"}};
  constexpr int kRounds = 2000;
  const auto begin = std::chrono::steady_clock::now();
  int allowed = 0;
  for (int i = 0; i < kRounds; ++i) allowed += rbac_->Authorize(attributes).allowed ? 1 : 0;
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(allowed, 0);
  RecordProperty("microseconds_per_refusal", std::to_string(took.count() / kRounds));
}

}  // namespace
}  // namespace keelson::auth
