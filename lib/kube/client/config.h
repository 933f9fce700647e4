// SPDX-License-Identifier: Apache-2.0
// Which API server, and as whom: read from a kubeconfig or from what a pod is given. Plain data;
// reading blocks. Source: kubernetes.io/docs/reference/config-api/kubeconfig.v1.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/http/multiplex/client.h"

namespace keelson::kube {

struct ClientConfig {
  multiplex::Target target;
  std::string path_prefix;  // of the server's URL, without a slash at its end
  std::string token;        // "" : none
  std::string token_file;   // read again from time to time
  std::string ns;           // the context's namespace
};

// The current context, or `context`. Files that it names are relative to its folder. What we cannot
// do (exec plugins, auth providers, proxies) is refused by name. "PATH: line N: …".
base::Result<ClientConfig> ReadKubeconfig(const std::string& path, const std::string& context = "");

}  // namespace keelson::kube
