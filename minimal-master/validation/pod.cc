// SPDX-License-Identifier: Apache-2.0
// A pod itself, where templates know less, and what may become of it.
#include <algorithm>

#include "lib/json/value.h"
#include "lib/kube/validate.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

using json::Value;

void TokensNeedAnAccount(const Field& spec, Problems& problems) {
  if (!spec["serviceAccountName"].String().empty()) return;
  for (const Field& volume : spec["volumes"].Items()) {
    for (const Field& source : volume["projected"]["sources"].Items()) {
      if (source["serviceAccountToken"].Present())
        problems.Forbidden(source["serviceAccountToken"],
                           "must not be specified when serviceAccountName is not set");
    }
  }
}

// True: a container came or went, and nothing more is to be said.
bool CountsChanged(const Field& now, const Field& before, Problems& problems) {
  for (const char* list : {"containers", "initContainers"}) {
    const Field containers = now[list];
    if (containers.value().items().size() != before[list].value().items().size()) {
      problems.Forbidden(containers, "pod updates may not add or remove containers");
      return true;
    }
    for (const Field& container : containers.Items()) Required(container["image"], problems);
  }
  return false;
}

void DeadlineChange(const Field& now, const Field& before, Problems& problems) {
  if (now.Present()) {
    if (now.Int() < 0 || now.Int() > INT32_MAX)
      problems.Invalid(now, "must be between 0 and 2147483647, inclusive");
    if (before.Present() && before.Int() < now.Int())
      problems.Invalid(now, "must be less than or equal to previous value");
  } else if (before.Present()) {
    problems.Invalid(now, "must not update from a positive integer to nil value");
  }
}

Value WithoutSeconds(const Value& toleration) {
  Value copy = toleration;
  copy.Erase("tolerationSeconds");
  return copy;
}

void TolerationsOnlyGrow(const Field& now, const Field& before, Problems& problems) {
  const auto& items = now.value().items();
  for (const Value& old : before.value().items()) {
    const Value wanted = WithoutSeconds(old);
    const bool kept = std::any_of(items.begin(), items.end(), [&](const Value& each) {
      return WithoutSeconds(each) == wanted;
    });
    if (!kept)
      return problems.Forbidden(
          now, "existing toleration can not be modified except its tolerationSeconds");
  }
}

void GatesOnlyShrink(const Field& now, const Field& before, Problems& problems) {
  const auto& items = before.value().items();
  for (const Field& gate : now.Items()) {
    const std::string& name = gate["name"].String();
    const bool known = std::any_of(items.begin(), items.end(), [&](const Value& each) {
      return each.At({"name"}).AsString() == name;
    });
    if (!known)
      problems.Forbidden(
          gate["name"],
          fmt::format("only deletion is allowed, but found new scheduling gate '{}'", name));
  }
}

// What an update may set, taken from the pod as it was.
Value WithOldOf(const Value& spec, const Value& old) {
  Value copy = spec;
  const auto take = [&](const char* key) {
    if (const Value* value = old.Find(key))
      copy.Set(key, *value);
    else
      copy.Erase(key);
  };
  for (const char* list : {"containers", "initContainers"}) {
    Value* mine = copy.Find(list);
    const Value* theirs = old.Find(list);
    if (mine == nullptr || theirs == nullptr) continue;
    for (size_t i = 0; i < mine->items().size() && i < theirs->items().size(); ++i)
      mine->items()[i].Set("image", theirs->items()[i].At({"image"}));
  }
  take("activeDeadlineSeconds");
  take("tolerations");
  take("schedulingGates");
  // Of a pod that waits at a gate, the places it may go to may be narrowed.
  if (!old.At({"schedulingGates"}).items().empty()) {
    take("nodeSelector");
    take("affinity");
  }
  if (old.At({"terminationGracePeriodSeconds"}).AsInt() < 0 &&
      spec.At({"terminationGracePeriodSeconds"}).AsInt() == 1)
    take("terminationGracePeriodSeconds");
  // Two names of one field; what admission and others fill in is not the writer's.
  copy.Erase("serviceAccount");
  return copy;
}

}  // namespace

void PodObject(const Field& pod, Problems& problems) {
  const Field spec = pod["spec"];
  const Field mirror = pod["metadata"]["annotations"].Entry("kubernetes.io/config.mirror");
  if (mirror.Present() && spec["nodeName"].String().empty())
    problems.Invalid(mirror, "must set spec.nodeName if mirror pod annotation is set");
  kube::ValidatePodSpec(spec, problems);
  TokensNeedAnAccount(spec, problems);
  kube::ValidateImages(spec, problems);
}

void PodCreate(const Field& pod, Problems& problems) {
  const Field ephemeral = pod["spec"]["ephemeralContainers"];
  if (!ephemeral.value().items().empty()) problems.Forbidden(ephemeral, "cannot be set on create");
}

void PodChange(const Field& now, const Field& before, Problems& problems) {
  const Field spec = now["spec"];
  const Field old = before["spec"];
  if (CountsChanged(spec, old, problems)) return;
  DeadlineChange(spec["activeDeadlineSeconds"], old["activeDeadlineSeconds"], problems);
  GatesOnlyShrink(spec["schedulingGates"], old["schedulingGates"], problems);
  TolerationsOnlyGrow(spec["tolerations"], old["tolerations"], problems);
  const Value rest = WithOldOf(spec.value(), old.value());
  const Value was = WithOldOf(old.value(), old.value());
  if (!Same(Field(rest), Field(was))) {
    problems.Forbidden(
        spec,
        "pod updates may not change fields other than "
        "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
        "`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
        "negative)");
  }
}

}  // namespace keelson::validation
