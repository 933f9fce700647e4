// SPDX-License-Identifier: Apache-2.0
// A node of a test's own: the real keelson-runtime and keelson-kubelet as processes, in a network
// and mount namespace of the test's, with folders, cgroup root and bridge under names of its own.
// What it starts it takes away, also when the test fails.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cri-api/client/runtime_client.h"
#include "lib/json/value.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"

namespace keelson::node_test {

class NodeTest : public testing::Test {
 protected:
  static void SetUpTestSuite();  // namespaces, before any thread; demo images
  void SetUp() override;
  void TearDown() override;

  void StartRuntime();
  void SpawnRuntime();  // without waiting until it answers
  void StopRuntime(int signal);
  void StartKubelet(const std::vector<std::string>& more_arguments = {});
  void SpawnKubelet(const std::vector<std::string>& more_arguments = {});
  void StopKubelet(int signal);
  // Of kubelets that begin: a file of their --config-dir, later ones by name count.
  void SetKubelet(const std::string& name, const std::string& fields);
  // busybox or nginx, as docker.io/library/<name>:<tag>
  void LoadImage(const std::string& name, const std::string& tag = "demo");
  // Polls; false after `seconds`.
  bool Eventually(const std::function<bool()>& condition, int seconds = 120);
  void PutManifest(const std::string& file, const std::string& text);
  void RemoveManifest(const std::string& file);
  std::string Get(const std::string& path);  // of the kubelet's socket; empty: no answer
  std::string DaemonLogs();
  // Every container's log lines, in order of attempts.
  std::vector<std::string> LogLines(const std::string& pod, const std::string& container);
  cri_client::RuntimeClient& Runtime() { return *client_; }

  // Of examples/.
  static std::string Example(const std::string& name);
  // One container "main" of busybox that runs `script`; what is added are whole lines, indented as
  // they have to be.
  static std::string BusyboxPod(const std::string& name, const std::string& script,
                                const std::string& more_spec = "",
                                const std::string& more_container = "");
  // As the kubelet tells them, of the static pod `name` in namespace default; null when there is
  // none.
  json::Value Pod(const std::string& name);
  json::Value Status(const std::string& name) { return Pod(name).At({"status"}); }
  std::string Uid(const std::string& name) { return Pod(name).At({"metadata", "uid"}).AsString(); }
  json::Value Container(const std::string& pod, const std::string& name);
  bool IsReady(const std::string& name);
  bool IsGone() { return Runtime().ListPodSandboxes().value().empty(); }
  static os::CommandResult Command(std::vector<std::string> words, std::chrono::seconds timeout);
  static std::string ImageLayout(const std::string& name);
  // The node's small processes (anchor, monitors, log processes, pods' first processes) that live
  // now: pid and command line.
  std::vector<std::pair<pid_t, std::string>> SmallProcesses();

  // The programs' command lines, with a task ("fsck") behind.
  std::vector<std::string> RuntimeArguments(const std::vector<std::string>& command) const;
  std::vector<std::string> KubeletArguments(const std::vector<std::string>& more) const;
  std::string state() const { return folder_ + "/state"; }
  std::string run() const { return run_; }
  std::string manifests() const { return folder_ + "/manifests"; }
  std::string logs() const { return folder_ + "/pod-logs"; }
  std::string kubelet_settings() const { return folder_ + "/kubelet.conf.d"; }
  std::string kubelet_root() const { return kubelet_root_; }

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-node")).value();
  std::string folder_ = dir_.path();  // of all of the node's folders but its run directory
  std::string kubelet_root_ = folder_ + "/kubelet";
  std::string id_, run_, cgroup_root_;
  std::string endpoint_;                  // the CRI that the kubelet is given
  std::vector<std::string> environment_;  // "K=V", of daemons that begin
  std::optional<os::ChildProcess> runtime_, kubelet_;
  std::unique_ptr<cri_client::RuntimeClient> client_;

 private:
  std::vector<std::string> Environment() const;
  void CheckNothingIsLeft();
};

}  // namespace keelson::node_test
