// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/validate.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

PodFacts FactsOf(const Field& spec) {
  PodFacts pod;
  pod.grace_seconds = spec["terminationGracePeriodSeconds"].Int(30);
  if (pod.grace_seconds < 0) pod.grace_seconds = 1;
  pod.host_network = spec["hostNetwork"].Bool();
  pod.host_users = spec["hostUsers"].Bool(true);
  pod.restart_policy = spec["restartPolicy"].StringOr("Always");
  for (const Field& claim : spec["resourceClaims"].Items())
    pod.claims.push_back(claim["name"].String());
  return pod;
}

void ValidateNames(const Field& spec, Problems& problems) {
  const auto check = [&](const char* name, Complaints (*rule)(std::string_view)) {
    const Field field = spec[name];
    if (!field.String().empty()) problems.Invalid(field, rule(field.String()));
  };
  check("serviceAccountName", CheckDns1123Subdomain);
  check("nodeName", CheckDns1123Subdomain);
  check("hostname", CheckDns1123Label);
  const Field subdomain = spec["subdomain"];
  if (subdomain.String().find('.') != std::string::npos) {
    problems.Invalid(subdomain, "must not contain dots");
  } else {
    check("subdomain", CheckDns1123Label);
  }
  check("priorityClassName", CheckDns1123Subdomain);
  check("runtimeClassName", CheckDns1123Subdomain);
}

void ValidateHostnameOverride(const Field& spec, Problems& problems) {
  const Field name = spec["hostnameOverride"];
  if (!name.Present()) return;
  constexpr size_t kMost = 64;  // what the kernel takes
  if (name.String().size() > kMost) problems.TooLong(name, kMost);
  problems.Invalid(name, CheckDns1123Subdomain(name.String()));
  for (const char* other : {"hostNetwork", "setHostnameAsFQDN"}) {
    if (spec[other].Bool())
      problems.Forbidden(name, fmt::format("may not be set when {} is true", other));
  }
}

}  // namespace

void ValidatePodSpec(const Field& spec, Problems& problems) {
  PodFacts pod = FactsOf(spec);
  pod.volumes = ValidateVolumes(spec["volumes"], problems);
  ValidateContainers(spec, pod, problems);
  ValidatePodResources(spec, problems);
  const Field restart = spec["restartPolicy"];
  if (!restart.String().empty() && restart.String() != "Always" &&
      restart.String() != "OnFailure" && restart.String() != "Never") {
    problems.NotSupported(restart, restart.String(), {"Always", "OnFailure", "Never"});
  }
  ValidateDns(spec, problems);
  ValidatePodSecurity(spec, problems);
  for (const Field& gate : spec["readinessGates"].Items()) {
    const std::string& condition = gate["conditionType"].String();
    problems.InvalidText(gate["conditionType"], condition, CheckQualifiedName(condition));
  }
  ValidateNames(spec, problems);
  ValidateHostnameOverride(spec, problems);
  const Field deadline = spec["activeDeadlineSeconds"];
  if (deadline.Present() && (deadline.Int() < 1 || deadline.Int() > INT32_MAX)) {
    problems.Invalid(deadline, "must be between 1 and 2147483647, inclusive");
  }
  ValidateHostAliases(spec["hostAliases"], problems);
  ValidateScheduling(spec, problems);
  ValidateOs(spec, problems);
}

void ValidatePod(const Field& pod, bool stored, Problems& problems) {
  const Field spec = pod["spec"];
  ValidateMeta(pod["metadata"], problems);
  ValidatePodSpec(spec, problems);
  ValidateImages(spec, problems);
  if (!stored && !spec["ephemeralContainers"].value().items().empty())
    problems.Forbidden(spec["ephemeralContainers"], "cannot be set on create");
}

}  // namespace keelson::kube
