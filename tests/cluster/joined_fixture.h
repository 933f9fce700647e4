// SPDX-License-Identifier: Apache-2.0
// A one-node cluster of a test's own: keelson-master, keelson-runtime and keelson-kubelet as
// processes, asked by the kubectl that tests/master/clients builds. All in the namespaces of
// NodeTest; ended with the test.
#pragma once

#include "tests/cluster/kubectl_program.h"
#include "tests/component/node_fixture.h"
#include "tests/load/master_process.h"

namespace keelson::cluster_test {

class JoinedNode : public node_test::NodeTest {
 protected:
  static void SetUpTestSuite();  // finds kubectl first: it may have to be built
  void SetUp() override;
  void TearDown() override;

  void StartMaster(const std::vector<std::string>& more_arguments = {});
  // With both demo images, until the node is Ready.
  void StartNode();
  // `access`: of the kubelet; empty: the administrator's.
  void Join(const std::string& access = "");
  void Rejoin();  // a kubelet once more, after StopKubelet

  // What it prints, with what it says beside; it must not fail.
  std::string Kubectl(std::vector<std::string> words, const std::string& input = "");
  os::CommandResult TryKubectl(std::vector<std::string> words, const std::string& input = "");
  json::Value Object(std::vector<std::string> words);  // of "get WORDS -o json"; null: none
  void Apply(const json::Value& object);
  // The cluster takes nodes by kToken: with what upstream's installers bind for it.
  static constexpr char kToken[] = "abcdef.0123456789abcdef";
  void AdmitByToken();
  std::string Bootstrap(const std::string& token);  // a kubeconfig to join by
  std::string Condition(const json::Value& object, const std::string& type);
  // A Deployment of examples/web.yaml's pod.
  json::Value Web(const std::string& name, int replicas, int grace_seconds = 1);
  std::string Access();  // the administrator's kubeconfig
  std::vector<std::string> Environment() const;
  // kubectl's, found or built before the test has a network of its own; empty: there is none.
  static std::string Program(int minor = kNewest);
  static void FindProgram(int minor);

  std::optional<load::MasterProcess> master_;
  std::string sockets_ = "true";      // whether kubectl speaks WebSocket
  std::vector<std::string> joining_;  // the kubelet's arguments

  static constexpr int kNewest = kNewestKubectl;
  static constexpr char kAddress[] = "10.199.0.1";  // the node's
};

}  // namespace keelson::cluster_test
