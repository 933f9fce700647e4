// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/self.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include "kubelet/node/identity.h"

namespace keelson::cluster {
namespace {

// The version whose API this kubelet speaks.
constexpr char kKubeletVersion[] = "v1.35.4";

}  // namespace

base::Result<node::NodeFacts> FactsOf(const pod::NodeSettings& settings, const std::string& labels,
                                      const std::string& taints, cri_client::RuntimeClient& runtime,
                                      int port) {
  node::NodeFacts facts;
  facts.name = settings.names.node_name;
  facts.addresses = settings.names.host_ips;
  ASSIGN_OR_RETURN(facts.labels, node::ParseLabels(labels));
  ASSIGN_OR_RETURN(facts.taints, node::ParseTaints(taints));
  facts.capacity = settings.capacity;
  facts.allocatable = settings.allocatable;
  facts.kubelet_port = port;
  const node::Identity identity = node::IdentityOf();
  facts.machine_id = identity.machine_id;
  facts.system_uuid = identity.system_uuid;
  facts.boot_id = identity.boot_id;
  facts.kernel = identity.kernel;
  facts.os_image = identity.os_image;
  facts.architecture = identity.architecture;
  facts.kubelet_version = kKubeletVersion;
  if (const base::Result<cri::VersionResponse> version = runtime.Version(); version.ok())
    facts.runtime_version = version->runtime_name() + "://" + version->runtime_version();
  return facts;
}

node_api::Program ProgramOf(const std::map<std::string, std::string>& flags,
                            const base::Clock& clock) {
  return {.version = kKubeletVersion,
          .built = "keelson " KEELSON_VERSION ", g++ " __VERSION__,
          .started_at = clock.WallNanos(),
          .flags = flags};
}
node_api::MachineFacts MachineOf(const node_cgroup::NodeCapacity& capacity) {
  const node::Identity identity = node::IdentityOf();
  struct sysinfo info{};
  (void)sysinfo(&info);
  return {.boot_id = identity.boot_id,
          .machine_id = identity.machine_id,
          .system_uuid = identity.system_uuid,
          .processors = sysconf(_SC_NPROCESSORS_ONLN),
          .memory_bytes = capacity.memory_bytes,
          .swap_bytes = static_cast<int64_t>(info.totalswap) * info.mem_unit};
}

}  // namespace keelson::cluster
