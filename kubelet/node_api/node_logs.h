// SPDX-License-Identifier: Apache-2.0
// /logs/: the machine's own log files, below one folder and never outside of it: links lead to
// what they name inside of it, or nowhere. Folders are listed. Blocks for the file system; any
// thread. Source: k8s.io/kubernetes, pkg/kubelet (1.35), which serves /var/log by Go's file server.
#pragma once

#include <string>

#include "lib/http/server/server.h"

namespace keelson::node_api {

// `path` below `folder`, "" or "/a/b". What is no file and no folder is not found; a folder without
// a slash at its end is answered 301.
http::Response NodeLog(const std::string& folder, const std::string& path);

}  // namespace keelson::node_api
