// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "minimal-master/page/troubles.h"

namespace keelson::page {
namespace {

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

struct Trouble {
  Level level = Level::kBroken;
  Rank rank = kRankFailed;
  std::string says, detail;
  int64_t since = 0;
};

std::string EndOf(const Container& container) {
  if (container.last_reason == "OOMKilled") return "it used more memory than it may (OOMKilled)";
  if (container.last_reason.empty() && container.last_ended == 0) return container.message;
  return fmt::format("last ended with exit code {}{}", container.exit_code,
                     container.last_reason.empty() || container.last_reason == "Error"
                         ? ""
                         : fmt::format(" ({})", container.last_reason));
}

std::optional<Trouble> OfContainer(const Container& container, int64_t now) {
  const std::string& reason = container.reason;
  if (container.state == "waiting") {
    if (IsOneOf(reason,
                {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
                 "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"}))
      return Trouble{Level::kBroken, kRankImage, "its image cannot be pulled",
                     fmt::format("{}: {}", container.image,
                                 container.message.empty() ? reason : container.message)};
    if (IsOneOf(reason, {"CreateContainerConfigError", "CreateContainerError", "RunContainerError",
                         "StartError", "PostStartHookError", "PreCreateHookError",
                         "PreStartHookError", "ContainerCannotRun"}))
      return Trouble{Level::kBroken, kRankConfig, "a container cannot be started",
                     fmt::format("{}: {}", reason, container.message)};
    if (reason == "CrashLoopBackOff")
      return Trouble{
          Level::kBroken, kRankCrash, "a container ends again and again",
          fmt::format("{}: {} restarts, {}", container.name, container.restarts, EndOf(container)),
          container.last_ended};
  }
  // Between two runs of what the kubelet starts again.
  if (container.state != "waiting" && container.restarts > 0 &&
      container.last_reason == "OOMKilled" && now - container.last_ended < kRecently)
    return Trouble{Level::kWarning, kRankMemory, "a container was killed for its use of memory",
                   fmt::format("{}: {} restarts", container.name, container.restarts),
                   container.last_ended};
  if (container.state != "waiting" && container.restarts > 1 &&
      now - container.last_ended < kRecently)
    return Trouble{
        Level::kWarning, kRankCrash, "a container ends again and again",
        fmt::format("{}: {} restarts, {}", container.name, container.restarts, EndOf(container)),
        container.last_ended};
  return std::nullopt;
}

// What preemption would not bring either is left out: it says little, at length.
std::string WithoutPreemption(const std::string& message) {
  size_t end = message.size();
  for (const std::string_view from : {" no new claims to deallocate", " preemption: "})
    end = std::min(end, message.find(from));
  return message.substr(0, end);
}

// Before it has a node.
std::optional<Trouble> OfWaiting(const Pod& pod, int64_t now) {
  if (pod.scheduled == "False" && pod.scheduled_reason == "Unschedulable")
    return Trouble{Level::kBroken, kRankUnschedulable, "no node can take it",
                   WithoutPreemption(pod.scheduled_message), pod.scheduled_since};
  if (pod.scheduled_reason == "SchedulingGated") return std::nullopt;  // meant to wait
  if (now - pod.created < kWhile) return std::nullopt;
  return Trouble{Level::kBroken, kRankUnschedulable, "waits for a scheduler", pod.scheduled_message,
                 pod.created};
}

std::optional<Trouble> OfFailed(const Pod& pod) {
  if (pod.owner_kind == "Job") return std::nullopt;  // the Job tells
  return Trouble{Level::kWarning, kRankFailed,
                 pod.reason == "Evicted" ? "was evicted" : "has failed",
                 pod.message.empty() ? pod.reason : pod.message, 0};
}

std::optional<Trouble> OfPod(const Pod& pod, const Warnings& warnings, int64_t now,
                             const Container*& whose) {
  if (pod.phase == "Succeeded") return std::nullopt;
  if (pod.ends_by != 0) {
    if (now - pod.ends_by < kWhile) return std::nullopt;
    return Trouble{Level::kWarning, kRankEnd, "is being deleted and does not end", "", pod.ends_by};
  }
  if (pod.phase == "Failed") return OfFailed(pod);
  if (pod.node.empty()) return OfWaiting(pod, now);
  std::optional<Trouble> worst;
  for (const Container& container : pod.containers) {
    std::optional<Trouble> found = OfContainer(container, now);
    if (!found || (worst && worst->rank <= found->rank)) continue;
    worst = std::move(found);
    whose = &container;
  }
  if (worst && worst->rank != kRankMemory) return worst;
  const int64_t since = std::max(pod.ready_since, pod.created);
  if (pod.is_ready || now - since < kWhile) return worst;
  const auto warning = warnings.find(fmt::format("Pod/{}/{}", pod.ns, pod.name));
  const std::string told =
      warning == warnings.end()
          ? pod.ready_message
          : fmt::format("{}: {}", warning->second->reason, warning->second->message);
  if (pod.phase == "Pending")
    return Trouble{Level::kBroken, kRankStart, "does not start", told, since};
  return Trouble{Level::kWarning, kRankNotReady, "is not ready", told, since};
}

}  // namespace

std::optional<Finding> PodTrouble(const Pod& pod, const Warnings& warnings, int64_t now) {
  const Container* whose = nullptr;
  std::optional<Trouble> trouble = OfPod(pod, warnings, now, whose);
  if (!trouble) return std::nullopt;
  Finding out;
  out.level = trouble->level;
  out.kind = "Pod";
  out.ns = pod.ns;
  out.name = out.pod = pod.name;
  out.says = std::move(trouble->says);
  out.detail = std::move(trouble->detail);
  out.since = trouble->since != 0 ? trouble->since : pod.created;
  out.rank = trouble->rank;
  if (!pod.node.empty() && !pod.containers.empty())
    out.container = whose != nullptr ? whose->name : pod.containers.back().name;
  return out;
}

}  // namespace keelson::page
