// SPDX-License-Identifier: Apache-2.0
// Storage classes and claims.
#include <algorithm>

#include "lib/base/strings.h"
#include "lib/kube/schema.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {

void StorageClass(const Field& object, Problems& problems) {
  const Field provisioner = object["provisioner"];
  if (provisioner.String().empty())
    problems.Required(provisioner);
  else
    problems.Invalid(provisioner, kube::CheckQualifiedName(base::ToLower(provisioner.String())));
  for (const Field& parameter : object["parameters"].Entries()) {
    if (parameter.key().empty())
      problems.InvalidText(object["parameters"], "", "field must not be empty.");
  }
  if (const Field policy = object["reclaimPolicy"]; !policy.String().empty())
    OneOf(policy, {"Delete", "Retain"}, problems);
  const Field mode = object["volumeBindingMode"];
  if (!mode.Present())
    problems.Required(mode);
  else
    OneOf(mode, {"Immediate", "WaitForFirstConsumer"}, problems);
}

void StorageClassChange(const Field& now, const Field& before, Problems& problems) {
  for (const char* field : {"parameters", "provisioner", "reclaimPolicy"}) {
    if (!Same(now[field], before[field]))
      problems.Forbidden(now[field], fmt::format("updates to {} are forbidden.", field));
  }
  Immutable(now["volumeBindingMode"], before["volumeBindingMode"], problems);
}

void ClaimSpec(const Field& spec, Problems& problems) {
  const Field modes = spec["accessModes"];
  if (modes.value().items().empty()) problems.Required(modes, "at least 1 access mode is required");
  bool alone = false;
  for (const Field& mode : modes.Items()) {
    alone = alone || mode.String() == "ReadWriteOncePod";
    OneOf(mode.WithPath(modes.path()),
          {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"}, problems);
  }
  if (alone && modes.value().items().size() > 1)
    problems.Forbidden(modes, "may not use ReadWriteOncePod with other access modes");
  if (spec["selector"].Present()) kube::ValidateLabelSelector(spec["selector"], problems);
  // Upstream leaves "requests" out of this path.
  const Field storage = spec["resources"]["requests"]["storage"];
  const Field at = storage.WithPath(spec["resources"].path() + "[storage]");
  if (!storage.Present()) {
    problems.Required(at);
  } else {
    const kube::Quantity amount = kube::QuantityOf(storage.value()).ValueOr(kube::Quantity());
    if (!(kube::Quantity() < amount))
      problems.InvalidText(storage, amount.Canonical(), "must be greater than zero");
  }
  if (const Field name = spec["storageClassName"]; !name.String().empty())
    Named(name, kube::CheckDns1123Subdomain, problems);
  if (const Field mode = spec["volumeMode"]; mode.Present())
    OneOf(mode, {"Block", "Filesystem"}, problems);
}

void Claim(const Field& object, Problems& problems) { ClaimSpec(object["spec"], problems); }

void ClaimChange(const Field& now, const Field& before, Problems& problems) {
  for (const char* field : {"accessModes", "selector", "storageClassName", "volumeMode",
                            "dataSource", "dataSourceRef"}) {
    if (Same(now["spec"][field], before["spec"][field])) continue;
    return problems.Forbidden(
        now["spec"],
        "spec is immutable after creation except resources.requests and volumeAttributesClassName "
        "for bound claims");
  }
}

}  // namespace keelson::validation
