// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/hpa/replicas.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/kube/quantity.h"
#include "minimal-master/control/times.h"

namespace keelson::hpa {
namespace {

using json::Value;

struct Groups {
  int64_t ready = 0;
  std::set<std::string> unready, missing, ignored;
};

const Value* ConditionOf(const Value& pod, std::string_view type) {
  for (const Value& condition : pod.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return &condition;
  }
  return nullptr;
}

// A pod that starts uses more than it will: its sample says nothing yet.
bool IsStarting(const Value& pod, const Sample& sample, const Timing& timing) {
  const Value* ready = ConditionOf(pod, "Ready");
  const int64_t started = SecondsOf(pod.At({"status", "startTime"}).AsString());
  if (ready == nullptr || started == 0) return true;
  const bool is_false = ready->At({"status"}).AsString() == "False";
  const int64_t since = SecondsOf(ready->At({"lastTransitionTime"}).AsString());
  if (started + timing.cpu_initialization > timing.now)
    return is_false || sample.seconds < since + sample.window_seconds;
  return is_false && started + timing.initial_readiness > since;
}

Groups GroupPods(const std::vector<Value>& pods, const std::map<std::string, Sample>& samples,
                 const std::string& resource, const Timing& timing) {
  Groups out;
  for (const Value& pod : pods) {
    const std::string& name = pod.At({"metadata", "name"}).AsString();
    const std::string& phase = pod.At({"status", "phase"}).AsString();
    const auto sample = samples.find(name);
    if (pod.At({"metadata", "deletionTimestamp"}).IsString() || phase == "Failed") {
      out.ignored.insert(name);
    } else if (phase == "Pending") {
      out.unready.insert(name);
    } else if (sample == samples.end()) {
      out.missing.insert(name);
    } else if (resource == "cpu" && IsStarting(pod, sample->second, timing)) {
      out.unready.insert(name);
    } else {
      ++out.ready;
    }
  }
  return out;
}

// Of every pod, in thousandths.
base::Result<std::map<std::string, int64_t>> RequestsOf(const std::vector<Value>& pods,
                                                        const Request& request) {
  std::map<std::string, int64_t> out;
  for (const Value& pod : pods) {
    const std::string& name = pod.At({"metadata", "name"}).AsString();
    int64_t sum = 0;
    const auto add = [&](const Value& container) -> base::Status {
      const std::string& container_name = container.At({"name"}).AsString();
      if (!request.container.empty() && request.container != container_name) return base::Ok();
      const Value& amount = container.At({"resources", "requests", request.resource});
      const base::Result<kube::Quantity> quantity =
          amount.IsString() ? kube::Quantity::Parse(amount.AsString())
                            : kube::Quantity::Parse(std::to_string(amount.AsInt()));
      if (amount.IsNull() || !quantity.ok()) {
        return base::FailedPrecondition("missing request for {} in container {} of Pod {}",
                                        request.resource, container_name, name);
      }
      sum += quantity->MilliValue();
      return base::Ok();
    };
    for (const Value& container : pod.At({"spec", "containers"}).items())
      RETURN_IF_ERROR(add(container));
    for (const Value& container : pod.At({"spec", "initContainers"}).items()) {
      if (container.At({"restartPolicy"}).AsString() == "Always") RETURN_IF_ERROR(add(container));
    }
    out[name] = sum;
  }
  return out;
}

using Values = std::map<std::string, int64_t>;  // by pod, in thousandths

struct Ratio {
  double ratio = 0;
  std::optional<int64_t> utilization;
  int64_t average = 0;
};

base::Result<Ratio> RatioOf(const Values& values, const Values& requests, const Request& request) {
  int64_t used = 0;
  int64_t requested = 0;
  int64_t count = 0;
  for (const auto& [pod, value] : values) {
    const auto found = requests.find(pod);
    if (request.utilization && found == requests.end()) continue;
    used += value;
    if (request.utilization) requested += found->second;
    ++count;
  }
  Ratio out;
  out.average = count == 0 ? 0 : used / count;
  if (!request.utilization) {
    out.ratio = static_cast<double>(out.average) / static_cast<double>(*request.average_milli);
    return out;
  }
  if (requested == 0) return base::FailedPrecondition("no metrics returned matched known pods");
  out.utilization = used * 100 / requested;
  out.ratio = static_cast<double>(*out.utilization) / static_cast<double>(*request.utilization);
  return out;
}

bool Tolerated(double ratio, const Request& request) {
  return ratio >= 1.0 - request.tolerance_down && ratio <= 1.0 + request.tolerance_up;
}

int64_t Ceil(double value) {
  return static_cast<int64_t>(std::ceil(std::min(value, static_cast<double>(INT32_MAX))));
}

}  // namespace

int64_t SecondsOf(std::string_view time) {
  return control::ReadTime(time).value_or(0) / 1'000'000'000;
}

base::Result<Answer> ReplicasFor(const Request& request, int64_t current,
                                 const std::vector<Value>& pods, const Usage& usage,
                                 const Timing& timing) {
  std::map<std::string, Sample> samples;
  Values values;
  for (const Value& pod : pods) {
    const std::string& name = pod.At({"metadata", "name"}).AsString();
    std::optional<Sample> sample;
    if (usage) sample = usage(pod.At({"metadata", "namespace"}).AsString(), name);
    if (!sample) continue;
    int64_t sum = 0;
    bool all = !sample->containers.empty();
    for (const auto& [container, amounts] : sample->containers) {
      if (!request.container.empty() && container != request.container) continue;
      const auto amount = amounts.find(request.resource);
      if (amount == amounts.end()) all = false;
      if (amount != amounts.end()) sum += amount->second;
    }
    if (!all) continue;
    values[name] = sum;
    samples.emplace(name, *std::move(sample));
  }
  if (values.empty()) {
    return base::NotFound(
        "unable to get metrics for resource {}: no metrics returned from resource metrics API",
        request.resource);
  }
  if (pods.empty())
    return base::NotFound("no pods returned by selector while calculating replica count");
  const Groups groups = GroupPods(pods, samples, request.resource, timing);
  for (const std::string& name : groups.ignored) values.erase(name);
  for (const std::string& name : groups.unready) values.erase(name);
  if (values.empty()) {
    return base::NotFound("did not receive metrics for targeted pods (pods might be unready)");
  }
  Values requests;
  if (request.utilization) {
    ASSIGN_OR_RETURN(requests, RequestsOf(pods, request));
  }
  ASSIGN_OR_RETURN(const Ratio first, RatioOf(values, requests, request));
  Answer out{current, first.utilization, first.average};
  const bool up_with_unready = !groups.unready.empty() && first.ratio > 1.0;
  if (!up_with_unready && groups.missing.empty()) {
    if (!Tolerated(first.ratio, request))
      out.replicas = Ceil(first.ratio * static_cast<double>(groups.ready));
    return out;
  }
  // What is not known must not make the change larger: nobody is taken to be idle on the way down,
  // nor busy on the way up.
  for (const std::string& name : groups.missing) {
    if (first.ratio < 1.0) {
      values[name] = request.utilization
                         ? requests[name] * std::max<int64_t>(100, *request.utilization) / 100
                         : *request.average_milli;
    } else if (first.ratio > 1.0) {
      values[name] = 0;
    }
  }
  if (up_with_unready) {
    for (const std::string& name : groups.unready) values[name] = 0;
  }
  ASSIGN_OR_RETURN(const Ratio second, RatioOf(values, requests, request));
  if (Tolerated(second.ratio, request) || (first.ratio < 1.0 && second.ratio > 1.0) ||
      (first.ratio > 1.0 && second.ratio < 1.0))
    return out;
  const int64_t replicas = Ceil(second.ratio * static_cast<double>(values.size()));
  if ((second.ratio < 1.0 && replicas > current) || (second.ratio > 1.0 && replicas < current))
    return out;
  out.replicas = replicas;
  return out;
}

}  // namespace keelson::hpa
