// SPDX-License-Identifier: Apache-2.0
// The runtime's state folder spoilt in each way that disks and people have: every kind of record of
// a pod, of its container and of an image cut short, zeroed, with a flipped bit, a folder in its
// place, gone, or of a later version. The daemon starts, the neighbours are whole, what is lost is
// named, can be had again, and leaves nothing. And a state folder that is full: what is new is
// refused and leaves nothing, what ends ends, and a daemon starts.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>

#include "lib/base/crc32c.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "runtime/cni/record.h"
#include "tests/component/node_fixture.h"
#include "tests/damage/damage.h"

namespace keelson::node_test {
namespace {

constexpr std::chrono::seconds kLimit{120};

struct Damage {
  const char* name;
  std::function<void(const std::string& path)> spoil;
  bool readable = false;  // by this version
};

void Later(const std::string& path) {
  // More at the end of the body, and the sum of all.
  std::string bytes = damage::BytesOf(path);
  bytes.resize(bytes.size() - 4);
  bytes[4] = 2;
  bytes += "of a later version";
  const uint32_t sum = base::Crc32c(bytes);
  bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  damage::Rewrite(path, bytes);
}

std::vector<Damage> Damages() {
  std::vector<Damage> all = {{"of a later version", Later, true}};
  for (const damage::Damage& one : damage::Damages()) all.push_back({one.name, one.spoil});
  return all;
}

class BadState : public NodeTest {
 protected:
  struct Pod {
    cri::PodSandboxConfig config;
    std::string id, container;
  };
  base::Result<std::string> RunPod(Pod& pod, const std::string& name, int port) {
    pod.config.mutable_metadata()->set_name(name);
    pod.config.mutable_metadata()->set_uid("uid-" + name);
    pod.config.mutable_metadata()->set_namespace_("default");
    pod.config.set_log_directory(logs() + "/" + name);
    pod.config.mutable_linux()->set_cgroup_parent(cgroup_root_ + "/" + name);
    if (port != 0) {
      auto& mapping = *pod.config.add_port_mappings();
      mapping.set_container_port(80);
      mapping.set_host_port(port);
    }
    auto ran = Runtime().RunPodSandbox(pod.config, "");
    if (ran.ok()) pod.id = *ran;
    return ran;
  }
  base::Result<std::string> Create(const Pod& pod, const std::string& tag,
                                   const std::string& script, const std::string& name = "main") {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_image()->set_image("docker.io/library/busybox:" + tag);
    for (const std::string& word : {std::string("sh"), std::string("-c"), script})
      config.add_command(word);
    config.set_log_path("main.log");
    return Runtime().CreateContainer(pod.id, config, pod.config);
  }
  Pod Ended(const std::string& name, int port, const std::string& tag, int code) {
    Pod pod;
    const auto ran = RunPod(pod, name, port);
    EXPECT_TRUE(ran.ok()) << (ran.ok() ? "" : ran.error().message());
    const auto made = Create(pod, tag, "exit " + std::to_string(code));
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
    if (!made.ok()) return pod;
    pod.container = *made;
    const auto started = Runtime().StartContainer(pod.container);
    EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message());
    if (!started.ok()) return pod;
    EXPECT_TRUE(Eventually([&] { return CodeOf(pod) == code; }));
    return pod;
  }
  int CodeOf(const Pod& pod) {
    const auto status = Runtime().ContainerStatus(pod.container);
    return status.ok() && status->state() == cri::CONTAINER_EXITED ? status->exit_code() : -1;
  }
  bool IsListed(const std::string& pod) {
    const auto pods = Runtime().ListPodSandboxes().value();
    return std::any_of(pods.begin(), pods.end(),
                       [&](const cri::PodSandbox& one) { return one.id() == pod; });
  }
  std::set<std::string> Tags() {
    std::set<std::string> tags;
    for (const cri::Image& one : Runtime().ListImages().value())
      tags.insert(one.repo_tags().begin(), one.repo_tags().end());
    return tags;
  }
  std::string RuntimeLog() { return os::ReadFile(dir_.path() + "/runtime.log").ValueOr(""); }
  os::CommandResult Program(const std::string& command) {
    return Command({base::BinDir() + "/keelson-runtime", "--state-dir", state(), "--run-dir", run_,
                    "--config-dir", dir_.path() + "/config", "--bridge", "kl" + id_, "--pod-subnet",
                    "10.199.7.0/24", "--pod-network", "10.199.0.0/16", command},
                   kLimit);
  }
  // The anchor too, which holds on to the folder that it was started with.
  void EndAll() { EXPECT_EQ(Program("cleanup").status.code(), 0); }
  void ExpectAllIsSomebodys() {
    const os::CommandResult done = Program("fsck");
    const auto report = json::ParseJson(done.out);
    ASSERT_TRUE(report.ok()) << done.out << done.err;
    for (const json::Value& item : report->At({"items"}).items()) {
      const std::string problem = item.At({"problem"}).AsString();
      EXPECT_TRUE(problem.empty() || problem.find("put aside") != std::string::npos)
          << json::WriteJson(item);
    }
  }
};

TEST_F(BadState, EveryKindOfRecordSpoiltInEveryWayCostsItsOwnerAlone) {
  LoadImage("busybox", "good");
  // Another image, with documents of its own, on the same layers but one.
  LoadImage("nginx", "bad");
  ASSERT_EQ(
      Command({"cp", "-a", ImageLayout("nginx"), dir_.path() + "/layout"}, kLimit).status.code(),
      0);
  StartRuntime();
  if (HasFatalFailure()) return;
  const std::string spoilt_tag = "docker.io/library/nginx:bad";
  const std::string image = Runtime().ImageStatus(spoilt_tag).value().image().id().substr(7);
  const std::string other =
      Runtime().ImageStatus("docker.io/library/busybox:good").value().image().id().substr(7);
  const Pod good = Ended("good", 31801, "good", 5);
  const Pod bad = Ended("bad", 31802, "good", 6);
  const Pod orphan = Ended("orphan", 0, "good", 7);
  for (const Pod* pod : {&good, &bad, &orphan}) ASSERT_TRUE(Runtime().StopPodSandbox(pod->id).ok());
  StopRuntime(SIGTERM);
  // Whose names they are is in them: the one of the image that is spoilt.
  std::string name_record;
  for (const os::DirEntry& entry : os::ListDir(state() + "/images/names").value()) {
    const std::string path = state() + "/images/names/" + entry.name;
    if (os::ReadFile(path).value().find(spoilt_tag) != std::string::npos) name_record = path;
  }
  ASSERT_NE(name_record, "");
  std::string layer;
  for (const os::DirEntry& entry : os::ListDir(state() + "/layers/sha256").value()) {
    const std::string record = os::ReadFile(state() + "/images/images/" + other + ".rec").value();
    if (record.find(entry.name) == std::string::npos) layer = entry.name;
  }
  ASSERT_NE(layer, "") << "no layer is the other image's alone";
  cni::Record attachment;
  attachment.attachment.sandbox_id = std::string(64, 'c');
  attachment.boot_id = "an earlier one";
  const std::string cni = state() + "/network/cni/" + attachment.attachment.sandbox_id;

  struct Kind {
    std::string path, named;  // in the log
    bool sealed = true;       // with a version and a sum
  };
  const std::vector<Kind> kinds = {
      {state() + "/pods/" + bad.id + "/record", bad.id},
      {state() + "/containers/" + orphan.container + "/record", orphan.container},
      {state() + "/network/addresses", "network/addresses.bad"},
      {state() + "/network/hostports", "network/hostports.bad"},
      {cni, "network/cni/" + attachment.attachment.sandbox_id + ".bad"},
      {state() + "/images/images/" + image + ".rec", "images/" + image},
      {name_record, name_record.substr(name_record.rfind('/') + 1)},
      {state() + "/layers/sha256/" + layer + "/layer.rec", layer},
      {state() + "/images/blobs/sha256/" + image, image, false},
  };
  const std::string saved = dir_.path() + "/saved";
  ASSERT_EQ(Command({"cp", "-a", state(), saved}, kLimit).status.code(), 0);
  EndAll();
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    ASSERT_TRUE(os::RemoveTree(state()).ok());
    ASSERT_EQ(Command({"cp", "-a", saved, state()}, kLimit).status.code(), 0);
    ASSERT_TRUE(os::MakeDirs(state() + "/network/cni", 0700).ok());
    ASSERT_TRUE(os::WriteFileAtomic(cni, cni::Encode(attachment), 0600).ok());
    for (const Kind& kind : kinds) {
      if (damage.readable && !kind.sealed) continue;
      damage.spoil(kind.path);
    }
    (void)os::RemoveFile(dir_.path() + "/runtime.log");
    StartRuntime();
    if (HasFatalFailure()) return;
    EXPECT_TRUE(IsListed(good.id));
    EXPECT_EQ(CodeOf(good), 5);
    EXPECT_EQ(CodeOf(bad), 6) << "the container of a pod whose record is lost";
    EXPECT_EQ(IsListed(bad.id), damage.readable);
    EXPECT_EQ(CodeOf(orphan), damage.readable ? 7 : -1);
    EXPECT_TRUE(Tags().contains("docker.io/library/busybox:good"));
    EXPECT_EQ(Tags().contains(spoilt_tag), damage.readable);
    const bool missing = damage.name == std::string(damage::kMissing);
    for (const Kind& kind : kinds) {
      if (damage.readable || missing) break;  // nobody can name what is not there
      EXPECT_NE(RuntimeLog().find(kind.named), std::string::npos) << kind.path << " is not named:\n"
                                                                  << RuntimeLog();
    }
    // All of it can be removed, and made again.
    for (const Pod* pod : {&good, &bad, &orphan}) {
      EXPECT_TRUE(Runtime().RemoveContainer(pod->container).ok());
      EXPECT_TRUE(Runtime().RemovePodSandbox(pod->id).ok());
    }
    const Pod again = Ended("bad", 31802, "good", 8);
    EXPECT_TRUE(Runtime().RemovePodSandbox(again.id).ok());
    EXPECT_TRUE(Runtime().ListPodSandboxes().value().empty());
    EXPECT_TRUE(Runtime().ListContainers().value().empty());
    StopRuntime(SIGTERM);
    LoadImage("nginx", "bad");
    // The attachment names no plugin that there is: its DEL stays owed.
    (void)os::RemoveTree(state() + "/network/cni");
    ExpectAllIsSomebodys();
    EndAll();
    if (HasFailure()) return;
  }
}

TEST_F(BadState, OnAFullDiskWhatIsNewIsRefusedAndWhatEndsEnds) {
  ASSERT_TRUE(os::MakeDirs(state(), 0700).ok());
  ASSERT_EQ(mount("tmpfs", state().c_str(), "tmpfs", 0, "size=48m"), 0);
  const auto unmount = [this] { EXPECT_EQ(umount2(state().c_str(), MNT_DETACH), 0); };
  LoadImage("busybox", "good");
  StartRuntime();
  if (HasFatalFailure()) return unmount();
  Pod living, other;
  ASSERT_TRUE(RunPod(living, "living", 31811).ok());
  living.container =
      Create(living, "good", "while [ ! -e /end ]; do sleep 0.05; done; exit 9").value();
  ASSERT_TRUE(Runtime().StartContainer(living.container).ok());
  ASSERT_TRUE(RunPod(other, "other", 31812).ok());
  other.container = Create(other, "good", "while true; do sleep 1; done").value();
  ASSERT_TRUE(Runtime().StartContainer(other.container).ok());

  const auto fill = [this] {
    // What was removed goes behind its caller.
    EXPECT_TRUE(Eventually([&] { return os::ListDir(state() + "/trash").value().empty(); }));
    const os::UniqueFd ballast =
        os::Open(state() + "/ballast", O_WRONLY | O_CREAT | O_APPEND, 0600).value();
    const std::string piece(4096, 'b');
    while (write(ballast.get(), piece.data(), piece.size()) > 0) {
    }
  };
  fill();
  Pod refused;
  const auto ran = RunPod(refused, "refused", 31813);
  EXPECT_FALSE(ran.ok());
  if (!ran.ok()) {
    EXPECT_NE(ran.error().message().find("No space left"), std::string::npos)
        << ran.error().message();
  }
  fill();
  const auto created = Create(living, "good", "true", "second");
  EXPECT_FALSE(created.ok());
  EXPECT_EQ(Runtime().ListPodSandboxes().value().size(), 2u);
  EXPECT_EQ(Runtime().ListContainers().value().size(), 2u);
  // A folder may be made where there is no room for a file: it does not stay.
  EXPECT_EQ(os::ListDir(state() + "/pods").value().size(), 2u);
  EXPECT_EQ(os::ListDir(state() + "/containers").value().size(), 2u);

  fill();
  // An end is an end, also for the next daemon: of what the disk did not take the monitor knows.
  EXPECT_TRUE(Runtime().StopContainer(other.container, std::chrono::seconds(0)).ok());
  EXPECT_EQ(CodeOf(other), 137);
  StopRuntime(SIGKILL);
  StartRuntime();
  EXPECT_EQ(CodeOf(other), 137) << RuntimeLog();
  EXPECT_EQ(Runtime().ContainerStatus(living.container).value().state(), cri::CONTAINER_RUNNING);
  const auto stopped = Runtime().StopPodSandbox(other.id);
  EXPECT_TRUE(stopped.ok()) << (stopped.ok() ? "" : stopped.error().message());
  const auto removed = Runtime().RemovePodSandbox(other.id);
  EXPECT_TRUE(removed.ok()) << (removed.ok() ? "" : removed.error().message());
  EXPECT_EQ(Runtime().ListPodSandboxes().value().size(), 1u);

  // With room again all goes on.
  ASSERT_TRUE(os::RemoveFile(state() + "/ballast").ok());
  const auto now = RunPod(refused, "refused", 0);
  EXPECT_TRUE(now.ok()) << (now.ok() ? "" : now.error().message());
  EXPECT_TRUE(Runtime().ExecSync(living.container, {"touch", "/end"}, kLimit).ok());
  EXPECT_TRUE(Eventually([&] { return CodeOf(living) == 9; }));
  for (const cri::PodSandbox& pod : Runtime().ListPodSandboxes().value())
    EXPECT_TRUE(Runtime().RemovePodSandbox(pod.id()).ok());
  StopRuntime(SIGTERM);
  ExpectAllIsSomebodys();
  unmount();
}

}  // namespace
}  // namespace keelson::node_test
