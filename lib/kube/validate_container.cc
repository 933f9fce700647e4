// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

void ValidateOneOf(const Field& field, const std::vector<std::string>& supported,
                   Problems& problems) {
  if (field.String().empty()) return;  // defaulted
  if (std::find(supported.begin(), supported.end(), field.String()) == supported.end())
    problems.NotSupported(field, field.String(), supported);
}

void ValidatePorts(const Field& ports, const PodFacts& pod, Problems& problems) {
  std::set<std::string> names;
  for (const Field& port : ports.Items()) {
    const Field name = port["name"];
    if (!name.String().empty()) {
      const Complaints complaints = CheckPortName(name.String());
      problems.Invalid(name, complaints);
      if (complaints.empty() && !names.insert(name.String()).second) problems.Duplicate(name);
    }
    const Field number = port["containerPort"];
    const Field host = port["hostPort"];
    if (number.Int() == 0) {
      problems.Required(number);
    } else {
      problems.Invalid(number, CheckPort(number.Int()));
    }
    if (host.Int() != 0) problems.Invalid(host, CheckPort(host.Int()));
    if (pod.host_network && host.Int() != 0 && host.Int() != number.Int()) {
      problems.Invalid(host, "must match `containerPort` when `hostNetwork` is true");
    }
    ValidateOneOf(port["protocol"], {"SCTP", "TCP", "UDP"}, problems);
  }
}

// With the host's network every port is a port of the host.
void ClaimHostPorts(const Field& ports, const PodFacts& pod, std::set<std::string>& claimed,
                    Problems& problems) {
  for (const Field& port : ports.Items()) {
    int64_t number = port["hostPort"].Int();
    if (number == 0 && pod.host_network) number = port["containerPort"].Int();
    if (number == 0) continue;
    const std::string& protocol = port["protocol"].String();
    const std::string claim = fmt::format("{}/{}/{}", protocol.empty() ? "TCP" : protocol,
                                          port["hostIP"].String(), number);
    if (!claimed.insert(claim).second) problems.Duplicate(port["hostPort"], json::Quote(claim));
  }
}

void ValidateRestartRules(const Field& container, Problems& problems) {
  const Field policy = container["restartPolicy"];
  if (policy.Present()) {
    if (policy.String().empty()) {
      problems.NotSupported(policy, "", {"Always", "Never", "OnFailure"});
    } else {
      ValidateOneOf(policy, {"Always", "Never", "OnFailure"}, problems);
    }
  }
  const Field rules = container["restartPolicyRules"];
  if (rules.value().items().empty()) return;
  if (!policy.Present())
    problems.Required(policy, "must specify restartPolicy when restart rules are used");
  if (rules.value().items().size() > 20) problems.TooMany(rules, rules.value().items().size(), 20);
  for (const Field& rule : rules.Items()) {
    const Field action = rule["action"];
    if (action.String().empty()) {
      problems.Required(action);
    } else {
      ValidateOneOf(action, {"Restart"}, problems);
    }
    const Field codes = rule["exitCodes"];
    if (!codes.Present()) {
      problems.Required(codes, "must be specified");
      continue;
    }
    const Field op = codes["operator"];
    if (op.String().empty()) {
      problems.Required(op);
    } else {
      ValidateOneOf(op, {"In", "NotIn"}, problems);
    }
    std::set<int64_t> seen;
    for (const Field& value : codes["values"].Items()) {
      if (!seen.insert(value.Int()).second) problems.Duplicate(value, std::to_string(value.Int()));
    }
  }
}

void ValidateCommon(const Field& container, const PodFacts& pod, bool init, Problems& problems) {
  const Field name = container["name"];
  if (name.String().empty()) {
    problems.Required(name);
  } else {
    problems.Invalid(name, CheckDns1123Label(name.String()));
  }
  if (container["image"].String().empty()) problems.Required(container["image"]);
  ValidateOneOf(container["terminationMessagePolicy"], {"File", "FallbackToLogsOnError"}, problems);
  ValidatePorts(container["ports"], pod, problems);
  ValidateEnvironment(container, problems);
  ValidateMounts(container, pod, problems);
  ValidateOneOf(container["imagePullPolicy"], {"Always", "IfNotPresent", "Never"}, problems);
  ValidateContainerResources(container, pod, init, problems);
  ValidateContainerSecurity(container["securityContext"], pod, problems);
}

// Whoever comes to look at a running pod is no part of what it is for.
void ValidateEphemeral(const Field& spec, const PodFacts& pod, std::set<std::string> names,
                       Problems& problems) {
  const std::set<std::string> others = names;
  constexpr char kNot[] = "cannot be set for an Ephemeral Container";
  for (const Field& container : spec["ephemeralContainers"].Items()) {
    ValidateCommon(container, pod, false, problems);
    const Field name = container["name"];
    if (!names.insert(name.String()).second) problems.Duplicate(name, json::Quote(name.String()));
    const Field target = container["targetContainerName"];
    if (!target.String().empty() && others.count(target.String()) == 0)
      problems.NotFound(target, target.String());
    // In the order of the type's fields.
    for (const char* field :
         {"ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules",
          "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}) {
      const json::Value& value = container[field].value();
      const bool empty = (value.IsArray() && value.items().empty()) ||
                         (std::string_view(field) == "resources" && value.members().empty());
      if (!value.IsNull() && !empty) problems.Forbidden(container[field], kNot);
    }
    for (const Field& mount : container["volumeMounts"].Items()) {
      for (const char* field : {"subPath", "subPathExpr"}) {
        if (!mount[field].String().empty()) problems.Forbidden(mount[field], kNot);
      }
    }
  }
}

}  // namespace

void ValidateContainers(const Field& spec, const PodFacts& pod, Problems& problems) {
  const Field containers = spec["containers"];
  if (containers.value().items().empty()) problems.Required(containers);
  std::set<std::string> names;
  std::set<std::string> claimed;
  for (const Field& container : containers.Items()) {
    ValidateCommon(container, pod, false, problems);
    ValidateRestartRules(container, problems);
    const Field name = container["name"];
    if (!names.insert(name.String()).second) problems.Duplicate(name, json::Quote(name.String()));
    ValidateLifecycle(container["lifecycle"], pod, problems);
    ValidateProbes(container, problems);
  }
  for (const Field& container : containers.Items())
    ClaimHostPorts(container["ports"], pod, claimed, problems);
  for (const Field& container : spec["initContainers"].Items()) {
    const bool sidecar = container["restartPolicy"].String() == "Always";
    ValidateCommon(container, pod, !sidecar, problems);
    ValidateRestartRules(container, problems);
    const Field name = container["name"];
    if (!name.String().empty() && !names.insert(name.String()).second) problems.Duplicate(name);
    std::set<std::string> own;  // init containers run one after another
    ClaimHostPorts(container["ports"], pod, own, problems);
    if (sidecar) {
      ValidateLifecycle(container["lifecycle"], pod, problems);
      ValidateProbes(container, problems);
      continue;
    }
    for (const char* field : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}) {
      if (container[field].Present())
        problems.Forbidden(container[field],
                           "may not be set for init containers without restartPolicy=Always");
    }
  }
  ValidateEphemeral(spec, pod, std::move(names), problems);
}

void ValidateImages(const Field& spec, Problems& problems) {
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const Field& container : spec[list].Items()) {
      const Field image = container["image"];
      if (base::Trim(image.String()).size() != image.String().size())
        problems.Invalid(image, "must not have leading or trailing whitespace");
    }
  }
}

}  // namespace keelson::kube
