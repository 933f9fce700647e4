// SPDX-License-Identifier: Apache-2.0
// Carries out the planner's actions, one call each, on worker threads: it blocks, it decides
// nothing, and it is safe to repeat. What an action learned comes back as data. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "cri-api/client/runtime_client.h"
#include "kubelet/cgroup/pod_cgroups.h"
#include "kubelet/image/pull_gate.h"
#include "kubelet/image/pull_records.h"
#include "kubelet/pod/runtime_config.h"
#include "kubelet/probe/prober.h"
#include "kubelet/sync/planner.h"
#include "kubelet/volume/volumes.h"

namespace keelson::lifecycle {

struct ApplierDependencies {
  cri_client::RuntimeClient& runtime;
  volume::Volumes& volumes;
  const volume::Objects& objects;
  node_cgroup::PodCgroups& cgroups;
  probe::Prober& prober;
  const pod::NodeSettings& node;
  std::string log_links;                // /var/log/containers; empty: no links
  image_gc::PullGate* pulls = nullptr;  // null: each at once
  // Who may use which image that is there; null: everybody.
  image_gc::PullRecords* pull_records = nullptr;
  // The node's own credentials for an image, besides those that the runtime knows. May be empty.
  std::function<std::vector<image_gc::Credential>(const std::string& image)> credentials = nullptr;
};

// What an action needs beside itself.
struct Context {
  kube::Pod pod;
  std::string cgroup_parent;
  std::map<std::string, std::string> volume_paths;
  std::vector<std::string> pod_ips;
  std::string image_ref;             // of the container to be started
  bool deleted = false;              // the pod goes for good: its logs too
  bool recursive_read_only = false;  // the runtime can do it
  // What is told while an action is under way. From the worker; may be empty.
  std::function<void(bool warning, const std::string& reason, const std::string& message)> tell;
};

struct Outcome {
  base::Status status;
  std::string reason;  // of a failure, for the container's status: ErrImagePull, …
  // Prepare
  std::string cgroup_parent;
  std::map<std::string, std::string> volume_paths;
  std::map<std::string, uint32_t> first_attempts;
  std::vector<volume::VolumeFailure> volume_failures;
  // CreateSandbox
  std::vector<std::string> dns_notes;  // what was left out
  bool cluster_dns_missing = false;
  // EnsureImage
  std::string image_ref;
  bool pulled = false;
  std::chrono::milliseconds pull_time{0}, pull_and_wait_time{0};
  uint64_t image_bytes = 0;
  // StartContainer
  std::string container_id;
  bool logs_removed = false;  // by a tear-down, of a pod that was deleted
};

class Applier {
 public:
  explicit Applier(ApplierDependencies dependencies) : d_(std::move(dependencies)) {}
  // `stop` ends a pull early.
  Outcome Apply(const sync::Action& action, const Context& context, const std::stop_token& stop);
  // Brings configMap, secret, downwardAPI and projected volumes up to date.
  base::Status Refresh(const Context& context);

 private:
  Outcome Do(const sync::Prepare&, const Context&, const std::stop_token&);
  Outcome Do(const sync::CreateSandbox&, const Context&, const std::stop_token&);
  Outcome Do(const sync::EnsureImage&, const Context&, const std::stop_token&);
  Outcome Do(const sync::StartContainer&, const Context&, const std::stop_token&);
  Outcome Do(const sync::PostStart&, const Context&, const std::stop_token&);
  Outcome Do(const sync::PreStop&, const Context&, const std::stop_token&);
  Outcome Do(const sync::KillContainer&, const Context&, const std::stop_token&);
  Outcome Do(const sync::RemoveContainer&, const Context&, const std::stop_token&);
  Outcome Do(const sync::StopSandbox&, const Context&, const std::stop_token&);
  Outcome Do(const sync::RemoveSandbox&, const Context&, const std::stop_token&);
  Outcome Do(const sync::TearDown&, const Context&, const std::stop_token&);
  std::vector<kube::ConfigObject> PullSecrets(const Context& context) const;
  // The runtime's id of an image that is there.
  base::Result<std::optional<std::string>> Find(const std::string& image) const;
  struct PulledBy {
    std::string image_ref;
    image_gc::Credential credential;
  };
  base::Result<PulledBy> Pull(const cri::ImageSpec& image,
                              const std::vector<image_gc::Credential>& credentials,
                              const cri::PodSandboxConfig& sandbox, const std::stop_token& stop);
  base::Status RemoveLogDirectories(const std::string& uid);
  base::Result<pod::ContainerInputs> Inputs(const kube::Container& container,
                                            const Context& context);

  const ApplierDependencies d_;
};

}  // namespace keelson::lifecycle
