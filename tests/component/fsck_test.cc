// SPDX-License-Identifier: Apache-2.0
// `keelson fsck` on a node with pods: everything has an owner; what is orphaned by hand is named,
// and nothing else; mending takes away exactly that, and the pods go on.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "lib/base/ids.h"
#include "lib/base/testing/places.h"
#include "lib/json/value.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "runtime/network/addresses.h"
#include "runtime/network/host_ports.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

class Fsck : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LoadImage("busybox");
    // What the fixture gives as flags, for programs that are started by others.
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/config/runtime.yaml",
                                    "bridge: kl" + id_ +
                                        "\npod-subnet: 10.199.7.0/24\n"
                                        "pod-network: 10.199.0.0/16\n",
                                    0644)
                    .ok());
    StartRuntime();
  }

  std::string RunPod(const std::string& name) {
    cri::PodSandboxConfig pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_metadata()->set_namespace_("default");
    pod.set_hostname(name);
    pod.set_log_directory(logs() + "/" + name);
    pod.mutable_linux()->set_cgroup_parent(cgroup_root_ + "/" + name);
    cri::PortMapping* port = pod.add_port_mappings();
    port->set_container_port(80);
    port->set_host_port(static_cast<int32_t>(30000 + pods_++));
    const base::Result<std::string> id = Runtime().RunPodSandbox(pod, "");
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    if (!id.ok()) return "";
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name("main");
    config.mutable_image()->set_image("docker.io/library/busybox:demo");
    for (const char* word : {"sh", "-c", "echo here >/kept; while true; do sleep 1; done"})
      config.add_command(word);
    config.set_log_path("main.log");
    const base::Result<std::string> container = Runtime().CreateContainer(*id, config, pod);
    EXPECT_TRUE(container.ok()) << (container.ok() ? "" : container.error().message());
    if (!container.ok()) return *id;
    EXPECT_TRUE(Runtime().StartContainer(*container).ok());
    containers_.push_back(*container);
    return *id;
  }

  struct Answer {
    int code = 0;
    std::string text;
    std::vector<json::Value> problems;  // items
  };
  Answer Check(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {base::BinDir() + "/keelson",
                                      "fsck",
                                      "-o",
                                      "json",
                                      "--state-dir",
                                      state(),
                                      "--run-dir",
                                      run(),
                                      "--config-dir",
                                      dir_.path() + "/config"};
    words.insert(words.end(), more.begin(), more.end());
    const os::CommandResult done = Command(words, std::chrono::seconds(120));
    Answer answer{done.status.code(), done.out + done.err, {}};
    const base::Result<json::Value> parsed = json::ParseJson(done.out);
    EXPECT_TRUE(parsed.ok()) << answer.text;
    if (!parsed.ok()) return answer;
    for (const json::Value& report : parsed->At({"reports"}).items()) {
      for (const json::Value& item : report.At({"items"}).items()) {
        if (!item.At({"problem"}).AsString().empty()) answer.problems.push_back(item);
      }
    }
    return answer;
  }
  static std::set<std::string> Things(const Answer& answer) {
    std::set<std::string> things;
    for (const json::Value& item : answer.problems) things.insert(item.At({"thing"}).AsString());
    return things;
  }
  bool PodsLive() {
    return std::all_of(containers_.begin(), containers_.end(), [this](const std::string& id) {
      const auto done = Runtime().ExecSync(id, {"cat", "/kept"}, std::chrono::seconds(60));
      return done.ok() && done->stdout() == "here\n";
    });
  }

  // What somebody or something else has left of pods and images that are not there.
  std::set<std::string> Orphan() {
    std::set<std::string> things;
    const std::string id = base::NewObjectId();
    Pin(run() + "/netns/" + id);
    things.insert(run() + "/netns/" + id);
    EXPECT_EQ(Command({"ip", "link", "add", "kl" + id.substr(0, 12), "type", "veth", "peer", "name",
                       "orphan0"},
                      std::chrono::seconds(60))
                  .status.code(),
              0);
    EXPECT_EQ(Command({"ip", "link", "set", "kl" + id.substr(0, 12), "master", "kl" + id_},
                      std::chrono::seconds(60))
                  .status.code(),
              0);
    things.insert("kl" + id.substr(0, 12));
    const std::string group = cgroup_root_ + "/one/" + id;
    EXPECT_TRUE(cgroup::Group(cgroup::DetectLayout().value(), group).Create().ok());
    things.insert(group);
    for (const std::string& tree :
         {state() + "/containers/" + id + "/diff/deep", run() + "/pods/" + id.substr(0, 24)}) {
      EXPECT_TRUE(os::MakeDirs(tree, 0700).ok());
      EXPECT_TRUE(os::WriteFileAtomic(tree + "/file", std::string(20000, 'x'), 0600).ok());
    }
    things.insert(state() + "/containers/" + id);
    things.insert(run() + "/pods/" + id.substr(0, 24));
    return things;
  }
  void OrphanChain(std::set<std::string>& things) {
    EXPECT_EQ(
        Command({"iptables-nft", "-t", "nat", "-N", "KEELSON-NAT-klgone"}, std::chrono::seconds(60))
            .status.code(),
        0);
    EXPECT_EQ(Command({"iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-m", "comment",
                       "--comment", "keelson pods", "-j", "KEELSON-NAT-klgone"},
                      std::chrono::seconds(60))
                  .status.code(),
              0);
    things.insert("iptables-nft nat KEELSON-NAT-klgone");
  }
  void OrphanStored(std::set<std::string>& things) {
    const std::string hex = base::NewObjectId();
    const std::string layer = state() + "/layers/sha256/" + hex;
    EXPECT_TRUE(os::MakeDirs(layer + "/fs/etc", 0755).ok());
    EXPECT_TRUE(os::WriteFileAtomic(layer + "/fs/etc/big", std::string(50000, 'x'), 0644).ok());
    things.insert(layer);
    const std::string blob = state() + "/images/blobs/sha256/" + hex;
    EXPECT_TRUE(os::WriteFileAtomic(blob, "{}", 0600).ok());
    things.insert(blob);
    const std::string put_aside = state() + "/quarantine/pods-" + hex;
    EXPECT_TRUE(os::MakeDirs(put_aside, 0700).ok());
    things.insert(put_aside);
  }

  // While no daemon has the lists in memory.
  void OrphanListed(std::set<std::string>& things) {
    const std::string id = base::NewObjectId();
    const std::string directory = state() + "/network";
    network::Allocations given =
        network::DecodeAllocations(os::ReadFile(directory + "/addresses").value()).value();
    given.owners[id] = (10u << 24) + (199u << 16) + (7u << 8) + 77;
    EXPECT_TRUE(
        os::WriteFileAtomic(directory + "/addresses", network::EncodeAllocations(given), 0600)
            .ok());
    things.insert("10.199.7.77");
    network::HostPortTable ports =
        network::DecodeHostPorts(os::ReadFile(directory + "/hostports").value()).value();
    ports[id] = {"default/gone", {{.host_port = 31999, .container_port = 80}}, "10.199.7.77", ""};
    EXPECT_TRUE(
        os::WriteFileAtomic(directory + "/hostports", network::EncodeHostPorts(ports), 0600).ok());
    things.insert("of " + id.substr(0, 12));
  }
  static void FlipAByte(const std::string& path) {
    std::string bytes = os::ReadFile(path).value();
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
    EXPECT_TRUE(os::WriteFileAtomic(path, bytes, 0600).ok());
  }

  std::vector<std::string> containers_;
  uint64_t pods_ = 0;

 private:
  static void Pin(const std::string& path) {
    std::thread([&] {  // a namespace that nobody else has
      ASSERT_EQ(unshare(CLONE_NEWNET), 0);
      ASSERT_TRUE(os::Open(path, O_RDONLY | O_CREAT, 0600).ok());
      ASSERT_EQ(mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr), 0);
    })
        .join();
  }
};

TEST_F(Fsck, EverythingOfALivingNodeHasAnOwner) {
  RunPod("one");
  RunPod("two");
  const Answer running = Check();
  EXPECT_EQ(running.code, 0) << running.text;
  EXPECT_TRUE(running.problems.empty()) << running.text;
  for (const char* owner :
       {"\"pod default/one\"", "\"pod default/two\"", "\"container main of pod default/one\"",
        "\"image docker.io/library/busybox:demo\"", "\"keelson-runtime\""})
    EXPECT_NE(running.text.find(owner), std::string::npos) << owner << "\n" << running.text;
  StopRuntime(SIGTERM);
  const Answer stopped = Check({"--mend"});
  EXPECT_EQ(stopped.code, 0) << stopped.text;
  StartRuntime();
  EXPECT_TRUE(PodsLive());
}

TEST_F(Fsck, NamesWhatWasOrphanedAndNothingElseAndMendsExactlyThat) {
  RunPod("one");
  RunPod("two");
  StopRuntime(SIGTERM);
  std::set<std::string> things = Orphan();
  OrphanChain(things);
  OrphanStored(things);
  OrphanListed(things);
  const Answer found = Check();
  EXPECT_EQ(found.code, 1);
  EXPECT_EQ(Things(found), things) << found.text;
  for (const json::Value& item : found.problems) {
    EXPECT_EQ(item.At({"owner"}).AsString(), "");
    EXPECT_NE(item.At({"remedy"}).AsString(), "");
    EXPECT_FALSE(item.At({"mended"}).AsBool());
  }
  const Answer mended = Check({"--mend"});
  EXPECT_EQ(mended.code, 0) << mended.text;
  EXPECT_EQ(Things(mended), things);
  const Answer again = Check();
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_TRUE(again.problems.empty()) << again.text;
  for (const std::string& thing : things) {
    if (thing.starts_with('/')) {
      EXPECT_FALSE(os::Exists(thing)) << thing;
    }
  }
  StartRuntime();
  EXPECT_TRUE(PodsLive());
}

TEST_F(Fsck, ARecordWithAFlippedByteGoesUnlessItsPodLives) {
  const std::string living = RunPod("living");
  const std::string dead = RunPod("dead");
  const std::string ended = containers_.back();
  ASSERT_TRUE(Runtime().StopPodSandbox(dead).ok());
  containers_.pop_back();
  StopRuntime(SIGTERM);
  const std::string record = state() + "/pods/" + living + "/record";
  const std::string whole = os::ReadFile(record).value();
  FlipAByte(record);
  FlipAByte(state() + "/pods/" + dead + "/record");
  FlipAByte(state() + "/containers/" + ended + "/record");
  const Answer mended = Check({"--mend"});
  EXPECT_EQ(mended.code, 1) << mended.text;
  EXPECT_EQ(Things(mended),
            (std::set<std::string>{state() + "/pods/" + living, state() + "/pods/" + dead,
                                   state() + "/containers/" + ended}))
      << mended.text;
  EXPECT_FALSE(os::Exists(state() + "/pods/" + dead));
  EXPECT_FALSE(os::Exists(state() + "/containers/" + ended));
  ASSERT_TRUE(os::WriteFileAtomic(record, whole, 0600).ok());
  const Answer again = Check();
  EXPECT_EQ(again.code, 0) << again.text;
  StartRuntime();
  EXPECT_TRUE(PodsLive());
}

TEST_F(Fsck, APodWhoseRecordIsLostIsEndedAndItsNeighbourGoesOn) {
  RunPod("stays");
  const std::string lost = RunPod("lost");
  const std::string container = containers_.back();
  containers_.pop_back();
  StopRuntime(SIGTERM);
  ASSERT_TRUE(os::RemoveTree(state() + "/pods/" + lost).ok());
  const Answer found = Check();
  std::set<std::string> kinds;
  for (const json::Value& item : found.problems) kinds.insert(item.At({"kind"}).AsString());
  EXPECT_EQ(kinds, (std::set<std::string>{"process", "network namespace", "link", "address",
                                          "host ports", "cgroup", "directory"}))
      << found.text;
  const Answer mended = Check({"--mend"});
  EXPECT_EQ(mended.code, 0) << mended.text;
  // A killed process is in the table for a moment more.
  EXPECT_TRUE(Eventually([&] { return Check().code == 0; })) << Check().text;
  EXPECT_FALSE(os::Exists(state() + "/containers/" + container));
  StartRuntime();
  EXPECT_EQ(Runtime().ListPodSandboxes().value().size(), 1u);
  EXPECT_TRUE(PodsLive());
}

// The kubelet's own folders, groups and mounts.
class FsckOfAKubelet : public Fsck {
 protected:
  std::vector<std::string> Places(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--kubelet-root", kubelet_root(), "--cgroup-root", cgroup_root_,
                             "--pod-logs-dir", logs(), "--log-links-dir", dir_.path() + "/links"});
    return more;
  }
};

TEST_F(FsckOfAKubelet, NamesAndMendsWhatNoPodHas) {
  PutManifest("web.yaml", BusyboxPod("web", "while true; do sleep 1; done",
                                     "  volumes: [{name: v, emptyDir: {medium: Memory}}]\n",
                                     "      volumeMounts: [{name: v, mountPath: /v}]\n"));
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); })) << DaemonLogs();
  const Answer running = Check(Places());
  EXPECT_EQ(running.code, 0) << running.text;
  const std::string own = kubelet_root() + "/pods/" + Uid("web");
  EXPECT_NE(running.text.find(own), std::string::npos) << running.text;
  EXPECT_NE(running.text.find("/kubepods/"), std::string::npos) << running.text;
  EXPECT_NE(running.text.find("\"pod default/web-node\""), std::string::npos) << running.text;

  const std::string uid = "0e0e0e0e-0000-4000-8000-000000000001";
  const std::string volumes = kubelet_root() + "/pods/" + uid;
  const std::string memory = volumes + "/volumes/kubernetes.io~empty-dir/v";
  ASSERT_TRUE(os::MakeDirs(memory, 0755).ok());
  ASSERT_EQ(mount("tmpfs", memory.c_str(), "tmpfs", 0, "size=64k"), 0);
  const std::string log = logs() + "/default_gone_" + uid;
  ASSERT_TRUE(os::MakeDirs(log + "/main", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(log + "/main/0.log", "line\n", 0644).ok());
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/links", 0755).ok());
  const std::string link = dir_.path() + "/links/gone_default_main-1.log";
  ASSERT_EQ(symlink((logs() + "/default_older_u/main/0.log").c_str(), link.c_str()), 0);
  const std::string group = cgroup_root_ + "/kubepods/pod" + uid;
  ASSERT_TRUE(cgroup::Group(cgroup::DetectLayout().value(), group).Create().ok());
  const std::set<std::string> things = {volumes, memory, log, group};

  const Answer refused = Check(Places({"--mend"}));
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(Things(refused), things) << refused.text;
  for (const json::Value& item : refused.problems) {
    EXPECT_FALSE(item.At({"mended"}).AsBool());
    EXPECT_NE(item.At({"refused"}).AsString().find("is running"), std::string::npos);
  }
  StopKubelet(SIGTERM);
  std::set<std::string> with_link = things;
  with_link.insert(link);
  const Answer mended = Check(Places({"--mend"}));
  EXPECT_EQ(mended.code, 0) << mended.text;
  EXPECT_EQ(Things(mended), with_link) << mended.text;
  const Answer again = Check(Places());
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_TRUE(again.problems.empty()) << again.text;
  EXPECT_FALSE(os::Exists(volumes));
  EXPECT_FALSE(os::Exists(log));
  EXPECT_TRUE(os::Exists(own));
  StartKubelet();
  EXPECT_TRUE(Eventually([&] { return IsReady("web"); })) << DaemonLogs();
  EXPECT_EQ(Container("web", "main").At({"restartCount"}).AsInt(), 0);
  RemoveManifest("web.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << DaemonLogs();
}

TEST_F(Fsck, WhileTheDaemonLivesOnlyWhatCannotBeOnItsWayIsMended) {
  RunPod("one");
  std::set<std::string> things = Orphan();
  std::set<std::string> stored;
  OrphanStored(stored);
  things.insert(stored.begin(), stored.end());
  const Answer mended = Check({"--mend"});
  EXPECT_EQ(mended.code, 1) << mended.text;
  EXPECT_EQ(Things(mended), things) << mended.text;
  for (const json::Value& item : mended.problems) {
    const std::string kind = item.At({"kind"}).AsString();
    const bool image = kind == "layer" || kind == "blob";
    EXPECT_EQ(item.At({"mended"}).AsBool(), !image) << kind;
    if (image) {
      EXPECT_NE(item.At({"refused"}).AsString().find("is running"), std::string::npos) << kind;
    }
  }
  EXPECT_TRUE(PodsLive());
  StopRuntime(SIGTERM);
  EXPECT_EQ(Check({"--mend"}).code, 0);
  EXPECT_EQ(Check().code, 0);
  StartRuntime();
  EXPECT_TRUE(PodsLive());
}

}  // namespace
}  // namespace keelson::node_test
