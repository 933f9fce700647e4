// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/policies.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::job {
namespace {

using json::Value;

bool CodeFits(const Value& rule, int64_t code) {
  const std::vector<Value>& values = rule.At({"values"}).items();
  const bool listed = std::any_of(values.begin(), values.end(),
                                  [&](const Value& value) { return value.AsInt() == code; });
  return listed == (rule.At({"operator"}).AsString() == "In");
}

// The first container that failed with such a code.
const Value* MatchExitCode(const Value& rule, const Value& status) {
  const std::string& name = rule.At({"containerName"}).AsString();
  for (const std::string_view list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Value& container : status.At({list}).items()) {
      if (!name.empty() && container.At({"name"}).AsString() != name) continue;
      const Value& ended = container.At({"state", "terminated"});
      const int64_t code = ended.At({"exitCode"}).AsInt();
      if (!ended.IsNull() && code != 0 && CodeFits(rule, code)) return &container;
    }
  }
  return nullptr;
}

const Value* MatchCondition(const Value& patterns, const Value& status) {
  for (const Value& condition : status.At({"conditions"}).items()) {
    for (const Value& pattern : patterns.items()) {
      if (pattern.At({"type"}) == condition.At({"type"}) &&
          pattern.At({"status"}) == condition.At({"status"})) {
        return &condition;
      }
    }
  }
  return nullptr;
}

OnFailure ReadAction(std::string_view text) {
  if (text == "Ignore") return OnFailure::kIgnore;
  if (text == "FailIndex") return OnFailure::kFailIndex;
  return text == "FailJob" ? OnFailure::kFailJob : OnFailure::kCount;
}

}  // namespace

Verdict Judge(const Spec& spec, const Pod& failed) {
  const std::vector<Value>& rules = spec.failure_policy.At({"rules"}).items();
  for (size_t i = 0; i < rules.size(); ++i) {
    const Value& codes = rules[i].At({"onExitCodes"});
    const Value* found = codes.IsNull()
                             ? MatchCondition(rules[i].At({"onPodConditions"}), failed.status)
                             : MatchExitCode(codes, failed.status);
    if (found == nullptr) continue;
    const std::string& action = rules[i].At({"action"}).AsString();
    Verdict verdict{ReadAction(action), ""};
    if (verdict.action != OnFailure::kFailJob) return verdict;
    const std::string pod = std::string(failed.pod->ns()) + "/" + std::string(failed.pod->name());
    verdict.message =
        codes.IsNull() ? fmt::format("Pod {} has condition {} matching {} rule at index {}", pod,
                                     found->At({"type"}).AsString(), action, i)
                       : fmt::format(
                             "Container {} for pod {} failed with exit code {} matching {} rule at "
                             "index {}",
                             found->At({"name"}).AsString(), pod,
                             found->At({"state", "terminated", "exitCode"}).AsInt(), action, i);
    return verdict;
  }
  return {};
}

std::optional<std::string> EnoughSucceeded(const Spec& spec, const Indexes& succeeded) {
  if (succeeded.size() == 0) return std::nullopt;
  const std::vector<Value>& rules = spec.job.At({"spec", "successPolicy", "rules"}).items();
  for (size_t i = 0; i < rules.size(); ++i) {
    const Value& list = rules[i].At({"succeededIndexes"});
    const Value& count = rules[i].At({"succeededCount"});
    bool enough = false;
    if (list.IsNull()) {
      enough = count.IsInt() && succeeded.size() >= count.AsInt();
    } else {
      const Indexes required = Indexes::Parse(list.AsString(), *spec.completions);
      const int64_t has = required.CountIn(succeeded);
      enough = has == required.size() || (count.IsInt() && has >= count.AsInt());
    }
    if (enough) return fmt::format("Matched rules at index {}", i);
  }
  return std::nullopt;
}

}  // namespace keelson::job
