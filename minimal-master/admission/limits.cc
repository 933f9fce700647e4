// SPDX-License-Identifier: Apache-2.0
// LimitRanger: what containers ask for when they do not say, and how much they, their pods and
// claims may.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/strings.h"
#include "lib/kube/quantity.h"
#include "lib/kube/schema.h"
#include "minimal-master/admission/plugins.h"

namespace keelson::admission {
namespace {

using kube::Quantity;
using Amounts = std::map<std::string, Quantity>;

Amounts Read(const Value& amounts) {
  Amounts out;
  for (const auto& [name, text] : amounts.members()) {
    const base::Result<Quantity> amount = kube::QuantityOf(text);
    if (amount.ok()) out[name] = *amount;
  }
  return out;
}

void ForEachLimit(const Request& request, const Facts& facts,
                  const std::function<void(const Value&)>& each) {
  facts.ForEach("", "limitranges", request.ns, [&](const Value& range) {
    for (const Value& limit : range.At({"spec", "limits"}).items()) each(limit);
  });
}

// Fills what is left out; the names of what was.
std::vector<std::string> Fill(Value& container, const char* key, const Value& from) {
  std::vector<std::string> filled;
  if (from.members().empty()) return filled;
  if (container.Find("resources") == nullptr) container.Set("resources", Value::Object());
  Value& resources = *container.Find("resources");
  for (const auto& [name, amount] : from.members()) {
    if (!resources.At({key, name}).IsNull()) continue;
    if (resources.Find(key) == nullptr) resources.Set(key, Value::Object());
    resources.Find(key)->Set(name, amount);
    filled.push_back(name);
  }
  std::sort(filled.begin(), filled.end());
  return filled;
}

// One thing that is limited: what it asks for and what it may use.
struct Use {
  const char* type;  // "Container", "Pod", "PersistentVolumeClaim"
  Amounts requests;
  Amounts limits;
};

const Quantity* Find(const Amounts& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? nullptr : &found->second;
}

void CheckMinimum(const Value& limit, const Use& use, std::vector<std::string>& problems) {
  for (const auto& [name, least] : Read(limit.At({"min"}))) {
    const Quantity* request = Find(use.requests, name);
    const Quantity* most = Find(use.limits, name);
    if (request == nullptr)
      problems.push_back(fmt::format("minimum {} usage per {} is {}.  No request is specified",
                                     name, use.type, least.Canonical()));
    else if (*request < least)
      problems.push_back(fmt::format("minimum {} usage per {} is {}, but request is {}", name,
                                     use.type, least.Canonical(), request->Canonical()));
    if (most != nullptr && *most < least)
      problems.push_back(fmt::format("minimum {} usage per {} is {}, but limit is {}", name,
                                     use.type, least.Canonical(), most->Canonical()));
  }
}

void CheckMaximum(const Value& limit, const Use& use, std::vector<std::string>& problems) {
  const bool claim = std::string_view(use.type) == "PersistentVolumeClaim";
  for (const auto& [name, bound] : Read(limit.At({"max"}))) {
    const Quantity* request = Find(use.requests, name);
    const Quantity* most = claim ? request : Find(use.limits, name);
    if (most == nullptr)
      problems.push_back(fmt::format("maximum {} usage per {} is {}.  No limit is specified", name,
                                     use.type, bound.Canonical()));
    else if (bound < *most)
      problems.push_back(fmt::format("maximum {} usage per {} is {}, but {} is {}", name, use.type,
                                     bound.Canonical(), claim ? "request" : "limit",
                                     most->Canonical()));
    if (!claim && request != nullptr && bound < *request)
      problems.push_back(fmt::format("maximum {} usage per {} is {}, but request is {}", name,
                                     use.type, bound.Canonical(), request->Canonical()));
  }
}

void CheckRatio(const Value& limit, const Use& use, std::vector<std::string>& problems) {
  for (const auto& [name, ratio] : Read(limit.At({"maxLimitRequestRatio"}))) {
    const std::string rule = fmt::format("{} max limit to request ratio per {} is {}", name,
                                         use.type, ratio.Canonical());
    const Quantity* request = Find(use.requests, name);
    const Quantity* most = Find(use.limits, name);
    if (request == nullptr || request->IsZero()) {
      problems.push_back(rule + ", but no request is specified or request is 0");
    } else if (most == nullptr || most->IsZero()) {
      problems.push_back(rule + ", but no limit is specified or limit is 0");
    } else {
      const double is =
          static_cast<double>(most->MilliValue()) / static_cast<double>(request->MilliValue());
      if (is > static_cast<double>(ratio.MilliValue()) / 1000)
        problems.push_back(fmt::format("{}, but provided ratio is {:f}", rule, is));
    }
  }
}

void CheckUse(const Request& request, const Facts& facts, const Use& use,
              std::vector<std::string>& problems) {
  ForEachLimit(request, facts, [&](const Value& limit) {
    if (limit.At({"type"}).AsString() != use.type) return;
    CheckMinimum(limit, use, problems);
    CheckMaximum(limit, use, problems);
    if (std::string_view(use.type) != "PersistentVolumeClaim") CheckRatio(limit, use, problems);
  });
}

void Add(Amounts& sum, const Amounts& more) {
  for (const auto& [name, amount] : more) sum[name] = sum[name] + amount;
}

Use OfPod(const Value& pod) {
  Use use{"Pod", {}, {}};
  for (const Value& container : pod.At({"spec", "containers"}).items()) {
    Add(use.requests, Read(container.At({"resources", "requests"})));
    Add(use.limits, Read(container.At({"resources", "limits"})));
  }
  // Those that run before need room for themselves alone.
  for (const Value& container : pod.At({"spec", "initContainers"}).items()) {
    for (const auto& [name, amount] : Read(container.At({"resources", "requests"})))
      use.requests[name] = std::max(use.requests[name], amount);
    for (const auto& [name, amount] : Read(container.At({"resources", "limits"})))
      use.limits[name] = std::max(use.limits[name], amount);
  }
  return use;
}

}  // namespace

void ApplyLimitDefaults(Value& pod, const Request& request, const Facts& facts) {
  std::vector<std::string> said;
  ForEachLimit(request, facts, [&](const Value& limit) {
    if (limit.At({"type"}).AsString() != "Container") return;
    for (const auto& [kind, word] :
         {std::pair{"containers", "container"}, std::pair{"initContainers", "init container"}}) {
      Value* spec = pod.Find("spec");
      Value* containers = spec == nullptr ? nullptr : spec->Find(kind);
      if (containers == nullptr) continue;
      for (Value& container : containers->items()) {
        const std::string name = container.At({"name"}).AsString();
        for (const auto& [key, from, what] : {std::tuple{"requests", "defaultRequest", "request"},
                                              std::tuple{"limits", "default", "limit"}}) {
          const std::vector<std::string> filled = Fill(container, key, limit.At({from}));
          if (!filled.empty())
            said.push_back(
                fmt::format("{} {} for {} {}", base::Join(filled, ", "), what, word, name));
        }
      }
    }
  });
  if (said.empty()) return;
  Value* metadata = pod.Find("metadata");
  if (metadata == nullptr) return;
  if (metadata->Find("annotations") == nullptr) metadata->Set("annotations", Value::Object());
  metadata->Find("annotations")
      ->Set("kubernetes.io/limit-ranger",
            Value("LimitRanger plugin set: " + base::Join(said, "; ")));
}

Verdict WithinLimits(const Request& request, const Value& object, const Facts& facts) {
  const bool resize = request.resource == "pods" && request.subresource == "resize";
  if (!request.group.empty() || request.ns.empty()) return true;
  if (!request.subresource.empty() && !resize) return true;
  std::vector<std::string> problems;
  if (resize || (request.resource == "pods" && request.operation == Operation::kCreate)) {
    for (const char* kind : {"containers", "initContainers"}) {
      for (const Value& container : object.At({"spec", kind}).items())
        CheckUse(request, facts,
                 {"Container", Read(container.At({"resources", "requests"})),
                  Read(container.At({"resources", "limits"}))},
                 problems);
    }
    CheckUse(request, facts, OfPod(object), problems);
  } else if (request.resource == "persistentvolumeclaims") {
    CheckUse(request, facts,
             {"PersistentVolumeClaim", Read(object.At({"spec", "resources", "requests"})), {}},
             problems);
  }
  if (problems.empty()) return true;
  return Forbid(
      request, object,
      problems.size() == 1 ? problems[0] : fmt::format("[{}]", base::Join(problems, ", ")));
}

}  // namespace keelson::admission
