// SPDX-License-Identifier: Apache-2.0
// What must hold for every document that the decoder of pods takes or refuses, whatever the
// document is.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "lib/base/strings.h"
#include "lib/kube/decode.h"

namespace keelson::fuzz {

inline void Require(bool good, const char* what, const json::Value& document) {
  if (good) return;
  fprintf(stderr, "%s:\n%s\n", what, json::WriteYaml(document).c_str());
  abort();
}

inline void CheckRefusal(const std::string& message, const json::Value& document, bool with_lines) {
  for (std::string_view line : base::Split(message, '\n')) {
    Require(line.starts_with("line "), "a refusal without a line", document);
    Require(!base::ContainsControlCharacter(line), "a refusal with control characters", document);
    Require(!with_lines || !line.starts_with("line 0:"), "a refusal that blames no line", document);
  }
}

inline void CheckPod(const kube::Pod& pod, const json::Value& document) {
  const kube::PodSpec& spec = pod.spec;
  Require(!spec.containers.empty(), "a pod without containers", document);
  std::set<std::string> volumes;
  for (const kube::Volume& volume : spec.volumes)
    Require(volumes.insert(volume.name).second, "two volumes of a name", document);
  std::set<std::string> names;
  for (const auto* list : {&spec.containers, &spec.init_containers}) {
    for (const kube::Container& container : *list) {
      Require(!container.image.empty(), "no image", document);
      Require(!container.name.empty() && names.insert(container.name).second,
              "two containers of a name", document);
      Require(container.name.find_first_of("/.\n") == std::string::npos, "a name that is a path",
              document);
      for (const kube::VolumeMount& mount : container.volume_mounts) {
        Require(volumes.contains(mount.name), "a mount of nothing", document);
        Require(!mount.mount_path.empty(), "a mount nowhere", document);
        Require(!mount.sub_path.starts_with('/') && mount.sub_path != "..", "a sub path outside",
                document);
      }
      for (const auto& [name, amount] : container.resources.requests) {
        Require(amount >= kube::Quantity(), "a negative request", document);
        const auto limit = container.resources.limits.find(name);
        Require(limit == container.resources.limits.end() || amount <= limit->second,
                "a request above its limit", document);
      }
      for (const kube::ContainerPort& port : container.ports) {
        Require(port.container_port > 0 && port.container_port < 65536 && port.host_port >= 0 &&
                    port.host_port < 65536,
                "a port out of range", document);
      }
      for (const auto* probe : {&container.liveness_probe, &container.startup_probe}) {
        Require(!*probe || ((*probe)->success_threshold == 1 && (*probe)->period_seconds > 0 &&
                            (*probe)->failure_threshold > 0),
                "a probe without sense", document);
      }
    }
  }
  Require(spec.termination_grace_period_seconds >= 0, "a negative grace period", document);
  // What was kept of the document decodes to the same again.
  const auto again = json::ParseJson(json::WriteJson(pod.object));
  Require(again.ok(), again.ok() ? "" : again.error().message().c_str(), document);
  const auto same = kube::DecodePod(*again);
  Require(same.ok() && same->spec == pod.spec, "the kept document decodes to something else",
          document);
}

// with_lines: the document was read from a text.
inline void CheckDecoders(const json::Value& document, bool with_lines) {
  const auto pod = kube::DecodePod(document);
  pod.ok() ? CheckPod(*pod, document) : CheckRefusal(pod.error().message(), document, with_lines);
  const auto object = kube::DecodeConfigObject(document);
  if (!object.ok()) CheckRefusal(object.error().message(), document, with_lines);
  if (object.ok()) {
    for (const auto& [key, value] : object->data)
      Require(key.find('/') == std::string::npos && key != "..", "a key that is a path", document);
  }
}

}  // namespace keelson::fuzz
