// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

// User and group ids.
void ValidateId(const Field& id, Problems& problems) {
  if (id.Present() && (id.Int() < 0 || id.Int() > INT32_MAX))
    problems.Invalid(id, "must be between 0 and 2147483647, inclusive");
}

// seccompProfile and appArmorProfile.
void ValidateProfile(const Field& profile, std::string_view what, Problems& problems) {
  if (!profile.Present()) return;
  const std::string& type = profile["type"].String();
  const Field file = profile["localhostProfile"];
  const bool app_armor = what == "AppArmor";
  if (type.empty()) {
    problems.Required(profile["type"],
                      fmt::format("type is required when {} is set", profile.key()));
  } else if (type != "Localhost" && type != "RuntimeDefault" && type != "Unconfined") {
    problems.NotSupported(profile["type"], type, {"Localhost", "RuntimeDefault", "Unconfined"});
  }
  if (type != "Localhost") {
    if (file.Present() && (!app_armor || !type.empty()))
      problems.Invalid(file, fmt::format("can only be set when {} type is Localhost", what));
  } else if (!file.Present() || (app_armor && file.String().empty())) {
    problems.Required(file, fmt::format("must be set when {} type is Localhost", what));
  } else if (app_armor) {
    constexpr std::string_view kSpace = " \t\r\n";
    if (kSpace.find(file.String().front()) != std::string_view::npos ||
        kSpace.find(file.String().back()) != std::string_view::npos) {
      problems.Invalid(file, "must not be padded with whitespace");
    }
    if (file.String().size() > 4095) problems.TooLong(file, 4095);
  } else {
    ValidateRelativePath(file, file, problems);
  }
}

void ValidateSysctls(const Field& spec, Problems& problems) {
  std::set<std::string> seen;
  for (const Field& sysctl : spec["securityContext"]["sysctls"].Items()) {
    const Field field = sysctl["name"];
    if (field.String().empty()) {
      problems.Required(field);
      continue;
    }
    if (!IsSysctlName(field.String())) {
      problems.Invalid(field,
                       "must have at most 253 characters and match regex "
                       "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
    } else if (!seen.insert(field.String()).second) {
      problems.Duplicate(field);
      continue;
    }
    std::string name = field.String();
    std::replace(name.begin(), name.end(), '/', '.');
    const bool ipc = name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
                     name == "kernel.sem" || name.starts_with("fs.mqueue.");
    if (name.starts_with("net.") && spec["hostNetwork"].Bool())
      problems.Invalid(field, "may not be specified when 'hostNetwork' is true");
    if (ipc && spec["hostIPC"].Bool())
      problems.Invalid(field, "may not be specified when 'hostIPC' is true");
  }
}

void ForbidAll(const Field& at, std::initializer_list<const char*> fields, std::string_view why,
               Problems& problems) {
  for (const char* field : fields) {
    if (at[field].Present()) problems.Forbidden(at[field], why);
  }
}

void ForEachContainer(const Field& spec, const auto& visit) {
  for (const char* list : {"containers", "initContainers"}) {
    for (const Field& container : spec[list].Items()) visit(container);
  }
}

}  // namespace

void ValidatePodSecurity(const Field& spec, Problems& problems) {
  const Field context = spec["securityContext"];
  ValidateId(context["fsGroup"], problems);
  ValidateId(context["runAsUser"], problems);
  ValidateId(context["runAsGroup"], problems);
  for (const Field& group : context["supplementalGroups"].Items()) ValidateId(group, problems);
  if (spec["shareProcessNamespace"].Bool() && spec["hostPID"].Bool()) {
    problems.Invalid(
        spec["shareProcessNamespace"].WithPath(context.path() + ".shareProcessNamespace"),
        "ShareProcessNamespace and HostPID cannot both be enabled");
  }
  ValidateSysctls(spec, problems);
  const auto one_of = [&](const char* name, std::string_view a, std::string_view b) {
    const Field field = context[name];
    if (field.Present() && field.String() != a && field.String() != b)
      problems.NotSupported(field, field.String(), {std::string(a), std::string(b)});
  };
  one_of("fsGroupChangePolicy", "Always", "OnRootMismatch");
  one_of("supplementalGroupsPolicy", "Merge", "Strict");
  ValidateProfile(context["seccompProfile"], "seccomp", problems);
  ValidateProfile(context["appArmorProfile"], "AppArmor", problems);
  if (!spec["hostUsers"].Bool(true)) {
    for (const char* field : {"hostNetwork", "hostPID", "hostIPC"}) {
      if (spec[field].Bool()) problems.Forbidden(spec[field], "when `hostUsers` is false");
    }
    ForEachContainer(spec, [&](const Field& container) {
      if (!container["volumeDevices"].value().items().empty())
        problems.Forbidden(container["volumeDevices"], "when `hostUsers` is false");
    });
  }
}

void ValidateContainerSecurity(const Field& context, const PodFacts& pod, Problems& problems) {
  if (!context.Present()) return;
  ValidateId(context["runAsUser"], problems);
  ValidateId(context["runAsGroup"], problems);
  if (const Field proc = context["procMount"]; proc.Present()) {
    if (proc.String() != "Default" && proc.String() != "Unmasked")
      problems.NotSupported(proc, proc.String(), {"Default", "Unmasked"});
    if (proc.String() == "Unmasked" && pod.host_users)
      problems.Invalid(proc, "`hostUsers` must be false to use `Unmasked`");
  }
  ValidateProfile(context["seccompProfile"], "seccomp", problems);
  if (!context["allowPrivilegeEscalation"].Bool(true)) {
    if (context["privileged"].Bool())
      problems.Invalid(context,
                       "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    for (const Field& capability : context["capabilities"]["add"].Items()) {
      if (capability.String() == "CAP_SYS_ADMIN") {
        problems.Invalid(
            context,
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
      }
    }
  }
  ValidateProfile(context["appArmorProfile"], "AppArmor", problems);
}

void ValidateOs(const Field& spec, Problems& problems) {
  const Field os = spec["os"];
  if (!os.Present()) return;
  const std::string& name = os["name"].String();
  if (name.empty()) return problems.Required(os["name"], "cannot be empty");
  if (name != "linux" && name != "windows")
    return problems.NotSupported(os, name, {"linux", "windows"});
  if (name == "linux") {
    constexpr const char* kWhy = "windows options cannot be set for a linux pod";
    ForbidAll(spec["securityContext"], {"windowsOptions"}, kWhy, problems);
    ForEachContainer(spec, [&](const Field& container) {
      ForbidAll(container["securityContext"], {"windowsOptions"}, kWhy, problems);
    });
    return;
  }
  constexpr const char* kWhy = "cannot be set for a windows pod";
  for (const char* field : {"hostPID", "hostIPC", "shareProcessNamespace"}) {
    if (spec[field].Bool()) problems.Forbidden(spec[field], kWhy);
  }
  ForbidAll(
      spec["securityContext"],
      {"appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy",
       "sysctls", "runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy"},
      kWhy, problems);
  ForEachContainer(spec, [&](const Field& container) {
    ForbidAll(container["securityContext"],
              {"appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities",
               "readOnlyRootFilesystem", "privileged", "allowPrivilegeEscalation", "procMount",
               "runAsUser", "runAsGroup"},
              kWhy, problems);
  });
}

}  // namespace keelson::kube
