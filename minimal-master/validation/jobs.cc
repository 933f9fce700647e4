// SPDX-License-Identifier: Apache-2.0
// Jobs and what makes them at times.
#include <set>

#include "lib/base/strings.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

void FailureRule(const Field& rule, Problems& problems) {
  const Field action = rule["action"];
  if (action.String().empty())
    problems.Required(action, "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
  else
    OneOf(action, {"Count", "FailIndex", "FailJob", "Ignore"}, problems);
  const Field codes = rule["onExitCodes"];
  const Field conditions = rule["onPodConditions"];
  const bool has_conditions = !conditions.value().items().empty();
  if (codes.Present()) {
    const Field op = codes["operator"];
    if (op.String().empty())
      problems.Required(op, "valid values: [\"In\" \"NotIn\"]");
    else
      OneOf(op, {"In", "NotIn"}, problems);
    const Field values = codes["values"];
    if (values.value().items().empty()) problems.Invalid(values, "at least one value is required");
    std::set<int64_t> seen;
    for (const Field& value : values.Items()) {
      if (op.String() == "In" && value.Int() == 0)
        problems.Invalid(value, "must not be 0 for the In operator");
      if (!seen.insert(value.Int()).second) problems.Duplicate(value);
    }
  }
  for (const Field& condition : conditions.Items()) {
    Named(condition["type"], kube::CheckQualifiedName, problems);
    const Field status = condition["status"];
    if (status.String().empty())
      problems.Required(status, "valid values: [\"False\" \"True\" \"Unknown\"]");
    else
      OneOf(status, {"False", "True", "Unknown"}, problems);
  }
  if (codes.Present() == has_conditions) {
    constexpr const char* kBoth =
        "specifying both OnExitCodes and OnPodConditions is not supported";
    constexpr const char* kNone = "specifying one of OnExitCodes and OnPodConditions is required";
    problems.Add(rule, fmt::format("Invalid value: {}", has_conditions ? kBoth : kNone));
  }
}

void JobSpec(const Field& spec, Problems& problems) {
  for (const char* field : {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                            "ttlSecondsAfterFinished", "maxFailedIndexes", "backoffLimitPerIndex"})
    NotNegative(spec[field], problems);
  const Field mode = spec["completionMode"];
  const bool indexed = mode.String() == "Indexed";
  if (mode.Present()) OneOf(mode, {"NonIndexed", "Indexed"}, problems);
  if (indexed) {
    if (!spec["completions"].Present())
      problems.Required(spec["completions"], "when completion mode is Indexed");
    if (spec["parallelism"].Int() > 100'000 && spec["completions"].Int() > 0)
      problems.Invalid(spec["parallelism"],
                       "must be less than or equal to 100000 when completion mode is Indexed");
  } else if (mode.String() == "NonIndexed" || !mode.Present()) {
    for (const char* field : {"backoffLimitPerIndex", "maxFailedIndexes"}) {
      if (spec[field].Present()) problems.Invalid(spec[field], "requires indexed completion mode");
    }
  }
  if (const Field replacement = spec["podReplacementPolicy"]; replacement.Present()) {
    if (spec["podFailurePolicy"].Present())
      OneOf(replacement, {"Failed"}, problems);
    else
      OneOf(replacement, {"Failed", "TerminatingOrFailed"}, problems);
  }
  const Field policy = spec["podFailurePolicy"];
  if (policy["rules"].value().items().size() > 20)
    problems.TooMany(policy["rules"], policy["rules"].value().items().size(), 20);
  for (const Field& rule : policy["rules"].Items()) FailureRule(rule, problems);
  Template(spec["template"], problems);
  const Field restart = spec["template"]["spec"]["restartPolicy"];
  // The default of a template is Always, which nobody wrote.
  if (!restart.Present() || restart.String().empty() || restart.String() == "Always") {
    problems.Required(restart, "valid values: \"OnFailure\", \"Never\"");
  } else {
    OneOf(restart, {"OnFailure", "Never"}, problems);
    if (policy.Present() && restart.String() == "OnFailure")
      problems.Invalid(restart, "only \"Never\" is supported when podFailurePolicy is specified");
  }
}

}  // namespace

void Job(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  JobSpec(spec, problems);
  const Field selector = spec["selector"];
  if (!selector.Present())
    problems.Required(selector);
  else
    kube::ValidateLabelSelector(selector, problems);
  const Field labels = spec["template"]["metadata"]["labels"];
  if (!Selects(selector, labels))
    problems.Invalid(labels, "`selector` does not match template `labels`");
}

void JobChange(const Field& now, const Field& before, Problems& problems) {
  Job(now, problems);  // upstream asks twice
  const Field spec = now["spec"];
  const Field old = before["spec"];
  const bool indexed = spec["completionMode"].String() == "Indexed";
  if (!indexed) Immutable(spec["completions"], old["completions"], problems);
  for (const char* field : {"selector", "template", "completionMode", "podFailurePolicy",
                            "backoffLimitPerIndex", "managedBy", "successPolicy"})
    Immutable(spec[field], old[field], problems);
}

void CronJob(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field schedule = spec["schedule"];
  if (schedule.String().empty()) {
    problems.Required(schedule);
  } else if (!schedule.String().starts_with('@')) {
    std::vector<std::string> words;
    for (const std::string_view word : base::Split(schedule.String(), ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
    if (words.size() != 5)
      problems.Invalid(schedule, fmt::format("expected exactly 5 fields, found {}: [{}]",
                                             words.size(), base::Join(words, " ")));
    else if (words[0].find_first_not_of("0123456789*,-/?") != std::string::npos)
      problems.Invalid(schedule, fmt::format("failed to parse int from {}", words[0]));
  }
  if (const Field zone = spec["timeZone"]; zone.Present()) {
    const std::string& name = zone.String();
    if (name.empty()) {
      problems.Invalid(zone, "timeZone must be nil or non-empty string");
    } else if (name == "Local") {
      problems.Invalid(zone,
                       "timeZone must be an explicit time zone as defined in "
                       "https://www.iana.org/time-zones");
    } else if (name.find_first_of(" .") != std::string::npos) {
      problems.Invalid(zone, fmt::format("unknown time zone {}", name));
    }
  }
  NotNegative(spec["startingDeadlineSeconds"], problems);
  const Field policy = spec["concurrencyPolicy"];
  RequiredOneOf(policy, {"Allow", "Forbid", "Replace"}, problems);
  JobSpec(spec["jobTemplate"]["spec"], problems);
  NotNegative(spec["successfulJobsHistoryLimit"], problems);
  NotNegative(spec["failedJobsHistoryLimit"], problems);
}

}  // namespace keelson::validation
