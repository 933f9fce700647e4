// SPDX-License-Identifier: Apache-2.0
// Events, as core/v1 and as events.k8s.io/v1 names them; refusals have core's names in both.
#include <fmt/format.h>

#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

struct Vocabulary {
  std::string_view regarding, controller, note, source, first, last, count;
};
constexpr Vocabulary kCore{"involvedObject", "reportingComponent", "message", "source",
                           "firstTimestamp", "lastTimestamp",      "count"};
constexpr Vocabulary kEvents{
    "regarding",        "reportingController",      "note",
    "deprecatedSource", "deprecatedFirstTimestamp", "deprecatedLastTimestamp",
    "deprecatedCount"};
constexpr size_t kLongestWord = 128;
constexpr size_t kLongestNote = 1024;

bool IsSet(const Field& field) { return field.Present() && !Same(field, Field(json::Value())); }

void Namespaces(const Field& about, const std::string& space, bool timed, Problems& problems) {
  const Field theirs = about["namespace"].WithPath("involvedObject.namespace");
  const std::string& name = theirs.String();
  const bool anywhere = space.empty() || space == "default" || (timed && space == "kube-system");
  if (name.empty() ? !anywhere : (!timed && name != space))
    problems.InvalidText(theirs, name, "does not match event.namespace");
}

void Word(const Field& field, size_t most, Problems& problems) {
  if (field.String().size() > most)
    problems.InvalidText(field, "", fmt::format("can have at most {} characters", most));
}

void Always(const Field& event, const Vocabulary& names, Problems& problems) {
  const std::string& space = event["metadata"]["namespace"].String();
  const bool timed = IsSet(event["eventTime"]);
  Namespaces(event[names.regarding], space, timed, problems);
  if (timed) {
    const Field controller = event[names.controller];
    if (controller.String().empty()) problems.Required(controller);
    problems.InvalidText(controller, controller.String(),
                         kube::CheckQualifiedName(controller.String()));
    for (const std::string_view name : {"reportingInstance", "action", "reason"}) {
      if (event[name].String().empty()) problems.Required(event[name]);
      Word(event[name], kLongestWord, problems);
    }
    Word(event[names.note].WithPath("message"), kLongestNote, problems);
  }
  problems.InvalidText(event["metadata"]["namespace"].WithPath("namespace"), space,
                       kube::CheckDns1123Subdomain(space));
}

void Series(const Field& event, Problems& problems) {
  const Field series = event["series"];
  if (!series.Present()) return;
  if (series["count"].Int() < 2) problems.InvalidText(series["count"], "", "should be at least 2");
  if (!IsSet(series["lastObservedTime"])) problems.Required(series["lastObservedTime"]);
}

}  // namespace

void CoreEvent(const Field& event, Problems& problems) { Always(event, kCore, problems); }

void NewEvent(const Field& event, Problems& problems) { Always(event, kEvents, problems); }

void NewEventCreate(const Field& event, Problems& problems) {
  const Field name = event["metadata"]["name"];
  if (!name.String().empty())
    problems.InvalidText(name, name.String(), kube::CheckDns1123Subdomain(name.String()));
  Series(event, problems);
  if (!IsSet(event["eventTime"])) problems.Required(event["eventTime"]);
  const std::string& type = event["type"].String();
  if (type != "Normal" && type != "Warning")
    problems.InvalidText(event["type"], "", "has invalid value: " + type);
  const std::pair<std::string_view, const char*> unset[] = {{kEvents.first, "firstTimestamp"},
                                                            {kEvents.last, "lastTimestamp"},
                                                            {kEvents.count, "count"},
                                                            {kEvents.source, "source"}};
  for (const auto& [member, path] : unset) {
    if (const Field field = event[member]; IsSet(field))
      problems.InvalidText(field.WithPath(path), "", "needs to be unset");
  }
}

void NewEventChange(const Field& now, const Field& before, Problems& problems) {
  if (!Same(now["series"], before["series"])) Series(now, problems);
  const std::pair<std::string_view, const char*> kept[] = {
      {kEvents.regarding, "involvedObject"},
      {"reason", "reason"},
      {kEvents.note, "message"},
      {kEvents.source, "source"},
      {kEvents.first, "firstTimestamp"},
      {kEvents.last, "lastTimestamp"},
      {kEvents.count, "count"},
      {"reason", "reason"},  // upstream asks twice
      {"type", "type"},
      {"eventTime", "eventTime"},
      {"action", "action"},
      {"related", "related"},
      {kEvents.controller, "reportingController"},
      {"reportingInstance", "reportingInstance"}};
  for (const auto& [member, path] : kept)
    Immutable(now[member].WithPath(path), before[member], problems);
}

}  // namespace keelson::validation
