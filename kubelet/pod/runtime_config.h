// SPDX-License-Identifier: Apache-2.0
// From a pod to what the CRI is asked for: the sandbox's and the containers' configurations. Pure
// (config maps are looked up).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "kubelet/cgroup/resources.h"
#include "kubelet/pod/dns.h"
#include "kubelet/pod/downward.h"
#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::pod {

// What is the same for every pod of this node.
struct NodeSettings {
  NodeNames names;
  std::string logs = "/var/log/pods";
  ClusterDns cluster_dns;
  ResolverSettings host_resolver;
  node_cgroup::NodeCapacity capacity, allocatable;
  node_cgroup::CpuQuota cpu_quota;
  // memory.oom.group of containers: "1" ends all processes of a container that is out of memory,
  // "0" one; empty on cgroup v1, which has no such thing.
  std::string oom_group;
  bool seccomp_default = false;
  std::string seccomp_root = "/var/lib/kubelet/seccomp/";  // of Localhost profiles
  std::string resolver_file;  // read again for each sandbox; empty: host_resolver stays
};

base::Result<cri::PodSandboxConfig> SandboxConfig(const kube::Pod& pod, const NodeSettings& node,
                                                  const std::string& cgroup_parent,
                                                  uint32_t attempt);

struct ContainerInputs {
  std::vector<std::string> pod_ips;
  std::map<std::string, std::string> volume_paths;  // host path by volume name
  // Host paths of volumeMounts with a sub path, by index.
  std::map<size_t, std::string> sub_paths;
  std::string hosts_file;            // empty: none
  std::string termination_log;       // host path of the file, empty: none
  std::string image_ref;             // what the runtime calls the image
  bool image_user_is_root = false;   // for runAsNonRoot without a number
  std::string image_user_name;       // not a number
  bool recursive_read_only = false;  // the runtime can do it
  // Of an ephemeral container: the runtime's id of the one whose processes it sees; empty: none.
  std::string target_id;
};
base::Result<cri::ContainerConfig> ContainerConfig(
    const kube::Pod& pod, const kube::Container& container, const NodeSettings& node,
    const ContainerInputs& inputs, const volume::Objects& objects, uint32_t attempt);

}  // namespace keelson::pod
