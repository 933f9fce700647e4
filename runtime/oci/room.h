// SPDX-License-Identifier: Apache-2.0
// The room in which another OCI runtime's program runs: a mount namespace with the host's
// folders, so that the program finds its libraries and configuration, and with what the container
// is made of at the places that its config.json names. Nothing of it is seen by the host, all of it
// ends with the program. For a child of the monitor that was cloned with CLONE_NEWNS. One thread.
//
//   /                    tmpfs; /usr, /etc, /dev, /sys … : clones of the host's, /run and others
//                        without what is mounted below them
//   /sys/fs/cgroup       as the host's, without cgroup v2 where that stands beside v1
//   /.keelson/rootfs     overlay of the image's layers, owners mapped in a user namespace
//   /.keelson/volumes/N  source number N, attributes set;  /.keelson/shm: the pod's /dev/shm
//   /.keelson/ns/TYPE    the pod's namespaces
#pragma once

#include <string>

#include "lib/base/result.h"
#include "runtime/oci/configuration.h"
#include "runtime/rootfs/rootfs.h"

namespace keelson::oci {

struct RoomInputs {
  rootfs::Inputs root;   // staging: where the room is put together
  int host_mounts = -1;  // the host's mount namespace
  std::string program;   // it is there, wherever it lies
  std::string run_dir;   // the node's: in the room as it is here
  int network = -1, ipc = -1, uts = -1, pid = -1;
};

// On success the caller's root is the room. Without a spec its places are empty: programs look for
// the root's directory also when they only add to a container.
base::Status EnterRoom(const spec::ContainerSpec* spec, const RoomInputs& inputs);

}  // namespace keelson::oci
