// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/api.h"
#include "cli/cluster/drain.h"
#include "cli/cluster/machine.h"
#include "cli/cluster/node_life.h"
#include "cli/cluster/watcher.h"
#include "lib/os/files.h"

namespace keelson::cluster {
namespace {

// All that is tried is tried, whatever failed before; the first failure is the answer.
class Steps {
 public:
  void Take(const char* what, const base::Status& done) {
    if (!done.ok() && first_.ok()) first_ = done.error().WithContext(what);
  }
  const base::Status& first() const { return first_; }

 private:
  base::Status first_;
};

base::Status CleanUpPods(const NodeOptions& o) {
  std::vector<std::string> runtime = RuntimeWords(o);
  runtime.insert(runtime.begin(), "keelson-runtime");
  runtime.push_back("cleanup");
  RETURN_IF_ERROR(RunProgram(o, std::move(runtime)));
  std::vector<std::string> words = {"keelson-kubelet", "--config", o.node_dir() + "/kubelet.yaml",
                                    "--root-dir", o.kubelet_root};
  if (!o.cgroup_root.empty()) words.insert(words.end(), {"--cgroup-root", o.cgroup_root});
  words.push_back("cleanup");
  return RunProgram(o, std::move(words));
}

base::Status RemoveState(const DownOptions& options, const NodeOptions& node) {
  Steps steps;
  const auto remove = [&](const std::string& path) {
    steps.Take(path.c_str(), os::RemoveTree(path));
  };
  remove(node.kubelet_root + "/pods");
  remove(node.identity_dir());
  (void)rmdir(node.kubelet_root.c_str());
  if (node.pod_logs.starts_with(node.state_dir + "/")) remove(node.pod_logs);
  if (node.log_links.starts_with(node.state_dir + "/")) remove(node.log_links);
  if (node.has_master()) steps.Take("kubeconfig", os::RemoveFile(node.admin_kubeconfig()));
  for (const char* name : {"/manifests", "/objects", "/kubelet.conf.d", ""})
    (void)rmdir((node.config_dir + name).c_str());  // what is somebody's stays
  remove(node.run_dir);
  if (options.keep_images) {
    for (const char* name : {"/master", "/node", "/daemon-logs"}) remove(node.state_dir + name);
    steps.Take("node.json", os::RemoveFile(node.record()));
  } else {
    remove(node.state_dir);
  }
  return steps.first();
}

}  // namespace

base::Status Down(const DownOptions& options, const base::Clock& clock,
                  const cli::Console& console) {
  const auto record = ReadRecord(options.state_dir);
  if (!record.ok()) {
    return base::NotFound("no node of a cluster was brought up in {} (keelson up, keelson join)",
                          options.state_dir);
  }
  NodeOptions node = *record;
  ASSIGN_OR_RETURN(const os::UniqueFd network, HoldNetwork(node));
  ASSIGN_OR_RETURN(const std::unique_ptr<Watcher> watcher, WatcherOf(node));
  Steps steps;
  if (options.drain) RETURN_IF_ERROR(Drain(node, options.grace_seconds, clock, console));
  for (const char* process : {"kubelet", "proxy", "dns", "runtime"})
    steps.Take("stop", watcher->Stop(process));
  steps.Take("remove the pods", CleanUpPods(node));
  steps.Take("remove the proxy's rules",
             RunProgram(node, {"keelson-proxy", "--cleanup", "--cluster-cidr", node.cluster_cidr}));
  if (options.drain) steps.Take("delete the node", DeleteNode(node, console));
  steps.Take("stop", watcher->Stop("master"));
  steps.Take("end the watching", watcher->Leave());
  RemoveCgroup(node.cgroup_root);
  RETURN_IF_ERROR(steps.first());  // what failed can be tried again: the record is still there
  RETURN_IF_ERROR(RemoveState(options, node));
  console.out << "node " << node.name << " is down" << (options.keep_images ? ", images stay" : "")
              << "\n";
  return base::Ok();
}

}  // namespace keelson::cluster
