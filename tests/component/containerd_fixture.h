// SPDX-License-Identifier: Apache-2.0
// Debian's containerd 1.6 on a node of a test's own, in place of keelson-runtime: it knows neither
// GetContainerEvents nor RuntimeConfig, brings a pause image and sets up pods with CNI plugins.
// Everything below the test's directories; what its parts put into fixed places is covered.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/component/node_fixture.h"

namespace keelson::node_test {

class ContainerdNode : public NodeTest {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  void SpawnContainerd();  // without waiting until it answers
  void StartContainerd();
  os::CommandResult Ctr(std::vector<std::string> words);
  void RemoveEveryPod();
  std::vector<int> Shims();  // pids
  std::string root() const { return dir_.path() + "/containerd"; }

  std::optional<os::ChildProcess> containerd_;

 private:
  static void Cover(const char* place);
  void Configure();
  void Import(const std::string& layout, const std::string& repository, const std::string& tag);
  void ImportImages();

  static inline std::vector<std::string> covered_;
};

}  // namespace keelson::node_test
