// SPDX-License-Identifier: Apache-2.0
// What may become of a running pod through the subresources that write one part of it.
#include <algorithm>

#include "lib/json/text.h"
#include "lib/json/value.h"
#include "minimal-master/strategy/strategy.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

using json::Value;

bool IsStatic(const Field& pod) {
  return pod["metadata"]["annotations"].Entry("kubernetes.io/config.mirror").Present();
}

bool IsSidecar(const Value& container) {
  return container.At({"restartPolicy"}).AsString() == "Always";
}

// A node that can resize says what its running containers have.
bool NodeCanResize(const Field& pod) {
  for (const Field& container : pod["status"]["containerStatuses"].Items()) {
    if (container["state"]["running"].Present()) return container["resources"].Present();
  }
  return true;
}

std::string QosOf(const Value& pod) {
  const std::string& said = pod.At({"status", "qosClass"}).AsString();
  return said.empty() ? std::string(strategy::QosClass(pod.At({"spec"}))) : said;
}

// True: the same containers stand in the same order.
bool SameContainers(const Field& spec, const Field& old, Problems& problems) {
  const size_t before = problems.count();
  for (const std::string list : {"containers", "initContainers"}) {
    const std::vector<Field> now = spec[list].Items();
    const std::vector<Field> was = old[list].Items();
    if (now.size() != was.size()) {
      problems.Forbidden(spec[list], list + " may not be added or removed on resize");
      continue;
    }
    for (size_t i = 0; i < now.size(); ++i) {
      if (now[i]["name"].String() != was[i]["name"].String())
        problems.Forbidden(now[i]["name"], list + " may not be renamed or reordered on resize");
    }
  }
  return problems.count() == before;
}

void NothingRemoved(const Field& now, const Field& old, Problems& problems) {
  for (const auto& [key, what] : {std::pair("requests", "resource requests cannot be removed"),
                                  std::pair("limits", "resource limits cannot be removed")}) {
    const Value& amounts = now[key].value();
    const auto& before = old[key].value().members();
    const bool all = std::all_of(before.begin(), before.end(), [&](const auto& member) {
      return amounts.Find(member.first) != nullptr;
    });
    if (!all) problems.Forbidden(now[key], what);
  }
}

// The container with the processor and memory of `old`; claims are no amounts.
Value WithAmountsOf(const Value& container, const Value& old) {
  Value out = container;
  Value resources = Value::Object();
  for (const char* key : {"requests", "limits"}) {
    const Value& now = container.At({"resources", key});
    Value amounts = now.IsObject() ? now : Value::Object();
    for (const char* resource : {"cpu", "memory"}) {
      amounts.Erase(resource);
      if (const Value& before = old.At({"resources", key, resource}); !before.IsNull())
        amounts.Set(resource, before);
    }
    resources.Set(key, std::move(amounts));
  }
  out.Set("resources", std::move(resources));
  return out;
}

bool SameContainer(const Value& a, const Value& b) { return Same(Field(a), Field(b)); }

// What was changed beside processor and memory.
void OnlyAmounts(const Field& spec, const Field& old, Problems& problems) {
  const auto pairs = [&](const char* list, const auto& each) {
    const auto& now = spec[list].value().items();
    const auto& was = old[list].value().items();
    for (size_t i = 0; i < was.size(); ++i) each(now[i], was[i]);
  };
  pairs("containers", [&](const Value& now, const Value& was) {
    if (!SameContainer(WithAmountsOf(now, was), was))
      problems.Forbidden(spec, "only cpu and memory resources are mutable");
  });
  pairs("initContainers", [&](const Value& now, const Value& was) {
    if (!IsSidecar(now)) {
      if (!SameContainer(now, was))
        problems.Forbidden(spec, "resources for non-sidecar init containers are immutable");
    } else if (!SameContainer(WithAmountsOf(now, was), was)) {
      problems.Forbidden(spec, "only cpu and memory resources for sidecar containers are mutable");
    }
  });
}

// What is about no field, as upstream's paths show that.
Field Nowhere() {
  static const Value kNothing;
  return Field(kNothing).WithPath("[]");
}

// Refused as a whole, whatever else is wrong.
void Whole(std::string_view why, Problems& problems) {
  problems = Problems();
  problems.Forbidden(Nowhere(), why);
}

}  // namespace

void EphemeralChange(const Field& now, const Field& before, Problems& problems) {
  if (IsStatic(before)) return Whole("static pods do not support ephemeral containers", problems);
  const Field all = now["spec"]["ephemeralContainers"];
  for (const Field& old : before["spec"]["ephemeralContainers"].Items()) {
    const std::string& name = old["name"].String();
    const auto& items = all.value().items();
    const auto found = std::find_if(items.begin(), items.end(), [&](const Value& each) {
      return each.At({"name"}).AsString() == name;
    });
    if (found == items.end())
      problems.Forbidden(all, fmt::format("existing ephemeral containers {} may not be removed",
                                          json::Quote(name)));
    else if (!SameContainer(*found, old.value()))
      problems.Forbidden(all, fmt::format("existing ephemeral containers {} may not be changed",
                                          json::Quote(name)));
  }
}

void Resize(const Field& now, const Field& before, Problems& problems) {
  const Field spec = now["spec"];
  const Field old = before["spec"];
  if (old["resources"].Present())
    return problems.Forbidden(
        Nowhere(),
        "resize of pods with pod-level resources is forbidden when "
        "InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled");
  if (IsStatic(before)) return Whole("static pods cannot be resized", problems);
  if (old["os"]["name"].String() == "windows")
    return Whole("windows pods cannot be resized", problems);
  if (QosOf(before.value()) != strategy::QosClass(spec.value()))
    problems.InvalidText(spec, now["status"]["qosClass"].String(),
                         "Pod QOS Class may not change as a result of resizing");
  if (!NodeCanResize(before))
    problems.Forbidden(spec, "Pod running on node without support for resize");
  if (!SameContainers(spec, old, problems)) return;
  const auto removed = [&](const char* list, bool sidecars_only) {
    const std::vector<Field> containers = spec[list].Items();
    const std::vector<Field> was = old[list].Items();
    for (size_t i = 0; i < was.size(); ++i) {
      if (!sidecars_only || IsSidecar(was[i].value()))
        NothingRemoved(containers[i]["resources"], was[i]["resources"], problems);
    }
  };
  removed("initContainers", true);
  removed("containers", false);
  OnlyAmounts(spec, old, problems);
}

}  // namespace keelson::validation
