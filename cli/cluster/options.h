// SPDX-License-Identifier: Apache-2.0
// A node of a cluster as it was asked for: all its places, ports, names and blocks, so that several
// live on one machine. Kept as <state_dir>/node.json (options.cc). Plain data.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::cluster {

struct NodeOptions {
  std::string name;     // empty: the machine's
  std::string address;  // where the others reach it; empty: the one that leads outside
  std::string state_dir = "/var/lib/keelson";
  std::string run_dir = "/run/keelson";
  std::string config_dir = "/etc/keelson";
  std::string kubeconfig;  // the administrator's; empty: admin.kubeconfig in config_dir
  std::string kubelet_root = "/var/lib/kubelet";
  std::string pod_logs = "/var/log/pods";
  std::string log_links = "/var/log/containers";
  std::string cgroup_root;  // pods live below <it>/kubepods
  std::string bridge = "keelson0";
  std::string cluster_cidr = "10.42.0.0/16";
  std::string service_cidr = "10.43.0.0/16";
  std::string dns_address = "10.43.0.10";
  std::string domain = "cluster.local";
  int api_port = 6443, kubelet_port = 10250, kubelet_health_port = 10248;
  int page_port = 6480;  // of the page without a log-in, on the loopback address
  int proxy_health_port = 10256, proxy_metrics_port = 10249;
  int node_grace_seconds = 50;            // of silence, until a node is given up
  int certificate_seconds = 365 * 86400;  // the life of what is signed for nodes
  std::string network;        // a network namespace's file; empty: the machine's own network
  std::string programs;       // their folder; empty: where this one is
  std::string supervisor;     // "own", "systemd" (watcher.h); empty: not yet chosen
  std::string cgroup_driver;  // of the runtime; empty: its own default
  std::string server;         // host:port of the API; empty: this node has the control plane
  bool operator==(const NodeOptions&) const = default;

  bool has_master() const { return server.empty(); }
  std::string server_address() const;  // host:port
  std::string admin_kubeconfig() const {
    return kubeconfig.empty() ? config_dir + "/admin.kubeconfig" : kubeconfig;
  }
  std::string node_dir() const { return state_dir + "/node"; }  // 0700: its identity
  std::string node_kubeconfig() const { return node_dir() + "/kubeconfig"; }
  // Certificate and key where the kubelet looks for what it is to renew in time; all else of the
  // node reads that file again (kubelet/cluster/access.h).
  std::string identity_dir() const { return kubelet_root + "/pki"; }
  std::string identity() const { return identity_dir() + "/kubelet-client-current.pem"; }
  std::string supervisor_dir() const { return run_dir + "/supervise"; }
  std::string logs_dir() const { return state_dir + "/daemon-logs"; }
  std::string log_of(const std::string& process) const {
    return logs_dir() + "/" + process + ".log";
  }
  std::string record() const { return state_dir + "/node.json"; }
};

std::string Encode(const NodeOptions& options);
base::Result<NodeOptions> Decode(const std::string& text);
// NotFound: no node was brought up there.
base::Result<NodeOptions> ReadRecord(const std::string& state_dir);

}  // namespace keelson::cluster
