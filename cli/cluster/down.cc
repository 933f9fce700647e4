// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/api.h"
#include "cli/cluster/drain.h"
#include "cli/cluster/machine.h"
#include "cli/cluster/node_life.h"
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

base::Status Stop(const NodeOptions& options, const char* process) {
  const auto told =
      supervise::Ask({options.supervisor_dir()}, {.verb = supervise::Verb::kStop, .name = process});
  if (!told.ok() && told.error().code() != base::Code::kUnavailable) return told.error();
  // Also what nobody watches any more, since the supervisor and its twin were killed at once.
  return RunProgram(options, {"keelson-supervise", "--end", options.supervisor_dir(), process});
}

base::Status CleanUpPods(const NodeOptions& o) {
  RETURN_IF_ERROR(
      RunProgram(o, {"keelson-runtime", "--state-dir=" + o.state_dir, "--run-dir=" + o.run_dir,
                     "--config-dir=" + o.config_dir, "--bridge=" + o.bridge, "--pod-subnet", "",
                     "--pod-network=" + o.cluster_cidr, "cleanup"}));
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
  const NodeOptions& node = *record;
  Steps steps;
  if (options.drain) RETURN_IF_ERROR(Drain(node, options.grace_seconds, clock, console));
  for (const char* process : {"kubelet", "proxy", "dns", "runtime"})
    steps.Take("stop", Stop(node, process));
  steps.Take("remove the pods", CleanUpPods(node));
  steps.Take("remove the proxy's rules",
             RunProgram(node, {"keelson-proxy", "--cleanup", "--cluster-cidr", node.cluster_cidr}));
  if (options.drain) steps.Take("delete the node", DeleteNode(node, console));
  steps.Take("stop", Stop(node, "master"));
  const auto quit = supervise::Ask({node.supervisor_dir()}, {.verb = supervise::Verb::kQuit});
  if (quit.ok()) (void)Eventually(std::chrono::seconds(20), [&] { return !IsSupervised(node); });
  RemoveCgroup(node.cgroup_root);
  RETURN_IF_ERROR(steps.first());  // what failed can be tried again: the record is still there
  RETURN_IF_ERROR(RemoveState(options, node));
  console.out << "node " << node.name << " is down" << (options.keep_images ? ", images stay" : "")
              << "\n";
  return base::Ok();
}

}  // namespace keelson::cluster
