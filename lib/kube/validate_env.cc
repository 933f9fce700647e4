// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/base/strings.h"
#include "lib/kube/schema.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

const std::vector<std::string> kEnvironmentFields = {"metadata.name",
                                                     "metadata.namespace",
                                                     "metadata.uid",
                                                     "spec.nodeName",
                                                     "spec.serviceAccountName",
                                                     "status.hostIP",
                                                     "status.hostIPs",
                                                     "status.podIP",
                                                     "status.podIPs"};
const std::vector<std::string> kVolumeFields = {"metadata.annotations", "metadata.labels",
                                                "metadata.name", "metadata.namespace",
                                                "metadata.uid"};
// Fields that the API converts although no downward reference takes them: they are refused with
// another sentence.
const std::vector<std::string> kOtherFields = {"spec.host", "spec.restartPolicy",
                                               "spec.schedulerName", "status.phase"};
const std::vector<std::string> kResources = {
    "limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory"};

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// metadata.labels['key']: the part before the bracket and the key.
bool SplitSubscript(std::string_view path, std::string_view& base, std::string_view& key) {
  const size_t open = path.find("['");
  if (open == std::string_view::npos || !path.ends_with("']") || path.size() < open + 4)
    return false;
  base = path.substr(0, open);
  key = path.substr(open + 2, path.size() - open - 4);
  return true;
}

void ValidateDivisor(const Field& ref, Problems& problems) {
  const Quantity divisor = QuantityOf(ref["divisor"].value()).ValueOr(Quantity());
  if (divisor.IsZero()) return;
  const std::string& resource = ref["resource"].String();
  const std::string canonical = divisor.Canonical();
  const auto check = [&](std::string_view name, const std::vector<std::string>& units) {
    if (Contains(units, canonical)) return;
    std::string listed = base::Join(units, ", ");
    if (units.size() == 2) listed = units[0] + " and " + units[1];
    problems.InvalidText(
        ref["divisor"], resource,
        fmt::format("only divisor's values {} are supported with the {} resource", listed, name));
  };
  const std::vector<std::string> bytes = {"1",   "1k",  "1M",  "1G",  "1T",  "1P", "1E",
                                          "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};
  if (resource.ends_with(".cpu")) check("cpu", {"1m", "1"});
  if (resource.ends_with(".memory")) check("memory", bytes);
  if (resource.ends_with(".ephemeral-storage")) check("local ephemeral storage", bytes);
  if (resource.find(".hugepages-") != std::string::npos) check("hugepages", bytes);
}

void ValidateKeyRef(const Field& ref, Problems& problems) {
  const std::string& name = ref["name"].String();
  problems.InvalidText(ref["name"], name, CheckDns1123Subdomain(name));
  const std::string& key = ref["key"].String();
  if (key.empty()) {
    problems.Required(ref["key"]);
  } else {
    problems.InvalidText(ref["key"], key, CheckConfigKey(key));
  }
}

void ValidateValueFrom(const Field& variable, Problems& problems) {
  const Field from = variable["valueFrom"];
  if (!from.Present()) return;
  int sources = 0;
  for (const std::string_view kind :
       {"fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"}) {
    const Field ref = from[kind];
    if (!ref.Present()) continue;
    ++sources;
    if (kind == "fieldRef") ValidateFieldRef(ref, FieldRefs::kEnvironment, problems);
    if (kind == "resourceFieldRef")
      ValidateResourceFieldRef(ref, FieldRefs::kEnvironment, problems);
    if (kind == "configMapKeyRef" || kind == "secretKeyRef") ValidateKeyRef(ref, problems);
  }
  if (sources == 0) {
    problems.InvalidText(from, "",
                         "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
                         "`secretKeyRef` or `fileKeyRef`");
  } else if (!variable["value"].String().empty()) {
    problems.InvalidText(from, "", "may not be specified when `value` is not empty");
  } else if (sources > 1) {
    problems.InvalidText(from, "", "may not have more than one field specified at a time");
  }
}

void ValidateEnvFrom(const Field& list, Problems& problems) {
  for (const Field& item : list.Items()) {
    const std::string& prefix = item["prefix"].String();
    if (!prefix.empty()) problems.InvalidText(item["prefix"], prefix, CheckEnvName(prefix));
    int sources = 0;
    for (const char* kind : {"configMapRef", "secretRef"}) {
      if (!item[kind].Present()) continue;
      ++sources;
      const Field name = item[kind]["name"];
      if (name.String().empty()) {
        problems.Required(name);
      } else {
        problems.Invalid(name, CheckDns1123Subdomain(name.String()));
      }
    }
    const Field at = item.WithPath(list.path());  // upstream names no index here
    if (sources == 0)
      problems.InvalidText(at, "", "must specify one of: `configMapRef` or `secretRef`");
    if (sources > 1)
      problems.InvalidText(at, "", "may not have more than one field specified at a time");
  }
}

}  // namespace

void ValidateFieldRef(const Field& ref, FieldRefs use, Problems& problems) {
  const Field field = ref["fieldPath"];
  const std::string& path = field.String();
  if (path.empty()) return problems.Required(field);
  const auto not_convertible = [&](std::string_view why) {
    problems.Invalid(field, fmt::format("error converting fieldPath: {}", why));
  };
  if (const std::string version = ref["apiVersion"].StringOr("v1"); version != "v1") {
    return not_convertible("unsupported pod version: " + version);
  }
  std::string_view base_path;
  std::string_view key;
  if (SplitSubscript(path, base_path, key)) {
    if (base_path == "metadata.annotations" || base_path == "metadata.labels") {
      const std::string name =
          base_path == "metadata.annotations" ? base::ToLower(key) : std::string(key);
      return problems.InvalidText(ref, name, CheckQualifiedName(name));
    }
    return not_convertible("field label does not support subscript: " + path);
  }
  if (!Contains(kEnvironmentFields, path) && !Contains(kVolumeFields, path) &&
      !Contains(kOtherFields, path)) {
    return not_convertible("field label not supported: " + path);
  }
  const auto& supported = use == FieldRefs::kEnvironment ? kEnvironmentFields : kVolumeFields;
  if (!Contains(supported, path)) problems.NotSupported(field, path, supported);
}

void ValidateResourceFieldRef(const Field& ref, FieldRefs use, Problems& problems) {
  const Field resource = ref["resource"];
  const std::string& name = resource.String();
  if (use == FieldRefs::kVolume && ref["containerName"].String().empty()) {
    problems.Required(ref["containerName"]);
  } else if (name.empty()) {
    problems.Required(resource);
  } else if (!Contains(kResources, name) && !name.starts_with("limits.hugepages-") &&
             !name.starts_with("requests.hugepages-")) {
    problems.NotSupported(resource, name, kResources);
  }
  ValidateDivisor(ref, problems);
}

void ValidateEnvironment(const Field& container, Problems& problems) {
  for (const Field& variable : container["env"].Items()) {
    const Field name = variable["name"];
    if (name.String().empty()) {
      problems.Required(name);
    } else {
      problems.Invalid(name, CheckEnvName(name.String()));
    }
    ValidateValueFrom(variable, problems);
  }
  ValidateEnvFrom(container["envFrom"], problems);
}

}  // namespace keelson::kube
