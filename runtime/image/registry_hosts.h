// SPDX-License-Identifier: Apache-2.0
// Where a registry's images are to be had: containerd's hosts.toml, read as it is, from
// <registries>/<host[:port]>/ or <registries>/_default/. Mirrors come in the file's order, the
// registry itself last. Without a file: https to the registry. Certificates and keys named there
// are read here, since keelson-fetch opens no files. Blocking. Source: containerd's docs/hosts.md.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "runtime/fetch/protocol.h"

namespace keelson::image {

struct RegistryHost {
  fetch::Endpoint endpoint;  // without credentials
  std::string authority;     // host[:port]: what credentials are looked up by
  bool is_registry = false;  // the registry itself, not a mirror of it
};

// One file's text; `dir` is where relative certificate paths begin. Pure but for reading those
// files.
base::Result<std::vector<RegistryHost>> ParseHostsToml(const std::string& text,
                                                       const std::string& registry,
                                                       const std::string& dir);

base::Result<std::vector<RegistryHost>> FindRegistryHosts(
    const std::string& registries_dir, const std::string& registry,
    const std::vector<std::string>& plain_http_hosts);

}  // namespace keelson::image
