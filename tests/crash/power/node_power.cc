// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/power/node_power.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>

#include "lib/base/ids.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::power_test {
namespace {

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
constexpr std::chrono::seconds kPatience{120};

}  // namespace

void NodePower::SetUp() {
  NodeTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  ASSERT_TRUE(os::MakeDirs(memory(), 0700).ok());
  ASSERT_EQ(mount("tmpfs", memory().c_str(), "tmpfs", 0, "size=1500m"), 0);
  NewBoot();
  ASSERT_EQ(mount((memory() + "/boot-id").c_str(), kBootId, nullptr, MS_BIND, nullptr), 0);
}

void NodePower::TearDown() {
  NodeTest::StopKubelet(SIGKILL);
  NodeTest::StopRuntime(SIGTERM);
  // While the folders' disk is there; the fixture does the rest.
  if (!run_.empty()) EndOfBoot();
  disk_.reset();
  (void)umount2(state().c_str(), MNT_DETACH);
  (void)umount2(kBootId, MNT_DETACH);
  (void)umount2(memory().c_str(), MNT_DETACH);
  NodeTest::TearDown();
}

void NodePower::KeepStateInMemory() {
  const std::string place = memory() + "/state";
  for (const std::string& folder : {place, state()}) ASSERT_TRUE(os::MakeDirs(folder, 0755).ok());
  ASSERT_EQ(mount(place.c_str(), state().c_str(), nullptr, MS_BIND, nullptr), 0);
}

void NodePower::Record(const std::string& place) {
  place_ = place;
  auto disk = RecordedDisk::Make(GetParam(), memory() + "/disk", place);
  ASSERT_TRUE(disk.ok()) << disk.error().message();
  disk_ = std::move(*disk);
}

void NodePower::EndRecording() {
  EndOfBoot();
  ASSERT_TRUE(disk_->Unmount().ok());
}

void NodePower::MountCut(const std::string& image) {
  auto mounted = LoopMount::Mount(GetParam(), image, place_);
  ASSERT_TRUE(mounted.ok()) << mounted.error().message();
  mount_ = std::make_unique<LoopMount>(std::move(*mounted));
}

void NodePower::NewBoot() {
  // The same file: it is mounted over the kernel's.
  const os::UniqueFd file =
      os::Open(memory() + "/boot-id", O_WRONLY | O_CREAT | O_TRUNC, 0644).value();
  ASSERT_TRUE(os::WriteAll(file.get(), base::RandomHex(16) + "\n").ok());
}

void NodePower::EndOfBoot() {
  const os::CommandResult cleaned = RuntimeCommand({"cleanup"});
  EXPECT_EQ(cleaned.status.code(), 0) << cleaned.err;
  if (place_ == kubelet_root()) {
    const os::CommandResult pods = KubeletCommand({"cleanup"});
    EXPECT_EQ(pods.status.code(), 0) << pods.err;
  }
  if (mount_) {
    const base::Status unmounted = mount_->Unmount();
    EXPECT_TRUE(unmounted.ok()) << unmounted.error().message();
    mount_.reset();
  }
  EXPECT_TRUE(os::RemoveTree(run_).ok());
  EXPECT_TRUE(os::RemoveTree(logs()).ok());
}

void NodePower::TrustRegistry(const std::string& address) {
  const std::string hosts = folder_ + "/config/registries/" + address;
  ASSERT_TRUE(os::MakeDirs(hosts, 0755).ok());
  ASSERT_TRUE(
      os::WriteFileAtomic(hosts + "/hosts.toml", "server = 'http://" + address + "'\n", 0644).ok());
}

os::CommandResult NodePower::RuntimeCommand(const std::vector<std::string>& words) {
  return Command(RuntimeArguments(words), kPatience);
}

os::CommandResult NodePower::KubeletCommand(const std::vector<std::string>& words) {
  return Command(KubeletArguments(words), kPatience);
}

std::string NodePower::ProblemsIn(const os::CommandResult& done) {
  EXPECT_EQ(done.status.code(), 0) << done.err;
  const auto report = json::ParseJson(done.out);
  EXPECT_TRUE(report.ok()) << done.out;
  std::string problems;
  if (!report.ok()) return problems;
  for (const json::Value& item : report->At({"items"}).items()) {
    const std::string& problem = item.At({"problem"}).AsString();
    if (!problem.empty() && problem.find("put aside") == std::string::npos)
      problems += json::WriteJson(item) + "\n";
  }
  return problems;
}

}  // namespace keelson::power_test
