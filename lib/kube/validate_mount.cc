// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

void ValidatePropagation(const Field& mount, const Field& blamed, bool privileged,
                         Problems& problems) {
  const Field propagation = mount["mountPropagation"];
  const Field at = propagation.WithPath(blamed.path() + ".mountPropagation");
  const std::string& mode = propagation.String();
  if (!propagation.Present()) return;
  if (mode != "None" && mode != "HostToContainer" && mode != "Bidirectional") {
    problems.NotSupported(at, mode, {"Bidirectional", "HostToContainer", "None"});
  }
  if (mode == "Bidirectional" && !privileged)
    problems.Forbidden(
        at, "Bidirectional mount propagation is available only to privileged containers");
}

void ValidateRecursiveReadOnly(const Field& mount, Problems& problems) {
  const Field at = mount["recursiveReadOnly"];
  if (!at.Present() || at.String() == "Disabled") return;
  if (at.String() != "Enabled" && at.String() != "IfPossible") {
    return problems.NotSupported(at, at.String(), {"Disabled", "Enabled", "IfPossible"});
  }
  if (!mount["readOnly"].Bool())
    problems.Forbidden(at, "may only be specified when readOnly is true");
  if (mount["mountPropagation"].StringOr("None") != "None") {
    problems.Forbidden(at, "may only be specified when mountPropagation is None or not specified");
  }
}

void ValidateDevices(const Field& devices, const PodFacts& pod,
                     const std::set<std::string>& mount_paths, Problems& problems) {
  std::set<std::string> paths;
  std::set<std::string> names;
  for (const Field& device : devices.Items()) {
    const Field name = device["name"];
    const Field path = device["devicePath"];
    if (name.String().empty()) problems.Required(name);
    if (!names.insert(name.String()).second) problems.Invalid(name, "must be unique");
    if (!pod.volumes.contains(name.String())) problems.NotFound(name, name.String());
    if (path.String().empty()) problems.Required(path);
    if (!paths.insert(path.String()).second) problems.Invalid(path, "must be unique");
    if (HasBackstep(path.String())) {
      problems.Invalid(path, "can not contain backsteps ('..')");
    } else if (mount_paths.contains(path.String())) {
      problems.Invalid(path, "must not already exist as a path in volumeMounts");
    }
  }
}

}  // namespace

void ValidateMounts(const Field& container, const PodFacts& pod, Problems& problems) {
  const Field mounts = container["volumeMounts"];
  const bool privileged = container["securityContext"]["privileged"].Bool();
  std::set<std::string> paths;
  for (const Field& mount : mounts.Items()) {
    const Field name = mount["name"];
    const Field path = mount["mountPath"];
    if (name.String().empty()) problems.Required(name);
    if (!pod.volumes.contains(name.String())) problems.NotFound(name, name.String());
    if (path.String().empty()) problems.Required(path);
    if (!paths.insert(path.String()).second)
      problems.InvalidText(path, path.String(), "must be unique");
    const Field sub_path = mount["subPath"];
    const Field expression = mount["subPathExpr"];
    // Upstream names the list, not the item, in the refusal of these three.
    if (!sub_path.String().empty())
      ValidateRelativePath(sub_path, sub_path.WithPath(mounts.path() + ".subPath"), problems);
    if (!expression.String().empty()) {
      if (!sub_path.String().empty())
        problems.Invalid(expression, "subPathExpr and subPath are mutually exclusive");
      ValidateRelativePath(expression, expression.WithPath(mounts.path() + ".subPathExpr"),
                           problems);
    }
    ValidatePropagation(mount, mounts, privileged, problems);
    ValidateRecursiveReadOnly(mount, problems);
  }
  ValidateDevices(container["volumeDevices"], pod, paths, problems);
}

}  // namespace keelson::kube
