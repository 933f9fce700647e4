// SPDX-License-Identifier: Apache-2.0
// Nodes, namespaces, configuration, events, leases.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/strings.h"
#include "minimal-master/table/kinds.h"
#include "minimal-master/table/text.h"

namespace keelson::table {
namespace {

using json::Value;

std::string Name(const Value& object) { return TextAt(object, {"metadata", "name"}); }

std::string NodeStatus(const Value& node) {
  std::string status = "Unknown";
  if (Condition(node, "Ready") != nullptr)
    status = ConditionIsTrue(node, "Ready") ? "Ready" : "NotReady";
  if (TrueAt(node, {"spec", "unschedulable"})) status += ",SchedulingDisabled";
  return status;
}

std::string Roles(const Value& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  for (const auto& [key, value] : node.At({"metadata", "labels"}).members()) {
    if (key.starts_with(kPrefix) && key.size() > kPrefix.size())
      roles.insert(key.substr(kPrefix.size()));
    if (key == "kubernetes.io/role" && !value.AsString().empty()) roles.insert(value.AsString());
  }
  if (roles.empty()) return "<none>";
  return base::Join({roles.begin(), roles.end()}, ",");
}

std::string Address(const Value& node, std::string_view type) {
  for (const Value& address : node.At({"status", "addresses"}).items()) {
    if (address.At({"type"}).AsString() == type) return TextAt(address, {"address"});
  }
  return "<none>";
}

Row Node(const Value& object, int64_t now) {
  const Value& info = object.At({"status", "nodeInfo"});
  return RowWith(Name(object), NodeStatus(object), Roles(object), Age(object, now),
                 TextAt(info, {"kubeletVersion"}), Address(object, "InternalIP"),
                 Address(object, "ExternalIP"), TextAtOr(info, {"osImage"}, "<unknown>"),
                 TextAtOr(info, {"kernelVersion"}, "<unknown>"),
                 TextAtOr(info, {"containerRuntimeVersion"}, "<unknown>"));
}

Row Namespace(const Value& object, int64_t now) {
  return RowWith(Name(object), TextAt(object, {"status", "phase"}), Age(object, now));
}

int64_t Members(const Value& object, std::string_view key) {
  return static_cast<int64_t>(object.At({key}).members().size());
}

Row ConfigMap(const Value& object, int64_t now) {
  return RowWith(Name(object), Members(object, "data") + Members(object, "binaryData"),
                 Age(object, now));
}

Row Secret(const Value& object, int64_t now) {
  return RowWith(Name(object), TextAt(object, {"type"}), Members(object, "data"), Age(object, now));
}

Row ServiceAccount(const Value& object, int64_t now) {
  return RowWith(Name(object), Age(object, now));
}

Row ComponentStatus(const Value& object, int64_t) {
  std::string status = "Unknown";
  std::string message;
  std::string error;
  for (const Value& condition : object.At({"conditions"}).items()) {
    if (TextAt(condition, {"type"}) != "Healthy") continue;
    status = TextAt(condition, {"status"}) == "True" ? "Healthy" : "Unhealthy";
    message = TextAt(condition, {"message"});
    error = TextAtOr(condition, {"error"}, "");
  }
  return RowWith(Name(object), status, message, error);
}

// Both APIs of events, of which one has renamed the other's fields.
struct EventKeys {
  const char* object;
  const char* message;
  const char* first;
  const char* last;
  const char* count;
  const char* source;
};
constexpr EventKeys kCoreEvent{"involvedObject", "message", "firstTimestamp",
                               "lastTimestamp",  "count",   "source"};
constexpr EventKeys kNewEvent{"regarding",
                              "note",
                              "deprecatedFirstTimestamp",
                              "deprecatedLastTimestamp",
                              "deprecatedCount",
                              "deprecatedSource"};

Row Event(const Value& object, const EventKeys& keys, int64_t now) {
  const std::string first =
      Since(TextAtOr(object, {keys.first}, TextAt(object, {"eventTime"})), now);
  const std::string last_time = TextAt(object, {keys.last});
  std::string last = last_time.empty() ? first : Since(last_time, now);
  int64_t count = NumberAt(object, {keys.count});
  if (const Value& series = object.At({"series"}); series.IsObject()) {
    last = Since(TextAt(series, {"lastObservedTime"}), now);
    count = NumberAt(series, {"count"});
  } else if (count == 0) {
    count = 1;
  }
  const Value& about = object.At({keys.object});
  std::string target = base::ToLower(TextAt(about, {"kind"}));
  if (const std::string name = TextAt(about, {"name"}); !name.empty()) target += "/" + name;
  const char* controller = &keys == &kCoreEvent ? "reportingComponent" : "reportingController";
  std::string source = TextAtOr(object, {keys.source, "component"}, TextAt(object, {controller}));
  if (const std::string host =
          TextAtOr(object, {keys.source, "host"}, TextAt(object, {"reportingInstance"}));
      !host.empty())
    source += ", " + host;
  return RowWith(last, TextAt(object, {"type"}), TextAt(object, {"reason"}), target,
                 TextAt(about, {"fieldPath"}), source,
                 base::Trim(object.At({keys.message}).AsString()), first, count, Name(object));
}

Row CoreEvent(const Value& object, int64_t now) { return Event(object, kCoreEvent, now); }
Row NewEvent(const Value& object, int64_t now) { return Event(object, kNewEvent, now); }

Row Lease(const Value& object, int64_t now) {
  return RowWith(Name(object), TextAt(object, {"spec", "holderIdentity"}), Age(object, now));
}

Row RuntimeClass(const Value& object, int64_t now) {
  return RowWith(Name(object), TextAt(object, {"handler"}), Age(object, now));
}

Row PriorityClass(const Value& object, int64_t now) {
  return RowWith(Name(object), NumberAt(object, {"value"}), TrueAt(object, {"globalDefault"}),
                 Age(object, now), TextAt(object, {"preemptionPolicy"}));
}

Row ResourceQuota(const Value& object, int64_t now) {
  std::vector<std::string> requests;
  std::vector<std::string> limits;
  std::vector<json::Value::Member> hard = object.At({"status", "hard"}).members();
  std::sort(hard.begin(), hard.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [name, most] : hard) {
    const std::string text = fmt::format(
        "{}: {}/{}", name, TextAtOr(object, {"status", "used", name}, "0"), most.AsString());
    (name.starts_with("limits") ? limits : requests).push_back(text);
  }
  return RowWith(Name(object), base::Join(requests, ", "), base::Join(limits, ", "),
                 Age(object, now));
}

}  // namespace

const Printer kClusterPrinters[] = {
    {"", "Node", Node},
    {"", "Namespace", Namespace},
    {"", "ConfigMap", ConfigMap},
    {"", "Secret", Secret},
    {"", "ServiceAccount", ServiceAccount},
    {"", "ComponentStatus", ComponentStatus},
    {"", "Event", CoreEvent},
    {"", "ResourceQuota", ResourceQuota},
    {"events.k8s.io", "Event", NewEvent},
    {"coordination.k8s.io", "Lease", Lease},
    {"node.k8s.io", "RuntimeClass", RuntimeClass},
    {"scheduling.k8s.io", "PriorityClass", PriorityClass},
    {},
};

}  // namespace keelson::table
