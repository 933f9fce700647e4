// SPDX-License-Identifier: Apache-2.0
// A ContainerSpec as config.json, a spec::Process as process.json, in the words of the OCI's
// runtime-spec (1.0 with what 1.1 added): what another OCI runtime is told to do exactly what the
// monitor would have done itself. Pure, any thread. Sources:
// https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config.md, config-linux.md.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/spec/container_spec.h"

namespace keelson::oci {

// Where the room's maker puts things (runtime/oci/room.h); the only place on which both agree.
constexpr char kRoom[] = "/.keelson";
constexpr char kRootfs[] = "/.keelson/rootfs";
constexpr char kShm[] = "/.keelson/shm";
std::string VolumePlace(uint32_t source_fd);          // /.keelson/volumes/3
std::string NamespacePlace(const std::string& name);  // /.keelson/ns/network

// What the spec does not say of the pod and of this machine.
struct Facts {
  bool network = false;  // namespaces of the pod that are there to be entered
  bool ipc = false;
  bool uts = false;
  bool pid = false;  // also that of the container whose processes are shared
  bool user = false;
  spec::UserMapping users;
  // Without CAP_SYS_RESOURCE nothing below our own score can be written; other runtimes fail there.
  int32_t lowest_oom_score = -1000;
};

std::string Configuration(const spec::ContainerSpec& spec, const Facts& facts);
std::string ProcessConfiguration(const spec::Process& process, int32_t lowest_oom_score);

}  // namespace keelson::oci
