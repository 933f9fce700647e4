// SPDX-License-Identifier: Apache-2.0
// From what the CRI asks for and what the image says to a spec::ContainerSpec and the things that
// the applier must fetch for it. Pure: no files, no clock; every refusal happens here, before
// anything is made, and names the field. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "runtime/container/cdi.h"
#include "runtime/container/devices.h"
#include "runtime/image/image_service.h"
#include "runtime/security/apparmor.h"
#include "runtime/security/identity.h"
#include "runtime/spec/container_spec.h"

namespace runtime::v1 {
class ContainerConfig;
class NamespaceOption;
class PodSandboxConfig;
}  // namespace runtime::v1

namespace keelson::container {

// Files of the pod that every container gets at a fixed place unless it mounts something there
// itself; empty: none.
struct PodFiles {
  std::string hostname;
  std::string hosts;
  std::string resolv_conf;
};

struct PlanInput {
  std::string id;
  std::string directory;  // holds upper and work, below the state directory
  const ::runtime::v1::PodSandboxConfig* sandbox = nullptr;
  const ::runtime::v1::ContainerConfig* container = nullptr;
  const image::Image* image = nullptr;
  const security::IdentityFiles* identity_files = nullptr;
  uint64_t available_capabilities = 0;
  PodFiles pod_files;
  security::AppArmor apparmor;
  bool selinux = false;
  bool host_devices = true;     // what privileged containers have
  std::optional<CdiEdits> cdi;  // what the request's CDI_devices mean on this machine
  std::map<size_t, image::Image> volume_images;  // by the number of the mount that names one
};

// A place on the host to be opened at start; its number is the mount's source_fd.
struct HostSource {
  std::string path;
  std::string field;  // for messages: "mounts[2]"
  // Of an image: `path` is the name asked for, `layers` are its directories, top first, `sub_path`
  // says what of it is mounted.
  bool image = false;
  std::vector<std::string> layers;
  std::string sub_path;
};

struct Plan {
  spec::ContainerSpec spec;  // without cgroup paths and seccomp program, which the applier adds
  std::vector<HostSource> sources;
  std::vector<DeviceRequest> devices;  // beyond the standard ones
  bool all_devices = false;            // privileged: every device of the host
  cgroup::Resources resources;
  enum class Seccomp : uint8_t { kNone, kRuntimeDefault, kLocalhost };
  Seccomp seccomp = Seccomp::kNone;  // its program follows from the bounding set
  std::string seccomp_file;          // kLocalhost: the profile to be read
  std::string cgroup_path;           // "/kubepods/…/<id>"
  int stop_signal = 15;
  std::string cdi_for_exec;  // kept beside the record
};

base::Result<Plan> PlanContainer(const PlanInput& input);

// The pod's user namespace: size 0 when it has none. One mapping of users and one of groups, from
// the container's 0 on; some requests for one can never be.
base::Result<spec::UserMapping> PlanUserNamespace(const ::runtime::v1::NamespaceOption& options);
// The container's cgroup: below the pod's parent, or /keelson/<sandbox id> when it names none.
base::Result<std::string> CgroupPath(const std::string& parent, const std::string& sandbox_id,
                                     const std::string& id);
// log_path below the sandbox's log directory, nothing else (CVE-2025-0750): its directory and its
// name.
struct LogPlace {
  std::string directory;
  std::string name;
};
base::Result<LogPlace> PlanLog(const std::string& log_directory, const std::string& log_path);

}  // namespace keelson::container
