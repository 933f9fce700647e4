// SPDX-License-Identifier: Apache-2.0
// The real runtime under the contract that the kubelet's fake keeps.
#include "kubelet/runtime_client/runtime_contract.h"

#include "tests/component/node_fixture.h"

namespace keelson::runtime_client {
namespace {

class RealRuntime : public node_test::NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LoadImage("busybox");
    StartRuntime();
  }
  std::string Image() const { return "docker.io/library/busybox:demo"; }
  std::string AbsentImage() const { return "docker.io/library/absent:demo"; }
  std::string LogRoot() const { return logs(); }
  std::string CgroupParent() const { return cgroup_root_ + "/pod"; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Keelson, RuntimeContract, RealRuntime);

}  // namespace
}  // namespace keelson::runtime_client
