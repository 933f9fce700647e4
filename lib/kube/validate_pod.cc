// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/names.h"
#include "lib/kube/validate.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {

void ValidateMeta(const Field& meta, Problems& problems) {
  const Field name = meta["name"];
  if (!name.String().empty()) {
    problems.Invalid(name, CheckDns1123Subdomain(name.String()));
  } else if (meta["generateName"].String().empty()) {
    problems.Required(name, "name or generateName is required");
  }
}

void ValidatePod(const Field& pod, Problems& problems) {
  ValidateMeta(pod["metadata"], problems);
  const Field containers = pod["spec"]["containers"];
  if (containers.value().items().empty()) problems.Required(containers);
}

void ValidateConfigObject(const Field& object, Problems& problems) { ValidateMeta(object["metadata"], problems); }

}  // namespace keelson::kube
