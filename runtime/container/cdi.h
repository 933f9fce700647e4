// SPDX-License-Identifier: Apache-2.0
// Container Device Interface: what vendors write below /etc/cdi and /var/run/cdi about their
// devices, and what a container gets for a device's name. Files are the operator's, but read as
// strictly as foreign ones: bounded, nothing unknown passed over, hooks refused. Names come from
// the request's own field alone, never from an annotation or an image. Parsing is pure; ResolveCdi
// reads files. Source: the CDI specification, 0.3.0 to 1.1.0.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::container {

struct CdiDevice {
  std::string path;       // inside the container
  std::string host_path;  // where its number is looked up
  std::string permissions = "rwm";
  std::optional<uint32_t> file_mode;
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
};

struct CdiMount {
  std::string host_path;
  std::string container_path;
  std::vector<std::string> options;
};

struct CdiEdits {
  std::vector<std::string> env;  // "NAME=value"
  std::vector<CdiDevice> devices;
  std::vector<CdiMount> mounts;
  std::vector<uint32_t> groups;
};

struct CdiSpec {
  std::string kind;  // "vendor.com/class"
  CdiEdits edits;    // for every device of it
  std::map<std::string, CdiEdits> devices;
};

// JSON or YAML. The error names the place.
base::Result<CdiSpec> ParseCdiSpec(std::string_view text);

// "vendor.com/class=name" → kind and name.
base::Result<std::pair<std::string, std::string>> ParseCdiName(std::string_view name);

// Everything that `names` mean together, from the *.json and *.yaml files of `dirs`. A device in a
// later directory stands instead of one in an earlier; in two files of one directory it is an
// error. A file that cannot be read is passed over unless the device is found nowhere.
base::Result<CdiEdits> ResolveCdi(const std::vector<std::string>& dirs,
                                  const std::vector<std::string>& names);

// What a process of the container gets besides mounts and devices, kept for execs: the files may be
// others by then.
std::string EncodeForExec(const CdiEdits& edits);
base::Result<CdiEdits> DecodeForExec(std::string_view bytes);

}  // namespace keelson::container
