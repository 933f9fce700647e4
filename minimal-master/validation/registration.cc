// SPDX-License-Identifier: Apache-2.0
// What registers itself at the server: webhooks and their rules.
#include <algorithm>
#include <set>

#include "lib/base/strings.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

bool IsEmpty(const Field& list) { return list.value().items().empty(); }

void TextsOf(const Field& list, Problems& problems) {
  if (IsEmpty(list)) return problems.Required(list);
  for (const Field& item : list.Items()) {
    if (item.String().empty()) problems.Required(item);
    if (item.String() == "*" && list.value().items().size() > 1 && list.key() != "resources")
      problems.Invalid(list, "if '*' is present, must not specify other values");
  }
}

void MatchRule(const Field& rule, Problems& problems) {
  const Field operations = rule["operations"];
  if (IsEmpty(operations)) problems.Required(operations);
  for (const Field& operation : operations.Items()) {
    if (operation.String() == "*" && operations.value().items().size() > 1)
      problems.Invalid(operations, "if '*' is present, must not specify other operations");
    OneOf(operation, {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"}, problems);
  }
  for (const char* list : {"apiGroups", "apiVersions"}) {
    const Field texts = rule[list];
    if (IsEmpty(texts)) {
      problems.Required(texts);
      continue;
    }
    for (const Field& item : texts.Items()) {
      if (item.String().empty() && texts.key() == "apiVersions") problems.Required(item);
      if (item.String() == "*" && texts.value().items().size() > 1)
        problems.Invalid(texts,
                         fmt::format("if '*' is present, must not specify other {}",
                                     texts.key() == "apiGroups" ? "API groups" : "API versions"));
    }
  }
  TextsOf(rule["resources"], problems);
  if (const Field scope = rule["scope"]; scope.Present())
    OneOf(scope, {"*", "Cluster", "Namespaced"}, problems);
}

void ClientConfig(const Field& config, Problems& problems) {
  const Field url = config["url"];
  const Field service = config["service"];
  if (url.Present() == service.Present())
    return problems.Required(config, "exactly one of url or service is required");
  if (url.Present()) {
    if (!url.String().starts_with("https://"))
      problems.Invalid(url,
                       "'https' is the only allowed URL scheme; desired format: "
                       "https://host[/path]");
    return;
  }
  Required(service["name"], problems);
  Required(service["namespace"], problems);
  if (const Field path = service["path"]; path.Present() && !path.String().starts_with('/'))
    problems.Invalid(path, "must start with a '/'");
  if (const Field port = service["port"]; port.Present() && (port.Int() < 1 || port.Int() > 65535))
    problems.Invalid(port, "port is not valid: must be between 1 and 65535, inclusive");
}

void Webhook(const Field& hook, bool mutating, Problems& problems) {
  const Field name = hook["name"];
  if (name.String().empty()) {
    problems.Required(name);
  } else {
    Named(name, kube::CheckDns1123Subdomain, problems);
    if (base::Split(name.String(), '.').size() < 3)
      problems.Invalid(name, "should be a domain with at least three segments separated by dots");
  }
  for (const Field& rule : hook["rules"].Items()) MatchRule(rule, problems);
  if (const Field policy = hook["failurePolicy"]; policy.Present())
    OneOf(policy, {"Fail", "Ignore"}, problems);
  if (const Field policy = hook["matchPolicy"]; policy.Present())
    OneOf(policy, {"Equivalent", "Exact"}, problems);
  const Field effects = hook["sideEffects"];
  if (!effects.Present())
    problems.Required(effects, "must specify one of None, NoneOnDryRun");
  else
    OneOf(effects, {"None", "NoneOnDryRun"}, problems);
  if (const Field seconds = hook["timeoutSeconds"];
      seconds.Present() && (seconds.Int() < 1 || seconds.Int() > 30))
    problems.Invalid(seconds, "the timeout value must be between 1 and 30 seconds");
  for (const char* selector : {"namespaceSelector", "objectSelector"}) {
    if (hook[selector].Present()) kube::ValidateLabelSelector(hook[selector], problems);
  }
  ClientConfig(hook["clientConfig"], problems);
  if (const Field policy = hook["reinvocationPolicy"]; mutating && policy.Present())
    OneOf(policy, {"IfNeeded", "Never"}, problems);
}

void ReviewVersions(const Field& versions, Problems& problems) {
  if (IsEmpty(versions)) return problems.Required(versions, "must specify one of v1, v1beta1");
  std::set<std::string> seen;
  bool known = false;
  for (const Field& version : versions.Items()) {
    if (!seen.insert(version.String()).second) {
      problems.Invalid(version, "duplicate version");
      continue;
    }
    Named(version, kube::CheckDns1035Label, problems);
    known = known || version.String() == "v1" || version.String() == "v1beta1";
  }
  if (!known) problems.Invalid(versions, "must include at least one of v1, v1beta1");
}

void Webhooks(const Field& object, bool mutating, Problems& problems) {
  std::set<std::string> names;
  for (const Field& hook : object["webhooks"].Items()) {
    Webhook(hook, mutating, problems);
    ReviewVersions(hook["admissionReviewVersions"], problems);
    const Field name = hook["name"];
    if (!name.String().empty() && !names.insert(name.String()).second) problems.Duplicate(name);
  }
}

}  // namespace

void MutatingWebhooks(const Field& object, Problems& problems) { Webhooks(object, true, problems); }
void ValidatingWebhooks(const Field& object, Problems& problems) {
  Webhooks(object, false, problems);
}

void AdmissionPolicy(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  if (const Field policy = spec["failurePolicy"]; policy.Present())
    OneOf(policy, {"Fail", "Ignore"}, problems);
  const Field kind = spec["paramKind"];
  if (kind.Present()) {
    Required(kind["apiVersion"], problems);
    Required(kind["kind"], problems);
  }
  const Field match = spec["matchConstraints"];
  if (!match.Present()) {
    problems.Required(match);
  } else {
    if (IsEmpty(match["resourceRules"])) problems.Required(match["resourceRules"]);
    for (const char* list : {"resourceRules", "excludeResourceRules"}) {
      for (const Field& rule : match[list].Items()) MatchRule(rule, problems);
    }
    for (const char* selector : {"namespaceSelector", "objectSelector"}) {
      if (match[selector].Present()) kube::ValidateLabelSelector(match[selector], problems);
    }
    if (const Field policy = match["matchPolicy"]; policy.Present())
      OneOf(policy, {"Equivalent", "Exact"}, problems);
  }
}

}  // namespace keelson::validation
