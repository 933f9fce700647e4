// SPDX-License-Identifier: Apache-2.0
// What the runtime remembers of sandboxes and containers, on disk and in memory: the request as it
// came (its limits as they were last changed), and what became of it. Layout below the state
// directory:
//   pods/<sandbox id>/record                  SandboxRecord
//   pods/<sandbox id>/{hostname,hosts,resolv.conf}
//   containers/<container id>/record          ContainerRecord
//   containers/<container id>/{upper,work}    the writable layer
//   containers/<container id>/seccomp         the program of a Localhost profile as it was at the
//   start, for exec
//   containers/<container id>/cdi             variables and groups of CDI devices, likewise
//   empty                                     below images mounted as volumes; stays empty
//   quarantine/<pods|containers>-<id>         whatever could not be read
// A file is: magic, version, base/codec body, CRC-32C. Bodies only grow at their end. Written
// beside the name and renamed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::container {

// creating → ready → stopping → stopped → removing. Each is written before what it names is done.
enum class SandboxState : uint8_t { kCreating, kReady, kStopping, kStopped, kRemoving };
struct SandboxRecord {
  std::string id;
  SandboxState state = SandboxState::kCreating;
  int64_t created_at = 0;
  std::string config;  // cri::PodSandboxConfig, serialised
  std::string handler;
  std::vector<std::string> addresses;
  std::string boot_id;
  std::string cgroup_driver = "cgroupfs";  // whose groups it has
};

// creating → created → starting → running → exited → removing.
enum class ContainerState : uint8_t {
  kCreating,
  kCreated,
  kStarting,
  kRunning,
  kExited,
  kRemoving
};
struct ContainerRecord {
  std::string id;
  std::string sandbox_id;
  ContainerState state = ContainerState::kCreating;
  int64_t created_at = 0;
  int64_t started_at = 0;
  int64_t finished_at = 0;
  int32_t pid = 0;
  int32_t exit_code = 0;
  std::string reason;
  std::string message;
  std::string config;  // cri::ContainerConfig, serialised
  std::string image_id;
  std::string image_ref;  // what the user asked for
  std::string cgroup_path;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
  int32_t stop_signal = 15;
  // cri::LinuxContainerResources, serialised: what the kernel holds, as read back when limits were
  // set; empty until then.
  std::string resources;
  // Images mounted as volumes, in the order of the mounts that name one: ids, and digests to show.
  std::vector<std::string> volume_images;
  std::vector<std::string> volume_digests;
  bool updating = false;  // `config` has limits that may not have reached the kernel
};

std::string Encode(const SandboxRecord& record);
std::string Encode(const ContainerRecord& record);
base::Result<SandboxRecord> DecodeSandboxRecord(std::string_view bytes);
base::Result<ContainerRecord> DecodeContainerRecord(std::string_view bytes);

}  // namespace keelson::container
