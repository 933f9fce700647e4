// SPDX-License-Identifier: Apache-2.0
// A pod's resolver settings and its hosts file. Pure; upstream's rules and limits (3 servers, 32
// search domains, 2048 characters).
#pragma once

#include <string>
#include <vector>

#include "lib/kube/pod.h"

namespace keelson::pod {

struct ResolverSettings {
  std::vector<std::string> servers, searches, options;
  std::vector<std::string> notes;    // what was left out, for people
  bool cluster_dns_missing = false;  // the pod asks for the cluster's servers, and there are none
};
ResolverSettings ParseResolvConf(std::string_view text);
// Where the configuration names no file: nothing is looked up but on the node itself.
ResolverSettings NoResolvConf();

struct ClusterDns {
  std::vector<std::string> servers;
  std::string domain = "cluster.local";
};
ResolverSettings PodResolver(const kube::Pod& pod, const ClusterDns& cluster,
                             const ResolverSettings& host);

std::string HostsFile(const kube::Pod& pod, const std::vector<std::string>& ips,
                      const std::string& host_name, const std::string& domain_name,
                      std::string_view node_file);

}  // namespace keelson::pod
