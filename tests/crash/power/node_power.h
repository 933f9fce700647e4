// SPDX-License-Identifier: Apache-2.0
// A node with one of its folders on a recorded disk, and another boot of it after each cut: another
// boot id, an empty run directory, nothing of the boot before in the kernel. For the tests of
// keelson-runtime and keelson-kubelet, one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/component/node_fixture.h"
#include "tests/crash/power/power_disk.h"

namespace keelson::power_test {

class NodePower : public node_test::NodeTest, public testing::WithParamInterface<FileSystem> {
 protected:
  void SetUp() override;
  void TearDown() override;

  std::string memory() const { return dir_.path() + "/memory"; }  // a tmpfs
  // The runtime's, at memory()/state, where it can be copied by links.
  void KeepStateInMemory();
  void Record(const std::string& place);  // from now on what is written below it
  void EndRecording();                    // of an ended node; takes its boot away
  void MountCut(const std::string& image);
  void NewBoot();
  // What the machine's end would take: all that daemons have in the kernel, run directory, logs.
  // The cut's image is unmounted.
  void EndOfBoot();
  // What its registry's images are pulled over plain http.
  void TrustRegistry(const std::string& address);
  os::CommandResult RuntimeCommand(const std::vector<std::string>& words);
  os::CommandResult KubeletCommand(const std::vector<std::string>& words);
  // Items of `fsck` of whoever said `done` that have a problem, one a line, but for what was put
  // aside: that is for a person to look at.
  static std::string ProblemsIn(const os::CommandResult& done);

  std::unique_ptr<RecordedDisk> disk_;

 private:
  std::string place_;  // of the recorded disk, then of each cut
  std::unique_ptr<LoopMount> mount_;
};

}  // namespace keelson::power_test
