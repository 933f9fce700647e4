// SPDX-License-Identifier: Apache-2.0
// What a container of a pod reaches under keelson-runtime, beside the same container of the same
// pod under Debian's containerd: both are asked for it over the CRI in the kubelet's words.
// known.txt has the differences that are meant, with their reasons; compare.py tells the others.
// KEELSON_REACH_KEEP: a folder for the reports. KEELSON_REACH_ONLY: the one form to try.
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "lib/base/testing/places.h"
#include "lib/kernel/keys/keys.h"
#include "lib/os/files.h"
#include "tests/component/containerd_fixture.h"

namespace keelson::node_test {
namespace {

constexpr const char* kMarker = "keelson-reach-marker";
constexpr int kPatience = 1200;  // seconds that the probe may take where everything is emulated

// The kubelet's lists.
constexpr const char* kMasked[] = {
    "/proc/asound",     "/proc/acpi",        "/proc/interrupts",
    "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
    "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
constexpr const char* kReadOnly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                     "/proc/sysrq-trigger"};

using Change = std::function<void(cri::LinuxContainerSecurityContext&)>;

// One of a container's two makers.
struct Side {
  std::string name;
  cri_client::RuntimeClient* runtime;
  std::string pod, container, report;
};

class CriReach : public ContainerdNode {
 protected:
  void SetUp() override {
    if (geteuid() == 0) KeepKey();
    ContainerdNode::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    theirs_ = std::move(client_);
    LoadImage("busybox");
    StartRuntime();
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/probe", 0755).ok());
    std::filesystem::copy_file(base::BinDir() + "/keelson-reach",
                               dir_.path() + "/probe/keelson-reach");
    ASSERT_EQ(chmod((dir_.path() + "/probe/keelson-reach").c_str(), 0755), 0);
  }
  void TearDown() override {
    client_ = std::move(theirs_);  // whose pods nobody else removes
    ContainerdNode::TearDown();
  }

  // One that is both runtimes', to see whether a container finds it.
  static void KeepKey() {
    if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) < 0) return;
    ASSERT_TRUE(keys::JoinFreshSession().ok());
    const long key = syscall(SYS_add_key, "user", kMarker, "x", 1, KEY_SPEC_SESSION_KEYRING);
    ASSERT_GE(key, 0);
    ASSERT_EQ(syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f3f3f), 0);
  }

  static std::string HostNamespaces() {
    std::string text;
    for (const char* name : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
      struct stat st{};
      if (stat((std::string("/proc/self/ns/") + name).c_str(), &st) == 0)
        text += (text.empty() ? "" : ",") + std::to_string(st.st_ino);
    }
    return text;
  }

  void Start(Side& side, const std::string& name, const Change& change) {
    const std::string out = dir_.path() + "/" + side.name + "-" + name;
    ASSERT_TRUE(os::MakeDirs(out, 0777).ok());
    ASSERT_EQ(chmod(out.c_str(), 0777), 0);
    side.report = out + "/report";
    cri::PodSandboxConfig pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_metadata()->set_namespace_("default");
    pod.set_hostname("probed");
    pod.set_log_directory(out);
    pod.mutable_linux()->set_cgroup_parent(cgroup_root_ + "/" + side.name + "-" + name);
    pod.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
        cri::CONTAINER);
    const base::Result<std::string> sandbox = side.runtime->RunPodSandbox(pod, "");
    ASSERT_TRUE(sandbox.ok()) << side.name << ": " << sandbox.error().message();
    side.pod = *sandbox;
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name("probe");
    config.mutable_image()->set_image("docker.io/library/busybox:demo");
    for (const std::string& word : {std::string("/probe/keelson-reach"), std::string("/out/report"),
                                    std::string(kMarker), HostNamespaces()})
      config.add_command(word);
    config.set_log_path("log");
    const auto mount = [&](const std::string& from, const std::string& to, bool read_only) {
      cri::Mount& added = *config.add_mounts();
      added.set_host_path(from);
      added.set_container_path(to);
      added.set_readonly(read_only);
    };
    mount(dir_.path() + "/probe", "/probe", true);
    mount(out, "/out", false);
    auto& security = *config.mutable_linux()->mutable_security_context();
    security.mutable_namespace_options()->set_pid(cri::CONTAINER);
    security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    for (const char* path : kMasked) security.add_masked_paths(path);
    for (const char* path : kReadOnly) security.add_readonly_paths(path);
    change(security);
    const base::Result<std::string> id = side.runtime->CreateContainer(side.pod, config, pod);
    ASSERT_TRUE(id.ok()) << side.name << ": " << id.error().message();
    side.container = *id;
    const base::Status started = side.runtime->StartContainer(*id);
    ASSERT_TRUE(started.ok()) << side.name << ": " << started.error().message();
  }

  void Finish(const Side& side, const std::string& variant, int turn) {
    const auto ended = [&] {
      const auto status = side.runtime->ContainerStatus(side.container);
      return status.ok() && status->state() == cri::CONTAINER_EXITED;
    };
    ASSERT_TRUE(Eventually(ended, kPatience)) << side.name << ": the probe does not end";
    EXPECT_TRUE(side.runtime->StopPodSandbox(side.pod).ok());
    EXPECT_TRUE(side.runtime->RemovePodSandbox(side.pod).ok());
    if (const char* keep = std::getenv("KEELSON_REACH_KEEP"); keep != nullptr)
      std::filesystem::copy_file(side.report, std::string(keep) + "/cri-" + variant + "-" +
                                                  side.name + "-" + std::to_string(turn));
  }

  // Differences that known.txt does not have; more turns only when there are some: what then agrees
  // was the doing of a machine with others on it.
  void Compare(const std::string& variant, const Change& change) {
    cri::LinuxContainerSecurityContext wish;
    wish.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    change(wish);
    const bool confined = wish.seccomp().profile_type() != cri::SecurityProfile::Unconfined;
    const bool v2 = os::Exists("/sys/fs/cgroup/cgroup.controllers");
    std::vector<std::string> ours, theirs;
    os::CommandResult compared;
    for (int turn = 0; turn < 4; ++turn) {
      Side sides[] = {{"keelson", client_.get(), "", "", ""},
                      {"containerd", theirs_.get(), "", "", ""}};
      for (Side& side : sides) {
        Start(side, variant + "-" + std::to_string(turn), change);
        if (HasFatalFailure()) return;
      }
      for (const Side& side : sides) {
        Finish(side, variant, turn);
        if (HasFatalFailure()) return;
      }
      ours.push_back(sides[0].report);
      theirs.push_back(sides[1].report);
      std::vector<std::string> words = {
          "/usr/bin/python3", base::SourceDir() + "/tests/reach/compare.py",
          base::SourceDir() + "/tests/reach/known.txt",
          std::string(v2 ? "cri,v2," : "cri,v1,") + variant + (confined ? ",cri-confined" : "")};
      words.insert(words.end(), ours.begin(), ours.end());
      words.emplace_back("--");
      words.insert(words.end(), theirs.begin(), theirs.end());
      compared = Command(std::move(words), std::chrono::seconds(300));
      if (compared.status.code() == 0) break;
      std::fprintf(stderr, "turn %d: %s", turn, compared.out.c_str());
    }
    EXPECT_EQ(compared.status.code(), 0) << "differences that known.txt does not have:\n"
                                         << compared.out << compared.err;
    const std::string text = os::ReadFile(ours.front(), size_t{256} << 20).value();
    EXPECT_GT(std::count(text.begin(), text.end(), '\n'), 5000) << "the probe tried too little";
  }

  std::unique_ptr<cri_client::RuntimeClient> theirs_;
};

// All in one node: what takes its time is to bring that up.
TEST_F(CriReach, OfAContainerIsWhatContainerdGives) {
  const std::pair<const char*, Change> variants[] = {
      {"cri-default", [](cri::LinuxContainerSecurityContext&) {}},
      {"cri-unconfined",
       [](cri::LinuxContainerSecurityContext& security) {
         security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
       }},
      {"cri-none",
       [](cri::LinuxContainerSecurityContext& security) {
         security.mutable_capabilities()->add_drop_capabilities("ALL");
         security.set_no_new_privs(true);
         security.set_readonly_rootfs(true);
       }},
      {"cri-user",
       [](cri::LinuxContainerSecurityContext& security) {
         security.mutable_run_as_user()->set_value(1000);
         security.mutable_run_as_group()->set_value(1000);
         security.add_supplemental_groups(2000);
       }},
  };
  for (const auto& [variant, change] : variants) {
    SCOPED_TRACE(variant);
    const char* only = std::getenv("KEELSON_REACH_ONLY");
    if (only != nullptr && only != std::string(variant)) continue;
    Compare(variant, change);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace keelson::node_test
