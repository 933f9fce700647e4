// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/schema.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

constexpr std::string_view kHugePages = "hugepages-";

Quantity Amount(const Field& field) { return QuantityOf(field.value()).ValueOr(Quantity()); }

// Of Kubernetes itself: without a domain, or of its own.
bool IsNative(std::string_view name) {
  return name.find('/') == std::string_view::npos ||
         name.find("kubernetes.io/") != std::string_view::npos;
}
bool IsExtended(std::string_view name) {
  return !IsNative(name) && !name.starts_with("requests.") &&
         CheckQualifiedName("requests." + std::string(name)).empty();
}
bool MayExceedRequest(std::string_view name) {
  return IsNative(name) && !name.starts_with(kHugePages);
}

bool IsForContainers(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
         name.starts_with(kHugePages);
}
bool IsStandard(std::string_view name) {
  static const std::set<std::string_view> kQuotas = {"storage",
                                                     "pods",
                                                     "services",
                                                     "services.nodeports",
                                                     "services.loadbalancers",
                                                     "replicationcontrollers",
                                                     "configmaps",
                                                     "secrets",
                                                     "persistentvolumeclaims",
                                                     "resourcequotas",
                                                     "requests.cpu",
                                                     "requests.memory",
                                                     "limits.cpu",
                                                     "limits.memory",
                                                     "requests.storage",
                                                     "requests.ephemeral-storage",
                                                     "limits.ephemeral-storage"};
  return IsForContainers(name) || kQuotas.contains(name) || name.starts_with("requests.hugepages-");
}

void ValidateName(const Field& at, const std::string& name, Problems& problems) {
  const Complaints complaints = CheckQualifiedName(name);
  if (!complaints.empty()) return problems.InvalidText(at, name, complaints);
  if (name.find('/') == std::string::npos) {
    if (!IsStandard(name))
      problems.InvalidText(at, name, "must be a standard resource type or fully qualified");
    if (!IsForContainers(name))
      problems.InvalidText(at, name, "must be a standard resource for containers");
  } else if (!IsNative(name) && !IsExtended(name)) {
    problems.InvalidText(at, name, "doesn't follow extended resource name standard");
  }
}

void ValidateAmount(const Field& at, const std::string& name, Problems& problems) {
  const Quantity amount = Amount(at);
  const std::string shown = amount.Canonical();
  if (amount < Quantity()) problems.InvalidText(at, shown, "must be greater than or equal to 0");
  if (IsExtended(name) && amount.MilliValue() % 1000 != 0)
    problems.InvalidText(at, shown, "must be an integer");
  if (!name.starts_with(kHugePages)) return;
  const auto size = Quantity::Parse(std::string_view(name).substr(kHugePages.size()));
  if (size.ok() && size->Value() > 0 && amount.Value() % size->Value() != 0) {
    problems.InvalidText(at, shown,
                         fmt::format("{} is not positive integer multiple of {}", shown, name));
  }
}

void ValidateClaims(const Field& claims, const std::vector<std::string>& known,
                    Problems& problems) {
  std::set<std::string> seen;
  for (const Field& claim : claims.Items()) {
    const std::string& name = claim["name"].String();
    if (name.empty()) {
      problems.Required(claim["name"]);
    } else if (!seen.insert(name).second) {
      problems.Duplicate(claim, json::Quote(name));
    } else if (known.empty()) {
      problems.Add(
          claim,
          fmt::format(
              "Not found: {}: must be one of the names in pod.spec.resourceClaims which is empty",
              json::Quote(name)),
          ProblemKind::kNotFound);
    } else if (std::find(known.begin(), known.end(), name) == known.end()) {
      problems.NotFound(claim["name"], name);
    }
  }
}

// limits and requests against each other; `resources` is a container's or the pod's own.
void ValidateRequirements(const Field& resources, Problems& problems) {
  const Field limits = resources["limits"];
  const Field requests = resources["requests"];
  bool huge = false;
  bool ordinary = false;
  const auto check = [&](const Field& entry) {
    ValidateName(entry, entry.key(), problems);
    ValidateAmount(entry, entry.key(), problems);
    huge = huge || entry.key().starts_with(kHugePages);
    ordinary = ordinary || entry.key() == "cpu" || entry.key() == "memory";
  };
  for (const Field& limit : limits.Entries()) {
    check(limit);
    if (requests.value().Find(limit.key()) == nullptr && Amount(limit) < Quantity()) {
      // What requests nothing requests its limit, which upstream then checks too.
      const std::string shown = Amount(limit).Canonical();
      problems.InvalidText(requests.Entry(limit.key()), shown,
                           "must be greater than or equal to 0");
    }
  }
  for (const Field& request : requests.Entries()) {
    const std::string& name = request.key();
    check(request);
    const Field limit = limits[name];
    const Field blamed = request.WithPath(requests.path());
    const std::string shown = Amount(request).Canonical();
    if (limits.value().Find(name) == nullptr) {  // null is an amount: zero
      if (!MayExceedRequest(name))
        problems.Required(request.WithPath(limits.path()),
                          "Limit must be set for non overcommitable resources");
    } else if (Amount(request) != Amount(limit) && !MayExceedRequest(name)) {
      problems.InvalidText(
          blamed, shown,
          fmt::format("must be equal to {} limit of {}", name, Amount(limit).Canonical()));
    } else if (Amount(request) > Amount(limit)) {
      problems.InvalidText(blamed, shown,
                           fmt::format("must be less than or equal to {} limit of {}", name,
                                       Amount(limit).Canonical()));
    }
  }
  if (huge && !ordinary) problems.Forbidden(resources, "HugePages require cpu or memory");
}

void ValidateResizePolicy(const Field& policies, const std::string& restart_policy,
                          Problems& problems) {
  std::set<std::string> seen;
  for (const Field& item : policies.Items()) {
    const Field at = item.WithPath(policies.path());
    const std::string& name = item["resourceName"].String();
    const std::string& policy = item["restartPolicy"].String();
    if (!seen.insert(name).second) problems.Duplicate(item, json::Quote(name));
    if (name.empty()) {
      problems.Required(at);
    } else if (name != "cpu" && name != "memory") {
      problems.NotSupported(at, name, {"cpu", "memory"});
    }
    if (policy.empty()) {
      problems.Required(at);
    } else if (policy != "NotRequired" && policy != "RestartContainer") {
      problems.NotSupported(at, policy, {"NotRequired", "RestartContainer"});
    }
    if (restart_policy == "Never" && policy == "RestartContainer") {
      problems.InvalidText(at, policy, "must be 'NotRequired' when `restartPolicy` is 'Never'");
    }
  }
}

Quantity SumOfRequests(const Field& containers, const std::string& name) {
  Quantity sum;
  for (const Field& container : containers.Items()) {
    const Field resources = container["resources"];
    const Field request = resources["requests"][name];
    sum = sum + Amount(request.Present() ? request : resources["limits"][name]);
  }
  return sum;
}

}  // namespace

void ValidateContainerResources(const Field& container, const PodFacts& pod, bool init,
                                Problems& problems) {
  ValidateRequirements(container["resources"], problems);
  ValidateClaims(container["resources"]["claims"], pod.claims, problems);
  const Field policies = container["resizePolicy"];
  if (init && !policies.value().items().empty()) {
    problems.Invalid(policies, "must not be set for init containers");
  } else {
    ValidateResizePolicy(policies, pod.restart_policy, problems);
  }
}

void ValidatePodResources(const Field& spec, Problems& problems) {
  for (const Field& entry : spec["overhead"].Entries()) {
    ValidateName(entry, entry.key(), problems);
    ValidateAmount(entry, entry.key(), problems);
  }
  const Field resources = spec["resources"];
  if (!resources.Present()) return;
  if (!resources["claims"].value().items().empty())
    problems.Forbidden(resources["claims"], "claims may not be set for Resources at pod-level");
  ValidateRequirements(resources, problems);
  for (const char* part : {"limits", "requests"}) {
    for (const Field& entry : resources[part].Entries()) {
      if (!entry.key().starts_with(kHugePages) && entry.key() != "cpu" && entry.key() != "memory") {
        problems.NotSupported(entry, entry.key(), {"cpu", "hugepages-", "memory"});
      }
    }
  }
  for (const Field& entry : resources["requests"].Entries()) {
    const Quantity sum = SumOfRequests(spec["containers"], entry.key());
    if (Amount(entry) < sum) {
      problems.InvalidText(
          entry, Amount(entry).Canonical(),
          fmt::format("must be greater than or equal to aggregate container requests of {}",
                      sum.Canonical()));
    }
  }
  const std::vector<Field> containers = spec["containers"].Items();
  for (size_t i = 0; i < containers.size(); ++i) {
    for (const Field& limit : containers[i]["resources"]["limits"].Entries()) {
      const Field most = resources["limits"][limit.key()];
      if (most.Present() && Amount(limit) > Amount(most)) {
        // Where upstream says that it is.
        const std::string path =
            fmt::format("{}.containers[{}][{}].limits", resources.path(), i, limit.key());
        problems.InvalidText(limit.WithPath(path), Amount(limit).Canonical(),
                             fmt::format("must be less than or equal to pod limits of {}",
                                         Amount(most).Canonical()));
      }
    }
  }
}

}  // namespace keelson::kube
