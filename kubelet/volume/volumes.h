// SPDX-License-Identifier: Apache-2.0
// The volumes of pods on this node: <root>/pods/<uid>/volumes/kubernetes.io~<kind>/<name>,
// upstream's layout, so that a node can switch kubelets. SetUp is safe to repeat (a restarted
// kubelet calls it again and finds its own work). Blocks; thread-safe for different pods. Below a
// volume that a container can write, paths are opened through a rooted handle only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kubelet/volume/objects.h"
#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::volume {

// Values that downward API volumes and environment variables may name. By field path
// ("status.podIP", "metadata.labels['a']") and by ResourceKey (already divided and printed).
struct DownwardValues {
  std::map<std::string, std::string> fields;
  std::map<std::string, std::string> resources;
};

inline std::string ResourceKey(const kube::ResourceFieldSelector& selector,
                               const std::string& own_container) {
  return (selector.container_name.empty() ? own_container : selector.container_name) + "/" +
         selector.resource + "/" + selector.divisor.text();
}

struct VolumeFailure {
  std::string volume;
  base::Error error;
};

class Volumes {
 public:
  Volumes(std::string root, const Objects& objects) : root_(std::move(root)), objects_(objects) {}

  // Host path of each volume by name. One that cannot be had keeps no other from being set up; the
  // error is upstream's FailedMount text of the first: which volume, and why. `failures`, if given,
  // gets all of them.
  base::Result<std::map<std::string, std::string>> SetUp(
      const kube::Pod& pod, const DownwardValues& values,
      std::vector<VolumeFailure>* failures = nullptr);
  // Writes configMap, secret, downwardAPI and projected volumes again where their content changed
  // (atomically for readers).
  base::Status Refresh(const kube::Pod& pod, const DownwardValues& values);
  // A mountable path for volumeMounts[index].subPath of a container; made when missing; nothing
  // outside the volume is ever reached.
  base::Result<std::string> SubPath(const std::string& pod_uid, const std::string& volume,
                                    const std::string& volume_path, const std::string& sub_path,
                                    const std::string& container, size_t index);
  // Unmounts and removes the pod's directory; never removes through a mount, never follows a link.
  // Absent is success.
  base::Status TearDown(const std::string& pod_uid);
  base::Result<std::vector<std::string>> PodsOnDisk() const;
  std::string PodDir(const std::string& uid) const { return root_ + "/pods/" + uid; }

 private:
  const std::string root_;
  const Objects& objects_;
};

}  // namespace keelson::volume
