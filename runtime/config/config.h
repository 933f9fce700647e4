// SPDX-License-Identifier: Apache-2.0
// keelson-runtime's settings: one table from which come the flags, the file and what
// `keelson-runtime config` prints. A value is the flag's, else the file's, else the default, and
// knows which. Unknown or wrong settings are refused with file and line. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::runtime_config {

// What a pod's runtime_handler (a RuntimeClass) may name beside '' and 'keelson'.
struct Handler {
  std::string name;
  std::string runtime;                   // absolute path of an OCI runtime's program; empty: native
  std::vector<std::string> annotations;  // which may pass to it: names, '*' for anything
  bool privileged_without_host_devices = false;
  std::vector<std::string> arguments;  // of the program, before its command
  bool operator==(const Handler&) const = default;
};

struct Config {
  std::string state_dir = "/var/lib/keelson";
  std::string run_dir = "/run/keelson";
  std::string config_dir = "/etc/keelson";
  std::string socket;      // follows run_dir
  std::string binary_dir;  // follows the program
  std::string network = "builtin";
  std::string cni_conf_dir = "/etc/cni/net.d";
  std::string cni_bin_dirs = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";
  std::string bridge = "keelson0";
  std::string pod_subnet = "10.42.0.0/24";
  std::string pod_network = "10.42.0.0/16";
  std::string cgroup_driver = "cgroupfs";
  std::string seccomp_root = "/var/lib/kubelet/seccomp";
  std::string log_level = "info";
  int64_t log_rate = 0;  // bytes a second of one container; 0: any
  std::string log_rate_policy = "wait";
  bool log_rate_by_annotation = false;
  std::string metrics;  // empty: none
  bool trace = false;
  std::string crio_socket;  // empty: none
  std::string stream_address = "127.0.0.1";
  int stream_port = 0;             // 0: any
  std::string stream_certificate;  // empty: http
  std::string stream_key;
  std::vector<Handler> handlers;
  std::vector<std::string> pinned_images;
};

struct Setting {
  std::string name;  // of the flag, without dashes, and of the file's key
  std::string help;  // one sentence
  // Refuses with a sentence that does not name the setting; "line 7: …" when the line is another
  // than the setting's.
  std::function<base::Status(const json::Value&, Config&)> read;
  std::function<json::Value(const Config&)> show;
  bool is_switch = false;  // the flag stands alone: true
  // The command line's text as the value that a file would have held.
  std::function<base::Result<json::Value>(std::string_view)> from_flag;
};

const std::vector<Setting>& Settings();

struct Effective {
  Config config;
  std::map<std::string, std::string> origins;  // by setting; absent: the default
};

using Flags = std::vector<std::pair<std::string, std::string>>;  // setting, text

// `file` names it in messages; `text` is its content, empty when there is none.
base::Result<Effective> Resolve(const std::string& file, std::string_view text, const Flags& flags);

// YAML that Resolve() reads: every setting with what it is for, its value and where that is from.
std::string Explain(const Effective& effective);

}  // namespace keelson::runtime_config
