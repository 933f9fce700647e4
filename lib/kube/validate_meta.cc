// SPDX-License-Identifier: Apache-2.0
#include "lib/base/strings.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

constexpr size_t kAnnotationBytes = 256 << 10;

}  // namespace

void ValidateAnnotations(const Field& annotations, Problems& problems) {
  size_t bytes = 0;
  for (const Field& entry : annotations.Entries()) {
    problems.InvalidText(entry.WithPath(annotations.path()), entry.key(),
                         CheckQualifiedName(base::ToLower(entry.key())));
    bytes += entry.key().size() + entry.String().size();
  }
  if (bytes > kAnnotationBytes) problems.TooLong(annotations, kAnnotationBytes);
}

namespace {

void ValidateOwners(const Field& owners, Problems& problems) {
  std::string controller;
  for (const Field& item : owners.Items()) {
    const Field owner = item.WithPath(owners.path());  // upstream names no index here
    const std::string& version = owner["apiVersion"].String();
    const auto parts = base::Split(version, '/');
    if (parts.size() > 2 || parts.back().empty())
      problems.InvalidText(owner["apiVersion"], version, "version must not be empty");
    for (const char* field : {"kind", "name", "uid"}) {
      if (owner[field].String().empty())
        problems.InvalidText(owner[field], "", "must not be empty");
    }
    const std::string& kind = owner["kind"].String();
    if (kind == "Event" && (version == "v1" || version == "events.k8s.io/v1")) {
      problems.Invalid(owner, fmt::format("{}, Kind=Event is disallowed from being an owner",
                                          version == "v1" ? "/v1" : version));
    }
    if (!owner["controller"].Bool()) continue;
    std::string named = kind + "/" + owner["name"].String();
    if (controller.empty()) {
      controller = std::move(named);
    } else {
      problems.Invalid(owners, fmt::format("Only one reference can have Controller set to true. "
                                           "Found \"true\" in references for {} and {}",
                                           controller, named));
    }
  }
}

void ValidateFinalizers(const Field& finalizers, Problems& problems) {
  bool orphan = false;
  bool foreground = false;
  for (const Field& item : finalizers.Items()) {
    const std::string& name = item.String();
    problems.InvalidText(item.WithPath(finalizers.path()), name, CheckQualifiedName(name));
    orphan = orphan || name == "orphan";
    foreground = foreground || name == "foregroundDeletion";
    if (name.find('/') == std::string::npos && name != "kubernetes" && name != "orphan" &&
        name != "foregroundDeletion") {
      problems.InvalidText(item, name,
                           "name is neither a standard finalizer name nor is it fully qualified");
    }
  }
  if (orphan && foreground)
    problems.Invalid(finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
}

}  // namespace

void ValidateLabels(const Field& labels, Problems& problems) {
  for (const Field& entry : labels.Entries()) {
    const Field at = entry.WithPath(labels.path());
    problems.InvalidText(at, entry.key(), CheckQualifiedName(entry.key()));
    problems.InvalidText(at, entry.String(), CheckLabelValue(entry.String()));
  }
}

void ValidateMeta(const Field& meta, Problems& problems,
                  Complaints (*check_name)(std::string_view)) {
  const Field name = meta["name"];
  const Field prefix = meta["generateName"];
  if (!prefix.String().empty()) {
    std::string whole = prefix.String();
    if (whole.size() > 1 && whole.back() == '-')
      whole.back() = 'a';  // the random end follows the dash
    problems.InvalidText(prefix, prefix.String(), check_name(whole));
  }
  if (!name.String().empty()) {
    problems.Invalid(name, check_name(name.String()));
  } else if (prefix.String().empty()) {
    problems.Required(name, "name or generateName is required");
  }
  const Field space = meta["namespace"];
  if (!space.String().empty()) problems.Invalid(space, CheckDns1123Label(space.String()));
  if (meta["generation"].Int() < 0)
    problems.Invalid(meta["generation"], "must be greater than or equal to 0");
  ValidateLabels(meta["labels"], problems);
  ValidateAnnotations(meta["annotations"], problems);
  ValidateOwners(meta["ownerReferences"], problems);
  ValidateFinalizers(meta["finalizers"], problems);
}

}  // namespace keelson::kube
