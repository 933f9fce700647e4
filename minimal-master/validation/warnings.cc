// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/validation/warnings.h"

#include <fmt/format.h>

#include <map>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/problems.h"

namespace keelson::validation {
namespace {

using json::Value;
using kube::Field;

constexpr std::pair<std::string_view, std::string_view> kVolumesOfYore[] = {
    {"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
    {"gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"},
    {"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
    {"flocker", "deprecated in v1.22, non-functional in v1.25+"},
    {"storageOS", "deprecated in v1.22, non-functional in v1.25+"},
    {"quobyte", "deprecated in v1.22, non-functional in v1.25+"},
    {"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

class Warnings {
 public:
  void Add(std::string text) { list_.push_back(std::move(text)); }
  void At(const Field& field, std::string_view text) {
    Add(fmt::format("{}: {}", field.path(), text));
  }
  std::vector<std::string> Take() { return std::move(list_); }

  void Volumes(const Field& volumes) {
    for (const Field& volume : volumes.Items()) {
      Sources(volume);
      const std::string& name = volume["name"].String();
      if (volume["projected"].Present() && volume["projected"]["sources"].Items().empty())
        Add(fmt::format("volume {} (Projected) has no sources provided", json::Quote(name)));
      for (const auto& [kind, word, key] : {std::tuple{"secret", "Secret", "secretName"},
                                            std::tuple{"configMap", "ConfigMap", "name"}}) {
        Overlaps(volume[kind]["items"], fmt::format("volume {} ({} {})", json::Quote(name), word,
                                                    json::Quote(volume[kind][key].String())));
      }
    }
  }
  void Sources(const Field& holder) {
    for (const auto& [source, text] : kVolumesOfYore) {
      // One is written otherwise than it is told of.
      const std::string_view key =
          std::string_view(source) == "storageOS" ? std::string_view("storageos") : source;
      if (holder[key].Present()) Add(fmt::format("{}.{}: {}", holder.path(), source, text));
    }
  }

  void PodSpec(const Field& spec) {
    for (const Field& spread : spec["topologySpreadConstraints"].Items()) NullSelector(spread);
    Affinities(spec["affinity"]);
    Volumes(spec["volumes"]);
    Duplicates(spec["imagePullSecrets"], "name");
    Duplicates(spec["hostAliases"], "ip");
    for (const char* kind : {"initContainers", "containers"}) {
      for (const Field& container : spec[kind].Items()) Container(container);
    }
  }

 private:
  void NullSelector(const Field& holder) {
    if (!holder["labelSelector"].Present())
      At(holder["labelSelector"], "a null labelSelector results in matching no pod");
  }
  void Affinities(const Field& affinity) {
    for (const char* kind : {"podAffinity", "podAntiAffinity"}) {
      const Field terms = affinity[kind];
      for (const Field& term : terms["requiredDuringSchedulingIgnoredDuringExecution"].Items())
        NullSelector(term);
      for (const Field& term : terms["preferredDuringSchedulingIgnoredDuringExecution"].Items())
        NullSelector(term["podAffinityTerm"]);
    }
  }
  void Duplicates(const Field& list, const char* key) {
    std::map<std::string, int> seen;
    for (const Field& item : list.Items()) {
      const std::string& text = item[key].String();
      if (text.empty()) {
        At(item[key], fmt::format("invalid empty {} \"\"", key));
      } else if (++seen[text] > 1) {
        At(item[key], fmt::format("duplicate {} {}", key, json::Quote(text)));
      }
    }
  }
  void Container(const Field& container) {
    std::map<std::string, int> seen;
    for (const Field& variable : container["env"].Items()) {
      if (++seen[variable["name"].String()] > 1)
        At(variable, fmt::format("hides previous definition of {}, which may be dropped when using "
                                 "apply",
                                 json::Quote(variable["name"].String())));
    }
    std::map<std::string, std::string> ports;
    for (const Field& port : container["ports"].Items()) {
      const std::string key = fmt::format("{}/{}/{}/{}/{}", port["containerPort"].Int(),
                                          port["protocol"].StringOr("TCP"), port["hostIP"].String(),
                                          port["hostPort"].Int(), port["hostPort"].Present());
      const auto [there, first] = ports.emplace(key, port.path());
      if (!first) At(port, fmt::format("duplicate port definition with {}", there->second));
    }
  }
  void Overlaps(const Field& items, const std::string& volume) {
    std::vector<std::string> paths;
    for (const Field& item : items.Items()) {
      const std::string& path = item["path"].String();
      for (const std::string& other : paths) {
        if (path == other)
          Add(fmt::format("{}: overlapping paths: {} with {}", volume, json::Quote(path),
                          json::Quote(other)));
      }
      paths.push_back(path);
    }
  }

  std::vector<std::string> list_;
};

// A pod's name is its host's, which a name of several parts makes surprising.
void HostName(Warnings& warnings, const Value& object, std::string_view used_in) {
  const std::string& name = object.At({"metadata", "name"}).AsString();
  std::vector<std::string> why;
  if (name.find('.') != std::string::npos) why.emplace_back("must not contain dots");
  if (name.size() > 63) why.emplace_back("must be no more than 63 characters");
  if (why.empty()) return;
  warnings.Add(
      fmt::format("metadata.name: this is used in {}, which can result in surprising "
                  "behavior; a DNS label is recommended: [{}]",
                  used_in, base::Join(why, " ")));
}

void Owners(Warnings& warnings, const Value& object) {
  std::map<std::string, int> seen;
  std::vector<std::string> twice;
  for (const Value& owner : object.At({"metadata", "ownerReferences"}).items()) {
    const std::string& uid = owner.At({"uid"}).AsString();
    if (++seen[uid] == 2) twice.push_back(uid);
  }
  if (twice.empty()) return;
  warnings.Add(fmt::format(
      ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in "
      "1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate "
      "UID(s) observed: {}",
      base::Join(twice, ", ")));
}

bool HasPem(std::string_view base64) {
  const std::optional<std::string> bytes = base::Base64Decode(base64);
  return bytes && bytes->find("-----BEGIN ") != std::string::npos;
}

void Core(Warnings& warnings, std::string_view kind, const Value& object) {
  const Field root(object);
  if (kind == "Pod") {
    HostName(warnings, object, "the Pod's hostname");
    warnings.PodSpec(root["spec"]);
  } else if (kind == "PodTemplate") {
    warnings.PodSpec(root["template"]["spec"]);
  } else if (kind == "ReplicationController") {
    HostName(warnings, object, "Pod names and hostnames");
    warnings.PodSpec(root["spec"]["template"]["spec"]);
  } else if (kind == "Endpoints") {
    warnings.Add("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
  } else if (kind == "Secret" && object.At({"type"}).AsString() == "kubernetes.io/tls") {
    const std::string& certificate = object.At({"data", "tls.crt"}).AsString();
    if (!certificate.empty() && !HasPem(certificate))
      warnings.Add("tls: failed to find any PEM data in certificate input");
  } else if (kind == "PersistentVolume") {
    const Field spec = root["spec"];
    if (spec["persistentVolumeReclaimPolicy"].String() == "Recycle")
      warnings.At(spec["persistentVolumeReclaimPolicy"],
                  "The Recycle reclaim policy is deprecated. Instead, the recommended approach is "
                  "to use dynamic provisioning.");
    warnings.Sources(spec);
  }
}

}  // namespace

std::vector<std::string> WarningsOf(std::string_view group, std::string_view kind,
                                    const Value& object) {
  Warnings warnings;
  Owners(warnings, object);
  const Field root(object);
  if (group.empty()) {
    Core(warnings, kind, object);
  } else if (group == "apps" || (group == "batch" && kind == "Job")) {
    if (kind == "Deployment" || kind == "ReplicaSet" || kind == "Job")
      HostName(warnings, object, "Pod names and hostnames");
    warnings.PodSpec(root["spec"]["template"]["spec"]);
  } else if (group == "batch" && kind == "CronJob") {
    warnings.PodSpec(root["spec"]["jobTemplate"]["spec"]["template"]["spec"]);
  } else if (group == "discovery.k8s.io" && object.At({"addressType"}).AsString() == "FQDN") {
    warnings.Add("spec.addressType: FQDN endpoints are deprecated");
  }
  return warnings.Take();
}

}  // namespace keelson::validation
