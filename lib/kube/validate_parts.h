// SPDX-License-Identifier: Apache-2.0
// The parts of the validation, one file each. Every function adds what it finds to `problems` and
// looks at fields whose types were checked; what has a default counts as if it were written. Pure,
// any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lib/kube/names.h"
#include "lib/kube/problems.h"
#include "lib/kube/quantity.h"

namespace keelson::kube {

// What the rules of a container need to know of its pod.
struct PodFacts {
  std::set<std::string> volumes;  // those without problems of their own
  std::vector<std::string> claims;
  int64_t grace_seconds = 30;
  bool host_network = false;
  bool host_users = true;
  std::string restart_policy;
};

// validate_meta.cc
// `name`: the rule for the object's name.
void ValidateMeta(const Field& meta, Problems& problems,
                  Complaints (*name)(std::string_view) = CheckDns1123Subdomain);
void ValidateLabels(const Field& labels, Problems& problems);  // also nodeSelector, matchLabels
void ValidateAnnotations(const Field& annotations, Problems& problems);

// validate_container.cc
void ValidateContainers(const Field& spec, const PodFacts& pod, Problems& problems);
// What upstream checks of pods but not of templates: images without white space around them.
void ValidateImages(const Field& spec, Problems& problems);

// validate_probe.cc
void ValidateProbes(const Field& container, Problems& problems);
void ValidateLifecycle(const Field& lifecycle, const PodFacts& pod, Problems& problems);

// validate_env.cc
void ValidateEnvironment(const Field& container, Problems& problems);
enum class FieldRefs { kEnvironment, kVolume };
void ValidateFieldRef(const Field& ref, FieldRefs use, Problems& problems);
void ValidateResourceFieldRef(const Field& ref, FieldRefs use, Problems& problems);

// validate_mount.cc
void ValidateMounts(const Field& container, const PodFacts& pod, Problems& problems);

// validate_volume.cc; returns the names that mounts may use.
std::set<std::string> ValidateVolumes(const Field& volumes, Problems& problems);
// A relative path that never leaves its directory; the second also refuses names that start with
// "..".
void ValidateRelativePath(const Field& path, const Field& blamed, Problems& problems);
void ValidateProjectedPath(const Field& path, Problems& problems);
bool HasBackstep(std::string_view path);

// validate_resources.cc
void ValidateContainerResources(const Field& container, const PodFacts& pod, bool init,
                                Problems& problems);
void ValidatePodResources(const Field& spec, Problems& problems);

// validate_security.cc
void ValidatePodSecurity(const Field& spec, Problems& problems);
void ValidateContainerSecurity(const Field& context, const PodFacts& pod, Problems& problems);
void ValidateOs(const Field& spec, Problems& problems);

// validate_dns.cc
void ValidateDns(const Field& spec, Problems& problems);
void ValidateHostAliases(const Field& aliases, Problems& problems);

// validate_scheduling.cc
void ValidateScheduling(const Field& spec, Problems& problems);
void ValidateTolerations(const Field& tolerations, Problems& problems);
void ValidateLabelSelector(const Field& selector, Problems& problems);
void ValidateNodeTerm(const Field& term, Problems& problems);

}  // namespace keelson::kube
