// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/namespaces/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "minimal-master/control/objects.h"
#include "minimal-master/control/times.h"

namespace keelson::controllers::namespaces {
namespace {

using control::Write;
using json::Value;

constexpr int64_t kFinalizerSeconds = 15;  // what is waited for finalizers at a time

struct Said {
  const char* type;
  const char* good_reason;
  const char* good_message;
  const char* bad_reason;
  std::string bad;  // empty: all is well
};

bool IsPods(const schema::Resource& resource) {
  return resource.group().empty() && resource.name() == "pods";
}

bool IsHeldByCollector(const Value& object) {
  for (const Value& one : object.At({"metadata", "finalizers"}).items()) {
    if (one.AsString() == "orphan" || one.AsString() == "foregroundDeletion") return true;
  }
  return false;
}

std::string Joined(std::vector<std::string> parts) {
  std::sort(parts.begin(), parts.end());
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string ContentsLeft(const std::vector<Content>& contents) {
  std::vector<std::string> parts;
  for (const Content& content : contents) {
    if (content.objects.empty()) continue;
    parts.push_back(fmt::format("{}.{} has {} resource instances", content.resource->name(),
                                content.resource->group(), content.objects.size()));
  }
  if (parts.empty()) return {};
  return "Some resources are remaining: " + Joined(std::move(parts));
}

std::string FinalizersLeft(const std::vector<Content>& contents) {
  std::map<std::string, int> counts;
  for (const Content& content : contents) {
    for (const Value& object : content.objects) {
      for (const Value& one : object.At({"metadata", "finalizers"}).items())
        ++counts[one.AsString()];
    }
  }
  if (counts.empty()) return {};
  std::vector<std::string> parts;
  for (const auto& [finalizer, count] : counts)
    parts.push_back(fmt::format("{} in {} resource instances", finalizer, count));
  return "Some content in the namespace has finalizers remaining: " + Joined(std::move(parts));
}

std::string Failures(const std::vector<std::string>& errors) {
  if (errors.empty()) return {};
  return fmt::format("Failed to delete all resource types, {} remaining: {}", errors.size(),
                     Joined(errors));
}

Value ConditionOf(const Said& said, const Value& old, int64_t now) {
  const bool bad = !said.bad.empty();
  const char* status = bad ? "True" : "False";
  Value out;
  out.Set("type", Value(said.type));
  out.Set("status", Value(status));
  out.Set("lastTransitionTime", old.At({"status"}).AsString() == status
                                    ? old.At({"lastTransitionTime"})
                                    : Value(control::TimeText(now)));
  out.Set("reason", Value(bad ? said.bad_reason : said.good_reason));
  out.Set("message", bad ? Value(said.bad) : Value(said.good_message));
  return out;
}

Value ConditionsOf(const Rest& rest) {
  const Said all[] = {
      {"NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered",
       "All resources successfully discovered", "", ""},
      {"NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions",
       "All legacy kube types successfully parsed", "", ""},
      {"NamespaceDeletionContentFailure", "ContentDeleted",
       "All content successfully deleted, may be waiting on finalization", "ContentDeletionFailed",
       Failures(rest.errors)},
      {"NamespaceContentRemaining", "ContentRemoved", "All content successfully removed",
       "SomeResourcesRemain", ContentsLeft(rest.contents)},
      {"NamespaceFinalizersRemaining", "ContentHasNoFinalizers",
       "All content-preserving finalizers finished", "SomeFinalizersRemain",
       FinalizersLeft(rest.contents)},
  };
  Value conditions = rest.space.At({"status", "conditions"});
  if (!conditions.IsArray()) conditions = Value::Array();
  for (const Said& said : all) {
    auto& items = conditions.items();
    const auto there = std::find_if(items.begin(), items.end(), [&](const Value& one) {
      return one.At({"type"}).AsString() == said.type;
    });
    if (there == items.end()) {
      conditions.Append(ConditionOf(said, Value(), rest.now));
    } else {
      *there = ConditionOf(said, *there, rest.now);
    }
  }
  return conditions;
}

// How long what is left may take; 0: nobody knows of anything to wait for.
int64_t SecondsLeft(const Rest& rest) {
  int64_t longest = 0;
  const int64_t begun =
      control::ReadTime(rest.space.At({"metadata", "deletionTimestamp"}).AsString())
          .value_or(rest.now);
  for (const Content& content : rest.contents) {
    for (const Value& object : content.objects) {
      if (!object.At({"metadata", "finalizers"}).items().empty())
        longest = std::max(longest, kFinalizerSeconds);
      if (!IsPods(*content.resource)) continue;
      const std::string& phase = object.At({"status", "phase"}).AsString();
      if (phase == "Succeeded" || phase == "Failed") continue;
      const int64_t grace = object.At({"spec", "terminationGracePeriodSeconds"}).AsInt();
      if (rest.now - begun < grace * 1'000'000'000) longest = std::max(longest, grace);
    }
  }
  return longest;
}

bool IsEmpty(const std::vector<Content>& contents) {
  return std::all_of(contents.begin(), contents.end(),
                     [](const Content& content) { return content.objects.empty(); });
}

}  // namespace

bool IsEnding(const Value& space) {
  return control::IsBeingDeleted(space) && !space.At({"spec", "finalizers"}).items().empty();
}

std::vector<Write> PlanDeletes(const std::vector<Content>& contents) {
  const bool pods = std::any_of(contents.begin(), contents.end(), [](const Content& content) {
    return IsPods(*content.resource) && !content.objects.empty();
  });
  std::vector<Write> writes;
  for (const Content& content : contents) {
    if (pods && !IsPods(*content.resource)) continue;
    for (const Value& object : content.objects) {
      if (control::IsBeingDeleted(object) && !IsHeldByCollector(object)) continue;
      writes.push_back(control::Delete(*content.resource,
                                       object.At({"metadata", "namespace"}).AsString(),
                                       object.At({"metadata", "name"}).AsString(),
                                       object.At({"metadata", "uid"}).AsString(), "Background"));
    }
  }
  return writes;
}

Planned PlanEnd(const Rest& rest) {
  Planned planned;
  const schema::Resource& resource = control::ResourceNamed("", "namespaces");
  const bool done = IsEmpty(rest.contents) && rest.errors.empty();
  Value conditions = ConditionsOf(rest);
  if (!(conditions == rest.space.At({"status", "conditions"})) && !done) {
    Value space = rest.space;
    Value status = space.At({"status"}).IsObject() ? space.At({"status"}) : Value::Object();
    status.Set("phase", Value("Terminating"));
    status.Set("conditions", std::move(conditions));
    space.Set("status", std::move(status));
    planned.writes.push_back(control::Update(resource, std::move(space), "status"));
  }
  if (!done) {
    planned.again = std::chrono::seconds(SecondsLeft(rest) / 2 + 1);
    return planned;
  }
  Value space = rest.space;
  Value kept = Value::Array();
  for (const Value& one : space.At({"spec", "finalizers"}).items()) {
    if (one.AsString() != kFinalizer) kept.Append(one);
  }
  if (kept == space.At({"spec", "finalizers"})) return planned;
  space.Find("spec")->Set("finalizers", std::move(kept));
  planned.writes.push_back(control::Update(resource, std::move(space), "finalize"));
  return planned;
}

}  // namespace keelson::controllers::namespaces
