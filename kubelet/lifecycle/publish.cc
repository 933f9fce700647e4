// SPDX-License-Identifier: Apache-2.0
// What people see of pods: events and pictures for the readers.
#include <algorithm>

#include "kubelet/lifecycle/agent.h"
#include "kubelet/status/changes.h"
#include "lib/base/log.h"

namespace keelson::lifecycle {

using pod::ContainerFact;
using pod::RunState;

void Agent::Note(Entry& entry, bool warning, const std::string& reason, const std::string& message,
                 const std::map<std::string, std::string>& annotations) {
  const kube::ObjectMeta& metadata = entry.facts.pod.metadata;
  const std::string pod = metadata.namespace_name + "/" + metadata.name;
  (warning ? base::LogWarn : base::LogInfo)(message, {{"pod", pod}, {"reason", reason}});
  entry.events.Add(Now(), warning, reason, message);
  if (d_.cluster != nullptr && !entry.orphan)
    d_.cluster->Happened(entry.facts.pod, warning, reason, message, annotations);
}

// Containers that ran when last looked at and have ended, or ended before anybody looked.
void Agent::NoteEnds(Entry& entry, const pod::Observed& now) {
  for (const ContainerFact& container : now.containers) {
    if (container.state != RunState::kExited || !entry.ends_noted.insert(container.id).second ||
        entry.facts.memory.kills.contains(container.id))
      continue;
    std::string text = "container " + container.name + " ended by itself: exit code " +
                       std::to_string(container.exit_code) + " (" + container.reason + ")";
    // The last line says why, as a rule; the whole message is in the status.
    const std::string words =
        container.message.substr(0, container.message.find_last_not_of('\n') + 1);
    if (!words.empty()) text += ": " + words.substr(words.rfind('\n') + 1);
    Note(entry, container.exit_code != 0, container.exit_code != 0 ? "Failed" : "Completed", text);
  }
  std::erase_if(entry.ends_noted, [&](const std::string& id) {
    return std::none_of(now.containers.begin(), now.containers.end(),
                        [&](const ContainerFact& c) { return c.id == id; });
  });
}

void Agent::Publish(Entry& entry) {
  const pod::Facts& facts = entry.facts;
  const kube::ObjectMeta& metadata = facts.pod.metadata;
  PodPicture picture{
      .name = metadata.name, .namespace_name = metadata.namespace_name, .uid = metadata.uid};
  json::Value status =
      status::StatusOf(facts, d_.addresses, Now(), entry.facts.memory.condition_changes);
  for (const status::Event& event : status::EventsBetween(entry.status, status, metadata))
    Note(entry, event.warning, event.reason, event.message);
  entry.status = status;
  Show(entry, status);
  const std::string phase = status.At({"phase"}).AsString();
  // The run that the status calls the last one: of a container that waits to run again, the one
  // that has just ended.
  std::map<std::string, std::string> last_runs;  // by container, the runtime's id
  for (const char* list :
       {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"}) {
    for (const json::Value& container : status.At({list}).items()) {
      const std::string& id = container.At({"lastState", "terminated", "containerID"}).AsString();
      if (const size_t scheme = id.find("://"); scheme != std::string::npos)
        last_runs[container.At({"name"}).AsString()] = id.substr(scheme + 3);
    }
  }
  picture.document = json::WriteJson(status::PodDocument(facts, std::move(status)));
  std::string& text = picture.explanation;
  text = "pod " + metadata.namespace_name + "/" + metadata.name + " (" + phase + ")\nplan:\n";
  if (entry.plan.actions.empty()) text += "  nothing to do\n";
  for (const sync::Action& action : entry.plan.actions)
    text += "  " + sync::Describe(action) + "\n";
  if (!entry.plan.waits.empty()) text += "waits for:\n";
  for (const std::string& wait : entry.plan.waits) text += "  " + wait + "\n";
  text += "what happened:\n";
  for (const std::string& event : entry.events.Lines()) text += "  " + event + "\n";
  for (const pod::SandboxFact& sandbox : facts.observed.sandboxes)
    picture.runs = picture.runs || sandbox.ready;
  kube::ForEachContainer(facts.pod.spec,
                         [&](const kube::Container& container) { picture.logs[container.name]; });
  for (const pod::ContainerFact& container : facts.observed.containers) {
    picture.runs = picture.runs || container.state == RunState::kRunning;
    PodPicture::Log& log = picture.logs[container.name];
    if (log.present.empty() && container.state != RunState::kCreated) {
      log.present = container.log_path;
      log.running = container.state == RunState::kRunning;
    }
    const auto last = last_runs.find(container.name);
    if (last != last_runs.end() && last->second == container.id) log.previous = container.log_path;
  }
  d_.view.Set(std::move(picture));
}

}  // namespace keelson::lifecycle
