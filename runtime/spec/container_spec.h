// SPDX-License-Identifier: Apache-2.0
// ContainerSpec: everything the monitor needs to start one process of a container, decided
// beforehand by the daemon as plain data: no lookups, no policy and no parsing of foreign input are
// left for the privileged start path. Encoded with base/codec (runtime/spec/encode.h) and sent as a
// sealed memfd. Value types, any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace keelson::spec {

enum class Propagation : uint8_t { kPrivate, kSlave, kShared };

// One mount inside the container, in order. `source_fd` counts into the descriptors that travel
// with the start request.
struct Mount {
  enum class Kind : uint8_t {
    kBind,
    kTmpfs,
    kProc,
    kSysfs,
    kDevpts,
    kMqueue,
    kCgroup,
    kPodShm,
    kOther  // a file system of the kernel's by its name; keelson-oci's alone
  };
  Kind kind = Kind::kBind;
  std::string destination;  // absolute inside the container
  uint32_t source_fd = 0;   // kBind: a detached mount (open_tree); a file or a directory
  std::string options;      // kTmpfs, kDevpts: file system options, e.g. "mode=755,size=65536k"
  uint64_t attributes = 0;  // MOUNT_ATTR_* of mount_setattr(2)
  bool recursive_attributes = false;
  Propagation propagation = Propagation::kPrivate;
  bool idmapped = false;  // kBind: its owners are shown through the pod's user namespace

  // What only a bundle's config.json says (keelson-oci); never sent to a monitor.
  struct Further {
    std::string type;    // kOther
    std::string source;  // kOther: what the file system is told; kBind, when not empty: a path that
                         // the first stage opens itself instead of a descriptor
    bool recursive = false;  // that path with all that is mounted below it
    uint64_t clear = 0;      // MOUNT_ATTR_* taken away
    bool exact = false;      // kBind: whatever is not listed is taken away as well
    bool locked = false;     // but for what the host's mount forbids
    uint64_t set_below = 0;  // and of everything mounted below as well
    uint64_t clear_below = 0;
    std::vector<uint64_t> propagation;  // MS_* (| MS_REC) one after the other, instead of the above
    bool copy_up = false;               // kTmpfs: what the image has there is copied into it
    int owners = -1;                    // user namespace through which owners are shown
    bool owners_below = false;
  };
  Further further = {};
};

struct Device {
  std::string path;   // inside the container
  uint32_t mode = 0;  // S_IFCHR or S_IFBLK | permissions
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

struct Rlimit {
  int32_t resource = 0;  // RLIMIT_*
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct Identity {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
};

struct Capabilities {  // bit masks of capabilities(7)
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
  uint64_t ambient = 0;
};

// What one process runs as: the container's first process, or an exec in it.
struct Process {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  Identity identity;
  Capabilities capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string seccomp_program;  // struct sock_filter array as bytes; empty: none
  bool terminal = false;
  int32_t oom_score_adj = 0;
  std::string apparmor_profile;  // taken with execve; empty: none
  std::string selinux_label;     // likewise

  // What only a bundle's config.json or a command line says (keelson-oci); never sent to a monitor.
  struct Further {
    bool keep_oom_score = false;    // oom_score_adj was not named
    bool exact_oom_score = false;   // one that cannot be had is an error
    uint32_t kept_descriptors = 0;  // this many from 3 on come along
    std::optional<uint32_t> umask;
    std::optional<uint64_t> personality;  // personality(2)
    struct Scheduler {                    // sched_setattr(2)
      uint32_t policy = 0;
      int32_t nice = 0;
      uint32_t priority = 0;
      uint64_t flags = 0, runtime = 0, deadline = 0, period = 0;
    };
    std::optional<Scheduler> scheduler;
    struct MemoryPolicy {  // set_mempolicy(2)
      int mode = 0;        // with its flags
      std::vector<uint64_t> nodes;
    };
    std::optional<MemoryPolicy> memory_policy;
    std::optional<int> io_priority;   // ioprio_set(2): class and data
    int seccomp_socket = -1;          // who is asked by SCMP_ACT_NOTIFY: gets the listener and
    std::string seccomp_state;        // this text
    uint32_t seccomp_flags = 0;       // SECCOMP_FILTER_FLAG_*
    bool root_groups_denied = false;  // a user namespace in which setgroups(2) is forbidden
  };
  Further further = {};
};

// Users and groups of a pod's user namespace: `size` of them from 0 on are these of the host.
struct UserMapping {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t size = 0;  // 0: no user namespace of its own
  friend bool operator==(const UserMapping&, const UserMapping&) = default;
};

struct DeviceRule {
  bool allow = false;
  char type = 'a';     // 'a', 'b', 'c'
  int64_t major = -1;  // -1: any
  int64_t minor = -1;
  std::string access;
};

// A runtime handler that names a program: what is needed to start the container through its command
// line (runtime/oci) and not by the monitor itself.
struct OtherRuntime {
  std::string program;     // absolute, on the host; empty: the container is the monitor's own
  std::string state_root;  // the program's --root
  std::vector<std::string> arguments;  // before its command
  uint32_t host_mounts = 0;  // the host's mount namespace: counts into the start's descriptors
  std::string cgroup_path;   // below every hierarchy's root
  std::vector<DeviceRule> device_rules;
  std::string seccomp;  // runtime-spec's linux.seccomp as JSON text; empty: none
  std::vector<std::pair<std::string, std::string>> annotations;
  std::string hostname;  // for programs whose containers do not see the host's namespaces
};

// How many bytes of output a second go into a container's log.
struct LogLimit {
  uint64_t bytes_per_second = 0;  // 0: as many as there are
  bool drop = false;              // what is more is lost and counted; otherwise the program waits
  friend bool operator==(const LogLimit&, const LogLimit&) = default;
};

enum class PidMode : uint8_t { kOwn, kPod, kHost, kTarget };

struct ContainerSpec {
  std::string id;
  Process process;
  // Root: overlay of `lower_layers` (absolute paths below the state directory, top layer first)
  // with `upper` and `work`.
  std::vector<std::string> lower_layers;
  std::string upper;
  std::string work;
  bool read_only_root = false;
  std::vector<Mount> mounts;
  std::vector<Device> devices;
  std::vector<std::string> masked_paths;
  std::vector<std::string> read_only_paths;
  PidMode pid_mode = PidMode::kOwn;
  std::string target_container_id;  // kTarget: whose PID namespace is entered
  bool host_ipc =
      false;  // the pod's namespaces come with the monitor's set-up; these say not to enter them
  bool host_network = false;
  bool own_cgroup_namespace = true;
  std::vector<std::string> cgroup_paths;  // v1: one `tasks` directory per hierarchy; v2 or hybrid
                                          // unified: see unified_cgroup
  std::string unified_cgroup;  // cgroup2 directory for CLONE_INTO_CGROUP and cgroup.kill; may be
                               // empty on pure v1
  std::string memory_cgroup;   // where the OOM counter is read
  // Log: file `log_name` in the directory descriptor sent along; empty: output is not kept.
  std::string log_name;
  LogLimit log_limit;
  bool open_stdin = false;  // a pipe that clients may attach to; otherwise /dev/null
  bool stdin_once = false;  // closed when the first attached client's input has ended
  std::string mount_label;  // SELinux: context of the root and of file systems made for it
  OtherRuntime other;
  // A bundle's root instead of layers (keelson-oci); never sent to a monitor.
  std::string root_path;                   // absolute, on the host
  std::vector<uint64_t> root_propagation;  // MS_* | MS_REC, last of all
};

}  // namespace keelson::spec
