// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/access/reviews.h"

#include <algorithm>

#include "lib/base/rfc3339.h"
#include "lib/json/text.h"

namespace keelson::access {

using auth::Attributes;
using auth::User;
using json::Value;
using kube::Problem;
using kube::ProblemKind;

namespace {

std::string Text(const Value& value, std::initializer_list<std::string_view> path) {
  return value.At(path).AsString();
}

std::vector<std::string> Strings(const Value& list) {
  std::vector<std::string> all;
  for (const Value& item : list.items()) all.push_back(item.AsString());
  return all;
}

Value Array(const std::vector<std::string>& all) {
  Value list = Value::Array();
  for (const std::string& one : all) list.Append(Value(one));
  return list;
}

Value UserInfo(const User& user) {
  Value info = Value::Object();
  info.Set("username", Value(user.name));
  if (!user.uid.empty()) info.Set("uid", Value(user.uid));
  if (!user.groups.empty()) info.Set("groups", Array(user.groups));
  if (!user.extra.empty()) {
    Value extra = Value::Object();
    for (const auto& [key, values] : user.extra) extra.Set(key, Array(values));
    info.Set("extra", std::move(extra));
  }
  return info;
}

Attributes AttributesOf(const Value& spec, User user) {
  Attributes attributes;
  attributes.user = std::move(user);
  const Value& resource = spec.At({"resourceAttributes"});
  if (resource.IsObject()) {
    attributes.is_resource = true;
    attributes.verb = Text(resource, {"verb"});
    attributes.group = Text(resource, {"group"});
    attributes.version = Text(resource, {"version"});
    attributes.resource = Text(resource, {"resource"});
    attributes.subresource = Text(resource, {"subresource"});
    attributes.name = Text(resource, {"name"});
    attributes.ns = Text(resource, {"namespace"});
    attributes.field_selector = Text(resource, {"fieldSelector", "rawSelector"});
  } else {
    attributes.verb = Text(spec, {"nonResourceAttributes", "verb"});
    attributes.path = Text(spec, {"nonResourceAttributes", "path"});
  }
  return attributes;
}

// As upstream's validation has it, the kind's name left out of the message included.
std::vector<Problem> CheckSpec(const Value& spec, bool for_others) {
  std::vector<Problem> problems;
  const bool resource = spec.At({"resourceAttributes"}).IsObject();
  const Value& path = spec.At({"nonResourceAttributes"});
  if (resource && path.IsObject())
    problems.push_back(
        {ProblemKind::kInvalid, "spec.nonResourceAttributes",
         fmt::format("Invalid value: {{\"Path\":{},\"Verb\":{}}}: cannot be specified "
                     "in combination with resourceAttributes",
                     json::Quote(Text(path, {"path"})), json::Quote(Text(path, {"verb"}))),
         0});
  if (!resource && !path.IsObject())
    problems.push_back({ProblemKind::kInvalid, "spec.resourceAttributes",
                        "Invalid value: null: exactly one of nonResourceAttributes or "
                        "resourceAttributes must be specified",
                        0});
  if (for_others && Text(spec, {"user"}).empty() && spec.At({"groups"}).items().empty())
    problems.push_back({ProblemKind::kInvalid, "spec.user",
                        "Invalid value: \"\": at least one of user or group must be specified", 0});
  return problems;
}

status::Or<Value> AccessReview(Access& access, const User& asker, const std::string& ns,
                               Value review) {
  const std::string kind = Text(review, {"kind"});
  const Value& spec = review.At({"spec"});
  const bool self = kind == "SelfSubjectAccessReview";
  std::vector<Problem> problems = CheckSpec(spec, !self);
  const std::string asked = Text(spec, {"resourceAttributes", "namespace"});
  if (kind == "LocalSubjectAccessReview" && asked != ns)
    problems.push_back(
        {ProblemKind::kInvalid, "spec.resourceAttributes.namespace",
         fmt::format("Invalid value: {}: must match metadata.namespace", json::Quote(asked)), 0});
  if (!problems.empty()) return status::Invalid("authorization.k8s.io", "", "", problems);
  User user = asker;
  if (!self) {
    user = {.name = Text(spec, {"user"}),
            .uid = Text(spec, {"uid"}),
            .groups = Strings(spec.At({"groups"})),
            .extra = {}};
    for (const auto& [key, values] : spec.At({"extra"}).members())
      user.extra[key] = Strings(values);
  }
  const auth::Decision decision = access.Decide(AttributesOf(spec, std::move(user)));
  Value result = Value::Object();
  result.Set("allowed", Value(decision.allowed));
  if (!decision.reason.empty()) result.Set("reason", Value(decision.reason));
  review.Set("status", std::move(result));
  return review;
}

status::Or<Value> RulesReview(Access& access, const User& asker, Value review) {
  const std::string ns = Text(review, {"spec", "namespace"});
  if (ns.empty()) return status::BadRequest("no namespace on request");
  std::vector<std::string> missing;
  Value resources = Value::Array();
  Value paths = Value::Array();
  const std::shared_ptr<const auth::Rbac> rbac = access.rbac();
  std::vector<const auth::PolicyRule*> rules;
  if (rbac) rules = rbac->RulesOf(asker, ns, &missing);
  static const auth::PolicyRule kAll{
      .verbs = {"*"}, .api_groups = {"*"}, .resources = {"*"}, .resource_names = {}};
  static const auth::PolicyRule kAllPaths{.verbs = {"*"}, .non_resource_urls = {"*"}};
  if (asker.In(auth::kMasters)) rules.insert(rules.begin(), {&kAll, &kAllPaths});
  for (const auth::PolicyRule* rule : rules)
    (rule->resources.empty() ? paths : resources).Append(auth::ToJson(*rule));
  const bool node = !auth::NodeNameOf(asker).empty();
  Value result = Value::Object();
  result.Set("resourceRules", std::move(resources));
  result.Set("nonResourceRules", std::move(paths));
  result.Set("incomplete", Value(node || !missing.empty()));
  if (node)
    result.Set("evaluationError", Value("node authorizer does not support user rule resolution"));
  review.Set("status", std::move(result));
  return review;
}

status::Or<Value> TokenReview(Access& access, Value review) {
  const std::string token = Text(review, {"spec", "token"});
  if (token.empty())
    return status::BadRequest("token is required for TokenReview in authentication");
  const std::vector<std::string> wanted = Strings(review.At({"spec", "audiences"}));
  const auto user = access.CheckToken(token, wanted);
  Value result = Value::Object();
  if (user.ok()) {
    result.Set("authenticated", Value(true));
    result.Set("user", UserInfo(*user));
    if (!wanted.empty()) result.Set("audiences", Array(wanted));
  } else {
    result.Set("user", Value::Object());
    result.Set("error", Value("invalid bearer token"));
  }
  review.Set("status", std::move(result));
  return review;
}

}  // namespace

bool IsReview(const Value& object) {
  const std::string& version = object.At({"apiVersion"}).AsString();
  return (version.starts_with("authorization.k8s.io/") ||
          version.starts_with("authentication.k8s.io/")) &&
         object.At({"kind"}).AsString().ends_with("Review");
}

status::Or<Value> Answer(Access& access, const User& asker, const std::string& ns, Value review) {
  const std::string kind = Text(review, {"kind"});
  if (review.Find("metadata") == nullptr) review.Set("metadata", Value::Object());
  if (kind == "SelfSubjectRulesReview") return RulesReview(access, asker, std::move(review));
  if (kind == "TokenReview") return TokenReview(access, std::move(review));
  if (kind == "SelfSubjectReview") {
    Value result = Value::Object();
    result.Set("userInfo", UserInfo(asker));
    if (review.Find("metadata") == nullptr) review.Set("metadata", Value::Object());
    const int64_t seconds = access.WallNanos() / 1'000'000'000;
    review.Find("metadata")
        ->Set("creationTimestamp", Value(base::FormatRfc3339(seconds * 1'000'000'000)));
    review.Set("status", std::move(result));
    return review;
  }
  return AccessReview(access, asker, ns, std::move(review));
}

}  // namespace keelson::access
