// SPDX-License-Identifier: Apache-2.0
// apps, batch and autoscaling.
#include <fmt/format.h>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "lib/kube/quantity.h"
#include "minimal-master/table/kinds.h"
#include "minimal-master/table/text.h"

namespace keelson::table {
namespace {

using json::Value;

const Value& TemplateSpec(const Value& object) { return object.At({"spec", "template", "spec"}); }

Row Deployment(const Value& object, int64_t now) {
  const ContainerTexts containers = Containers(TemplateSpec(object));
  return RowWith(TextAt(object, {"metadata", "name"}),
                 fmt::format("{}/{}", NumberAt(object, {"status", "readyReplicas"}),
                             NumberAt(object, {"spec", "replicas"})),
                 NumberAt(object, {"status", "updatedReplicas"}),
                 NumberAt(object, {"status", "availableReplicas"}), Age(object, now),
                 containers.names, containers.images,
                 LabelSelector(object.At({"spec", "selector"})));
}

Row Replicas(const Value& object, int64_t now, std::string selector) {
  const ContainerTexts containers = Containers(TemplateSpec(object));
  return RowWith(TextAt(object, {"metadata", "name"}), NumberAt(object, {"spec", "replicas"}),
                 NumberAt(object, {"status", "replicas"}),
                 NumberAt(object, {"status", "readyReplicas"}), Age(object, now), containers.names,
                 containers.images, std::move(selector));
}

Row ReplicaSet(const Value& object, int64_t now) {
  return Replicas(object, now, LabelSelector(object.At({"spec", "selector"})));
}

Row ReplicationController(const Value& object, int64_t now) {
  return Replicas(object, now, Labels(object.At({"spec", "selector"})));
}

Row DaemonSet(const Value& object, int64_t now) {
  const ContainerTexts containers = Containers(TemplateSpec(object));
  return RowWith(
      TextAt(object, {"metadata", "name"}), NumberAt(object, {"status", "desiredNumberScheduled"}),
      NumberAt(object, {"status", "currentNumberScheduled"}),
      NumberAt(object, {"status", "numberReady"}),
      NumberAt(object, {"status", "updatedNumberScheduled"}),
      NumberAt(object, {"status", "numberAvailable"}),
      Labels(TemplateSpec(object).At({"nodeSelector"})), Age(object, now), containers.names,
      containers.images, LabelSelector(object.At({"spec", "selector"})));
}

Row StatefulSet(const Value& object, int64_t now) {
  const ContainerTexts containers = Containers(TemplateSpec(object));
  return RowWith(TextAt(object, {"metadata", "name"}),
                 fmt::format("{}/{}", NumberAt(object, {"status", "readyReplicas"}),
                             NumberAt(object, {"spec", "replicas"})),
                 Age(object, now), containers.names, containers.images);
}

Row PodTemplate(const Value& object, int64_t) {
  const ContainerTexts containers = Containers(object.At({"template", "spec"}));
  return RowWith(TextAt(object, {"metadata", "name"}), containers.names, containers.images,
                 Labels(object.At({"template", "metadata", "labels"})));
}

Row ControllerRevision(const Value& object, int64_t now) {
  std::string controller = "<none>";
  for (const Value& owner : object.At({"metadata", "ownerReferences"}).items()) {
    if (!TrueAt(owner, {"controller"})) continue;
    const std::string version = TextAt(owner, {"apiVersion"});
    const size_t slash = version.find('/');
    controller = base::ToLower(TextAt(owner, {"kind"}));
    if (slash != std::string::npos) controller += "." + version.substr(0, slash);
    controller += "/" + TextAt(owner, {"name"});
  }
  return RowWith(TextAt(object, {"metadata", "name"}), controller, NumberAt(object, {"revision"}),
                 Age(object, now));
}

std::string JobStatus(const Value& job) {
  for (const char* end : {"Complete", "Failed"}) {
    if (ConditionIsTrue(job, end)) return end;
  }
  if (!TextAt(job, {"metadata", "deletionTimestamp"}).empty()) return "Terminating";
  for (const char* state : {"Suspended", "FailureTarget", "SuccessCriteriaMet"}) {
    if (ConditionIsTrue(job, state)) return state;
  }
  return "Running";
}

std::string JobDuration(const Value& job, int64_t now) {
  const std::optional<int64_t> start = base::ParseRfc3339(TextAt(job, {"status", "startTime"}));
  if (!start) return "";
  const std::optional<int64_t> end = base::ParseRfc3339(TextAt(job, {"status", "completionTime"}));
  return HumanDuration((end.value_or(now) - *start) / 1'000'000'000);
}

Row Job(const Value& object, int64_t now) {
  const int64_t succeeded = NumberAt(object, {"status", "succeeded"});
  const Value& wanted = object.At({"spec", "completions"});
  const int64_t parallelism = NumberAt(object, {"spec", "parallelism"});
  std::string completions = fmt::format("{}/1", succeeded);
  if (wanted.IsNumber())
    completions = fmt::format("{}/{}", succeeded, wanted.AsInt());
  else if (parallelism > 1)
    completions = fmt::format("{}/1 of {}", succeeded, parallelism);
  const ContainerTexts containers = Containers(TemplateSpec(object));
  return RowWith(TextAt(object, {"metadata", "name"}), JobStatus(object), completions,
                 JobDuration(object, now), Age(object, now), containers.names, containers.images,
                 LabelSelector(object.At({"spec", "selector"})));
}

Row CronJob(const Value& object, int64_t now) {
  const Value& job = object.At({"spec", "jobTemplate", "spec"});
  const ContainerTexts containers = Containers(TemplateSpec(object.At({"spec", "jobTemplate"})));
  const Value& suspend = object.At({"spec", "suspend"});
  const std::string last = TextAt(object, {"status", "lastScheduleTime"});
  return RowWith(TextAt(object, {"metadata", "name"}), TextAt(object, {"spec", "schedule"}),
                 TextAtOr(object, {"spec", "timeZone"}, "<none>"),
                 !suspend.IsBool()  ? "<unset>"
                 : suspend.AsBool() ? "True"
                                    : "False",
                 static_cast<int64_t>(object.At({"status", "active"}).items().size()),
                 last.empty() ? "<none>" : Since(last, now), Age(object, now), containers.names,
                 containers.images, LabelSelector(job.At({"selector"})));
}

std::string Percent(const Value& value, std::string_view otherwise) {
  return value.IsNumber() ? fmt::format("{}%", value.AsInt()) : std::string(otherwise);
}

std::string Amount(const Value& value) {
  return value.IsNumber() ? std::to_string(value.AsInt()) : value.AsString();
}

std::string OrUnknown(std::string text) { return text.empty() ? "<unknown>" : text; }

// What is measured against what is aimed at, of one metric.
std::string Metric(const Value& spec, const Value& status) {
  const std::string type = TextAt(spec, {"type"});
  for (const auto& [name, key] :
       {std::pair{"Resource", "resource"}, std::pair{"ContainerResource", "containerResource"}}) {
    if (type != name) continue;
    const Value& target = spec.At({key, "target"});
    const Value& current = status.At({key, "current"});
    const std::string what = TextAt(spec, {key, "name"});
    if (const std::string value = Amount(target.At({"averageValue"})); !value.empty())
      return fmt::format("{}: {}/{}", what, OrUnknown(Amount(current.At({"averageValue"}))), value);
    return fmt::format("{}: {}/{}", what, Percent(current.At({"averageUtilization"}), "<unknown>"),
                       Percent(target.At({"averageUtilization"}), "<auto>"));
  }
  for (const auto& [name, key] : {std::pair{"Pods", "pods"}, std::pair{"Object", "object"},
                                  std::pair{"External", "external"}}) {
    if (type != name) continue;
    const Value& target = spec.At({key, "target"});
    const Value& current = status.At({key, "current"});
    if (const std::string value = Amount(target.At({"averageValue"})); !value.empty())
      return fmt::format("{}/{}{}", OrUnknown(Amount(current.At({"averageValue"}))), value,
                         type == "Pods" ? "" : " (avg)");
    return fmt::format("{}/{}", OrUnknown(Amount(current.At({"value"}))),
                       Amount(target.At({"value"})));
  }
  return "<unknown type>";
}

std::string Metrics(const Value& object) {
  std::vector<std::string> all;
  const std::vector<Value>& statuses = object.At({"status", "currentMetrics"}).items();
  const std::vector<Value>& specs = object.At({"spec", "metrics"}).items();
  for (size_t i = 0; i < specs.size(); ++i)
    all.push_back(Metric(specs[i], i < statuses.size() ? statuses[i] : Value()));
  // autoscaling/v1 knows of one metric, the processor.
  if (const Value& aim = object.At({"spec", "targetCPUUtilizationPercentage"}); aim.IsNumber())
    all.push_back(
        fmt::format("cpu: {}/{}%",
                    Percent(object.At({"status", "currentCPUUtilizationPercentage"}), "<unknown>"),
                    aim.AsInt()));
  if (all.empty()) return "<none>";
  if (all.size() <= 2) return base::Join(all, ", ");
  return fmt::format("{}, {} + {} more...", all[0], all[1], all.size() - 2);
}

Row HorizontalPodAutoscaler(const Value& object, int64_t now) {
  const Value& least = object.At({"spec", "minReplicas"});
  return RowWith(TextAt(object, {"metadata", "name"}),
                 TextAt(object, {"spec", "scaleTargetRef", "kind"}) + "/" +
                     TextAt(object, {"spec", "scaleTargetRef", "name"}),
                 Metrics(object), least.IsNumber() ? std::to_string(least.AsInt()) : "<unset>",
                 NumberAt(object, {"spec", "maxReplicas"}),
                 NumberAt(object, {"status", "currentReplicas"}), Age(object, now));
}

// All of a pod's containers together.
Row UseOf(const Value& object, int64_t) {
  kube::Quantity cpu, memory;
  const auto add = [&](const Value& usage) {
    if (const auto one = kube::Quantity::Parse(usage.At({"cpu"}).AsString()); one.ok())
      cpu = cpu + *one;
    if (const auto one = kube::Quantity::Parse(usage.At({"memory"}).AsString()); one.ok())
      memory = memory + *one;
  };
  if (const Value* usage = object.Find("usage")) add(*usage);
  for (const Value& container : object.At({"containers"}).items()) add(container.At({"usage"}));
  return RowWith(TextAt(object, {"metadata", "name"}), cpu.Canonical(), memory.Canonical(),
                 TextAt(object, {"window"}));
}

Row Scale(const Value& object, int64_t now) {
  return RowWith(TextAt(object, {"metadata", "name"}), NumberAt(object, {"spec", "replicas"}),
                 NumberAt(object, {"status", "replicas"}), Age(object, now));
}

}  // namespace

const Printer kWorkloadPrinters[] = {
    {"apps", "Deployment", Deployment},
    {"apps", "ReplicaSet", ReplicaSet},
    {"apps", "DaemonSet", DaemonSet},
    {"apps", "StatefulSet", StatefulSet},
    {"apps", "ControllerRevision", ControllerRevision},
    {"", "ReplicationController", ReplicationController},
    {"", "PodTemplate", PodTemplate},
    {"batch", "Job", Job},
    {"batch", "CronJob", CronJob},
    {"autoscaling", "HorizontalPodAutoscaler", HorizontalPodAutoscaler},
    {"autoscaling", "Scale", Scale},
    {"metrics.k8s.io", "NodeMetrics", UseOf},
    {"metrics.k8s.io", "PodMetrics", UseOf},
    {},
};

}  // namespace keelson::table
