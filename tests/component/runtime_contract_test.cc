// SPDX-License-Identifier: Apache-2.0
// The real runtime under the contract that the kubelet's fake keeps.
#include "cri-api/client/runtime_contract.h"

#include "kubelet/log_rotation/log_rotation.h"
#include "lib/os/process.h"
#include "tests/component/node_fixture.h"

namespace keelson::cri_client {
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

class RealLogs : public RuntimeContract<RealRuntime> {};

TEST_F(RealLogs, ReopenContainerLog_LosesNoLine) {
  constexpr int kLines = 150000;
  const std::string pod = RunPod("web");
  const std::string id = Start(
      pod, "one",
      "i=0; while [ $i -lt " + std::to_string(kLines) +
          " ]; do echo line $i; i=$((i+1)); done; while true; do echo last; sleep 0.01; done");
  const std::string log = StatusOf(id).log_path();
  const std::string directory = log.substr(0, log.rfind('/'));
  int64_t now = int64_t{1'767'323'045} * 1'000'000'000;
  const auto turn = [&] {
    const base::Status turned = log_rotation::Rotate(
        log, now += 1'000'000'000, {.max_bytes = 16 << 10, .max_files = 100000},
        [&] { return Runtime().ReopenContainerLog(id); });
    EXPECT_TRUE(turned.ok()) << Text(turned);
  };
  ASSERT_TRUE(Eventually([&] {
    turn();
    return os::ReadFile(log).ValueOr("").find("stdout F last") != std::string::npos;
  }));
  ASSERT_TRUE(Runtime().StopContainer(id, std::chrono::seconds(0)).ok());
  std::string text;
  int turned_over = 0;
  const auto entries = os::ListDir(directory).value();
  std::vector<std::string> names;
  for (const os::DirEntry& entry : entries) {
    if (entry.name != "0.log") names.push_back(entry.name);  // in order of time
  }
  names.push_back("0.log");
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (name.ends_with(".gz")) {
      const base::Result<os::CommandResult> unpacked =
          os::RunCommand({.argv = {"/bin/gzip", "-dc", path}, .env = {"PATH=/usr/bin:/bin"}}, "",
                         std::chrono::seconds(60));
      ASSERT_TRUE(unpacked.ok() && unpacked->status.code() == 0) << path;
      text += unpacked->out;
    } else {
      text += os::ReadFile(path).value();
    }
    turned_over += name == "0.log" ? 0 : 1;
  }
  EXPECT_GT(turned_over, 3);
  int expected = 0;
  for (size_t at = 0; (at = text.find(" F line ", at)) != std::string::npos; at += 8, ++expected) {
    ASSERT_EQ(std::stoi(text.substr(at + 8, 8)), expected)
        << "a line is lost, doubled or out of order";
  }
  EXPECT_EQ(expected, kLines);
}

}  // namespace
}  // namespace keelson::cri_client
