// SPDX-License-Identifier: Apache-2.0
// Nodes, configuration, leases, requests for certificates and other small kinds.
#include <set>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/validate.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {

namespace {

void Taints(const Field& spec, Problems& problems) {
  std::set<std::string> seen;
  for (const Field& item : spec["taints"].Items()) {
    // Upstream calls them metadata's.
    const Field taint =
        item.WithPath("metadata.taints" + item.path().substr(item.path().rfind('[')));
    const std::string& key = taint["key"].String();
    const std::string& effect = taint["effect"].String();
    Named(taint["key"], kube::CheckQualifiedName, problems);
    if (const std::string& value = taint["value"].String(); !value.empty())
      problems.InvalidText(taint["value"], value, kube::CheckLabelValue(value));
    RequiredOneOf(taint["effect"], {"NoSchedule", "PreferNoSchedule", "NoExecute"}, problems);
    if (!seen.insert(key + ":" + effect).second) {
      problems.Duplicate(
          taint,
          fmt::format(R"({{"Key":{},"Value":{},"Effect":{},"TimeAdded":null}}: taints must be )"
                      "unique by key and effect pair",
                      json::Quote(key), json::Quote(taint["value"].String()), json::Quote(effect)));
    }
  }
}

}  // namespace

void Node(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  Taints(spec, problems);
  const Field ranges = spec["podCIDRs"];
  for (const Field& range : ranges.Items()) Cidr(range, problems);
  if (ranges.value().items().size() > 2)
    problems.Invalid(ranges, "may specify no more than one CIDR for each IP family");
  for (const char* list : {"capacity", "allocatable"}) {
    for (const Field& amount : object["status"][list].Entries()) {
      const std::string& name = amount.key();
      if (name.find('/') == std::string::npos && !kube::CheckQualifiedName(name).empty())
        problems.InvalidText(amount, name, kube::CheckQualifiedName(name));
    }
  }
}

void NodeChange(const Field& now, const Field& before, Problems& problems) {
  const Field spec = now["spec"];
  const Field old = before["spec"];
  Taints(spec, problems);  // upstream asks twice
  if (!old["podCIDRs"].value().items().empty() && !Same(spec["podCIDRs"], old["podCIDRs"]))
    problems.Forbidden(spec["podCIDRs"],
                       "node updates may not change podCIDR except from \"\" to valid");
  if (!old["providerID"].String().empty() && !Same(spec["providerID"], old["providerID"]))
    problems.Forbidden(spec["providerID"],
                       "node updates may not change providerID except from \"\" to valid");
}

void ConfigObject(const Field& object, Problems& problems) {
  kube::ValidateConfigData(object, problems);
}

void ConfigObjectChange(const Field& now, const Field& before, Problems& problems) {
  if (before["type"].Present()) Immutable(now["type"], before["type"], problems);
  if (!before["immutable"].Bool()) return;
  constexpr std::string_view kWhy = "field is immutable when `immutable` is set";
  if (!now["immutable"].Bool()) problems.Forbidden(now["immutable"], kWhy);
  for (const char* field : {"data", "binaryData"}) {
    if (!Same(now[field], before[field])) problems.Forbidden(now[field], kWhy);
  }
}

void Quota(const Field& object, Problems& problems) {
  for (const char* part : {"spec", "status"}) {
    for (const char* list : {"hard", "used"}) {
      for (const Field& amount : object[part][list].Entries()) {
        if (amount.String().starts_with('-'))
          problems.InvalidText(amount, amount.String(), "must be greater than or equal to 0");
      }
    }
  }
}

void Revision(const Field& object, Problems& problems) {
  if (object["revision"].Int() < 0) problems.Invalid(object["revision"], "must be nonnegative");
}

void RevisionChange(const Field& now, const Field& before, Problems& problems) {
  Immutable(now["data"], before["data"], problems);
}

void Lease(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  if (const Field seconds = spec["leaseDurationSeconds"]; seconds.Present())
    Positive(seconds, problems);
  if (const Field count = spec["leaseTransitions"]; count.Present()) NotNegative(count, problems);
  const Field strategy = spec["strategy"];
  if (!spec["preferredHolder"].String().empty() && strategy.String().empty())
    problems.Forbidden(spec["preferredHolder"], "may only be specified if `strategy` is defined");
}

void PriorityClass(const Field& object, Problems& problems) {
  constexpr int64_t kMostOfUsers = 1'000'000'000;
  const Field name = object["metadata"]["name"];
  const Field value = object["value"];
  const int64_t number = value.Int();
  const bool known = (name.String() == "system-node-critical" && number == 2'000'001'000) ||
                     (name.String() == "system-cluster-critical" && number == 2'000'000'000);
  if (name.String().starts_with("system-")) {
    if (!known)
      problems.Forbidden(name,
                         fmt::format("priority class names with 'system-' prefix are reserved for "
                                     "system use only. error: {} is not a known system priority "
                                     "class",
                                     name.String()));
  } else if (number > kMostOfUsers) {
    problems.Forbidden(
        value, fmt::format("maximum allowed value of a user defined priority is {}", kMostOfUsers));
  }
  if (const Field policy = object["preemptionPolicy"]; policy.Present())
    OneOf(policy, {"Never", "PreemptLowerPriority"}, problems);
}

void PriorityClassChange(const Field& now, const Field& before, Problems& problems) {
  if (now["value"].Int() != before["value"].Int())
    problems.Forbidden(now["value"], "may not be changed in an update.");
  Immutable(now["preemptionPolicy"], before["preemptionPolicy"], problems);
}

void SigningRequest(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  if (spec["request"].value().AsString().empty())
    problems.Invalid(spec["request"], "PEM block type must be CERTIFICATE REQUEST");
  if (spec["usages"].value().items().empty()) problems.Required(spec["usages"]);
  std::set<std::string> seen;
  for (const Field& usage : spec["usages"].Items()) {
    OneOf(usage,
          {"any",
           "cert sign",
           "client auth",
           "code signing",
           "content commitment",
           "crl sign",
           "data encipherment",
           "decipher only",
           "digital signature",
           "email protection",
           "encipher only",
           "ipsec end system",
           "ipsec tunnel",
           "ipsec user",
           "key agreement",
           "key encipherment",
           "microsoft sgc",
           "netscape sgc",
           "ocsp signing",
           "s/mime",
           "server auth",
           "signing",
           "timestamping"},
          problems);
    if (!seen.insert(usage.String()).second) problems.Duplicate(usage);
  }
  const Field signer = spec["signerName"];
  const std::string& name = signer.String();
  const auto parts = base::Split(name, '/');
  if (name.empty()) {
    problems.Required(signer);
  } else if (parts.size() != 2) {
    problems.Invalid(signer,
                     "must be a fully qualified domain and path of the form "
                     "'example.com/signer-name'");
  } else {
    problems.Invalid(signer, kube::CheckDns1123Subdomain(parts[0]));
    if (parts[0].find('.') == std::string_view::npos)
      problems.Invalid(signer, "should be a domain with at least two segments separated by dots");
    problems.Invalid(signer, kube::CheckDns1123Subdomain(parts[1]));
  }
  if (const Field seconds = spec["expirationSeconds"]; seconds.Present() && seconds.Int() < 600)
    problems.Invalid(seconds, "may not specify a duration less than 600 seconds (10 minutes)");
}

void DisruptionBudget(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field least = spec["minAvailable"];
  const Field most = spec["maxUnavailable"];
  if (least.Present() && most.Present())
    problems.Invalid(spec, "minAvailable and maxUnavailable cannot be both set");
  for (const Field& number : {least, most}) {
    if (!number.Present()) continue;
    IntOrPercent(number, problems);
    (void)IsHundredPercentOrLess(number, problems);
  }
  kube::ValidateLabelSelector(spec["selector"], problems);
  if (const Field policy = spec["unhealthyPodEvictionPolicy"]; policy.Present())
    OneOf(policy, {"AlwaysAllow", "IfHealthyBudget"}, problems);
}

void RuntimeClass(const Field& object, Problems& problems) {
  Named(object["handler"], kube::CheckDns1123Label, problems);
  const Field scheduling = object["scheduling"];
  kube::ValidateLabels(scheduling["nodeSelector"], problems);
  kube::ValidateTolerations(scheduling["tolerations"], problems);
  const Field tolerations = scheduling["tolerations"];
  const std::vector<Field> items = tolerations.Items();
  for (size_t i = 0; i < items.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!Same(items[i], items[j])) continue;
      problems.Duplicate(items[i]);
      break;
    }
  }
}

void RuntimeClassChange(const Field& now, const Field& before, Problems& problems) {
  Immutable(now["handler"], before["handler"], problems);
}

}  // namespace keelson::validation
