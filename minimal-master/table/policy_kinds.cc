// SPDX-License-Identifier: Apache-2.0
// Who may do what and what is let in: rbac, certificates, admission, disruption, flow control,
// and the small groups that are left.
#include <fmt/format.h>

#include "lib/base/strings.h"
#include "minimal-master/table/kinds.h"
#include "minimal-master/table/text.h"

namespace keelson::table {
namespace {

using json::Value;

std::string Name(const Value& object) { return TextAt(object, {"metadata", "name"}); }

int64_t Size(const Value& list) { return static_cast<int64_t>(list.items().size()); }

Row Binding(const Value& object, int64_t now) {
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::vector<std::string> accounts;
  for (const Value& subject : object.At({"subjects"}).items()) {
    const std::string kind = TextAt(subject, {"kind"});
    const std::string name = TextAt(subject, {"name"});
    if (kind == "User") users.push_back(name);
    if (kind == "Group") groups.push_back(name);
    if (kind == "ServiceAccount") accounts.push_back(TextAt(subject, {"namespace"}) + "/" + name);
  }
  return RowWith(Name(object),
                 TextAt(object, {"roleRef", "kind"}) + "/" + TextAt(object, {"roleRef", "name"}),
                 Age(object, now), base::Join(users, ", "), base::Join(groups, ", "),
                 base::Join(accounts, ", "));
}

Row SigningRequest(const Value& object, int64_t now) {
  const Value& seconds = object.At({"spec", "expirationSeconds"});
  std::string condition = Condition(object, "Denied") != nullptr     ? "Denied"
                          : Condition(object, "Approved") != nullptr ? "Approved"
                                                                     : "Pending";
  if (Condition(object, "Failed") != nullptr) condition += ",Failed";
  if (!TextAt(object, {"status", "certificate"}).empty()) condition += ",Issued";
  return RowWith(Name(object), Age(object, now), TextAtOr(object, {"spec", "signerName"}, "<none>"),
                 TextAt(object, {"spec", "username"}),
                 seconds.IsNumber() ? HumanDuration(seconds.AsInt()) : "<none>", condition);
}

std::string IntOrText(const Value& value) {
  if (value.IsNumber()) return std::to_string(value.AsInt());
  return value.IsString() ? value.AsString() : "N/A";
}

Row DisruptionBudget(const Value& object, int64_t now) {
  return RowWith(Name(object), IntOrText(object.At({"spec", "minAvailable"})),
                 IntOrText(object.At({"spec", "maxUnavailable"})),
                 NumberAt(object, {"status", "disruptionsAllowed"}), Age(object, now));
}

Row Webhooks(const Value& object, int64_t now) {
  return RowWith(Name(object), Size(object.At({"webhooks"})), Age(object, now));
}

Row AdmissionPolicy(const Value& object, int64_t now) {
  std::string kind = "<unset>";
  if (const Value& parameter = object.At({"spec", "paramKind"}); parameter.IsObject())
    kind = TextAt(parameter, {"apiVersion"}) + "/" + TextAt(parameter, {"kind"});
  return RowWith(Name(object), Size(object.At({"spec", "validations"})), kind, Age(object, now));
}

Row AdmissionPolicyBinding(const Value& object, int64_t now) {
  std::string parameter = "<unset>";
  if (const Value& given = object.At({"spec", "paramRef"}); given.IsObject()) {
    const std::string name = TextAtOr(given, {"name"}, LabelSelector(given.At({"selector"})));
    const std::string space = TextAt(given, {"namespace"});
    parameter = space.empty() ? name : space + "/" + name;
  }
  return RowWith(Name(object), TextAt(object, {"spec", "policyName"}), parameter, Age(object, now));
}

Row ApiService(const Value& object, int64_t now) {
  std::string service = "Local";
  if (const Value& given = object.At({"spec", "service"}); given.IsObject())
    service = TextAt(given, {"namespace"}) + "/" + TextAt(given, {"name"});
  std::string available = "Unknown";
  if (const Value* condition = Condition(object, "Available"); condition != nullptr) {
    available = TextAt(*condition, {"status"});
    if (available != "True") available += " (" + TextAt(*condition, {"reason"}) + ")";
  }
  return RowWith(Name(object), service, available, Age(object, now));
}

Row FlowSchema(const Value& object, int64_t now) {
  const Value* dangling = Condition(object, "Dangling");
  return RowWith(Name(object), TextAt(object, {"spec", "priorityLevelConfiguration", "name"}),
                 NumberAt(object, {"spec", "matchingPrecedence"}),
                 TextAtOr(object, {"spec", "distinguisherMethod", "type"}, "<none>"),
                 Age(object, now), dangling == nullptr ? "?" : TextAt(*dangling, {"status"}));
}

Value NumberOrNone(const Value& value) {
  return value.IsNumber() ? Value(value.AsInt()) : Value("<none>");
}

Row PriorityLevel(const Value& object, int64_t now) {
  const std::string type = TextAt(object, {"spec", "type"});
  const Value& limited = object.At({"spec", "limited"});
  const Value& queues = limited.At({"limitResponse", "queuing"});
  const Value& shares = type == "Exempt" ? object.At({"spec", "exempt", "nominalConcurrencyShares"})
                                         : limited.At({"nominalConcurrencyShares"});
  return RowWith(Name(object), type, NumberOrNone(shares), NumberOrNone(queues.At({"queues"})),
                 NumberOrNone(queues.At({"handSize"})),
                 NumberOrNone(queues.At({"queueLengthLimit"})), Age(object, now));
}

Row NameAndAge(const Value& object, int64_t now) { return RowWith(Name(object), Age(object, now)); }

Row ResourceClaim(const Value& object, int64_t now) {
  std::vector<std::string> states;
  const bool allocated = object.At({"status", "allocation"}).IsObject();
  if (!TextAt(object, {"metadata", "deletionTimestamp"}).empty())
    states.emplace_back("deleted");
  else if (!allocated)
    states.emplace_back("pending");
  if (allocated) states.emplace_back("allocated");
  if (Size(object.At({"status", "reservedFor"})) > 0) states.emplace_back("reserved");
  return RowWith(Name(object), base::Join(states, ","), Age(object, now));
}

Row ResourceSlice(const Value& object, int64_t now) {
  return RowWith(Name(object), TextAtOr(object, {"spec", "nodeName"}, "<unset>"),
                 TextAt(object, {"spec", "driver"}), TextAt(object, {"spec", "pool", "name"}),
                 Age(object, now));
}

}  // namespace

const Printer kPolicyPrinters[] = {
    {"rbac.authorization.k8s.io", "RoleBinding", Binding},
    {"rbac.authorization.k8s.io", "ClusterRoleBinding", Binding},
    {"certificates.k8s.io", "CertificateSigningRequest", SigningRequest},
    {"policy", "PodDisruptionBudget", DisruptionBudget},
    {"admissionregistration.k8s.io", "MutatingWebhookConfiguration", Webhooks},
    {"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", Webhooks},
    {"admissionregistration.k8s.io", "ValidatingAdmissionPolicy", AdmissionPolicy},
    {"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", AdmissionPolicyBinding},
    {"apiregistration.k8s.io", "APIService", ApiService},
    {"flowcontrol.apiserver.k8s.io", "FlowSchema", FlowSchema},
    {"flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", PriorityLevel},
    {"resource.k8s.io", "DeviceClass", NameAndAge},
    {"resource.k8s.io", "ResourceClaimTemplate", NameAndAge},
    {"resource.k8s.io", "ResourceClaim", ResourceClaim},
    {"resource.k8s.io", "ResourceSlice", ResourceSlice},
    {},
};

}  // namespace keelson::table
