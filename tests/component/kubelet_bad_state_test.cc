// SPDX-License-Identifier: Apache-2.0
// The kubelet's root folder spoilt in each way that disks and people have, and full. The kubelet
// starts, harms no pod, names what it could not read, makes anew what can be made, and on a full
// disk refuses what is new with the file's name, keeps what it wrote whole, and goes on once there
// is room.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kubelet/image/pull_record.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"
#include "tests/damage/damage.h"

namespace keelson::node_test {
namespace {

using testing::HasSubstr;

class KubeletBadState : public NodeTest {
 protected:
  // Reads its volume and its hosts file each second, into its log, until it is told to end.
  static std::string Pod(const std::string& name) {
    return BusyboxPod(
        name,
        "while [ ! -e /dev/shm/end ]; do echo \"$(cat /cm/word) $(grep -c localhost /etc/hosts)\"; "
        "sleep 1; done; exit 3",
        "  volumes: [{name: cm, configMap: {name: cm}}]\n",
        "      readinessProbe: {exec: {command: [/bin/true]}, periodSeconds: 2}\n"
        "      volumeMounts: [{name: cm, mountPath: /cm}]\n");
  }
  void PutWord(const std::string& word, const std::string& more = "") {
    ASSERT_TRUE(os::WriteFileAtomic(folder_ + "/objects/o.yaml",
                                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, "
                                    "namespace: default}\ndata:\n  word: " +
                                        word + "\n  more: a" + more + "\n",
                                    0644)
                    .ok());
  }
  std::string Said() { return Get("/explain/default/a-node") + Get("/explain/default/b-node"); }
  std::string KubeletLog() { return os::ReadFile(folder_ + "/kubelet.log").ValueOr(""); }
  std::string Of(const std::string& path) { return kubelet_root() + "/pods/" + Uid("a") + path; }
  std::string Words() {
    std::string words;
    for (const std::string& line : LogLines("a", "main")) words = line;
    return words;  // the last
  }
};

TEST_F(KubeletBadState, EveryRecordSpoiltInEveryWayHarmsNoPodAndIsNamed) {
  LoadImage("busybox");
  PutWord("one");
  StartRuntime();
  PutManifest("a.yaml", Pod("a"));
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const std::string health = Of("/health.json"), hosts = Of("/etc-hosts"),
                    word = Of("/volumes/kubernetes.io~configmap/cm/..data/word");
  ASSERT_TRUE(Eventually([&] { return os::Exists(health); }));
  const std::string id = Container("a", "main").At({"containerID"}).AsString();
  const std::string records = kubelet_root() + "/image_manager";
  const std::string ref = "sha256:" + std::string(64, 'e'), image = "r.example/other:1";
  const std::string pulled = records + "/pulled/" + image_gc::RecordName(ref);
  const std::string pulling = records + "/pulling/" + image_gc::RecordName(image);
  image_gc::PulledRecord record{ref, 0, {}};
  record.by_repository["r.example/other"].everybody = true;
  for (const damage::Damage& damage : damage::Damages()) {
    SCOPED_TRACE(damage.name);
    StopKubelet(SIGKILL);
    ASSERT_TRUE(os::RemoveTree(health + ".bad").ok());
    ASSERT_TRUE(os::WriteFileAtomic(pulled, image_gc::EncodeRecord(record), 0600).ok());
    ASSERT_TRUE(os::WriteFileAtomic(pulling, image_gc::EncodeIntent(image), 0600).ok());
    const std::string wrote = damage::BytesOf(health);
    for (const std::string& path : {health, pulled, pulling, word}) damage.spoil(path);
    (void)os::RemoveFile(folder_ + "/kubelet.log");
    StartKubelet();
    ASSERT_TRUE(Eventually([&] { return Get("/healthz") == "ok" && IsReady("a"); }))
        << KubeletLog();
    EXPECT_EQ(Container("a", "main").At({"containerID"}).AsString(), id);
    EXPECT_EQ(Container("a", "main").At({"restartCount"}).AsInt(), 0);
    // The volume is as it has to be again, and so is the record.
    EXPECT_TRUE(Eventually([&] { return os::ReadFile(word).ValueOr("") == "one"; })) << word;
    EXPECT_TRUE(Eventually([&] { return os::ReadFile(health).ValueOr("") == wrote; })) << wrote;
    const bool missing = damage.name == std::string(damage::kMissing);
    for (const std::string& path : {health, pulled, pulling}) {
      if (missing) break;
      // No record of that pod is an empty one, as upstream's file of nothing.
      if (path == health && damage.name == std::string("empty")) continue;
      EXPECT_THAT(KubeletLog(), HasSubstr("path=" + path)) << "not named";
      EXPECT_TRUE(os::Exists(path + ".bad")) << path;
    }
    if (HasFailure()) return;
  }
  // What only a new container reads.
  StopKubelet(SIGKILL);
  ASSERT_TRUE(os::RemoveFile(hosts).ok());
  ASSERT_TRUE(os::MakeDirs(hosts + "/with", 0755).ok());
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); }));
  const size_t wait = id.find("//");
  ASSERT_TRUE(Runtime()
                  .ExecSync(id.substr(wait + 2), {"touch", "/dev/shm/end"}, std::chrono::minutes(2))
                  .ok());
  ASSERT_TRUE(Eventually([&] { return Container("a", "main").At({"restartCount"}).AsInt() > 0; }))
      << Said();
  EXPECT_TRUE(Eventually([&] { return !os::ListDir(hosts).ok() && os::Exists(hosts); })) << Said();
  RemoveManifest("a.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Get("/pods");
}

TEST_F(KubeletBadState, OnAFullDiskWhatIsNewWaitsAndWhatRunsGoesOn) {
  LoadImage("busybox");
  PutWord("one");
  ASSERT_TRUE(os::MakeDirs(kubelet_root(), 0755).ok());
  ASSERT_EQ(mount("tmpfs", kubelet_root().c_str(), "tmpfs", 0, "size=4m"), 0);
  struct Unmount {
    const std::string path;
    ~Unmount() { EXPECT_EQ(umount2(path.c_str(), MNT_DETACH), 0); }
  } const unmount{kubelet_root()};
  // What is full is nobody's fault here: no pod is to be evicted for it.
  SetKubelet("50-full", "evictionHard: {}\n");
  StartRuntime();
  PutManifest("a.yaml", Pod("a"));
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const std::string id = Container("a", "main").At({"containerID"}).AsString();
  ASSERT_TRUE(Eventually([&] { return Words().ends_with("one 2"); })) << Words();
  const auto fill = [&] {
    const os::UniqueFd ballast =
        os::Open(kubelet_root() + "/ballast", O_WRONLY | O_CREAT | O_APPEND, 0600).value();
    const std::string piece(4096, 'b');
    while (write(ballast.get(), piece.data(), piece.size()) > 0) {
    }
  };
  fill();
  // A text that does not fit: what was there stays whole, and it is told which file it was about.
  PutWord("two", std::string(9000, 'x'));
  PutManifest("b.yaml", Pod("b"));
  EXPECT_TRUE(Eventually([&] {
    return Said().find("No space left on device") != std::string::npos;
  })) << Said()
      << KubeletLog();
  fill();
  EXPECT_EQ(os::ReadFile(Of("/volumes/kubernetes.io~configmap/cm/word")).ValueOr(""), "one");
  // A kubelet that starts on it takes its pods on.
  StopKubelet(SIGKILL);
  fill();
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return Get("/healthz") == "ok" && IsReady("a"); })) << KubeletLog();
  EXPECT_EQ(Container("a", "main").At({"containerID"}).AsString(), id);
  EXPECT_EQ(Container("a", "main").At({"restartCount"}).AsInt(), 0);
  EXPECT_FALSE(IsReady("b"));
  EXPECT_TRUE(Words().ends_with("one 2")) << Words();
  // And with room all of it goes on by itself.
  ASSERT_TRUE(os::RemoveFile(kubelet_root() + "/ballast").ok());
  EXPECT_TRUE(Eventually([&] { return IsReady("b"); })) << Said() << KubeletLog();
  EXPECT_TRUE(Eventually([&] { return Words().ends_with("two 2"); })) << Words();
  EXPECT_EQ(Container("a", "main").At({"containerID"}).AsString(), id);
  // What is taken away goes also from a full disk.
  fill();
  RemoveManifest("a.yaml");
  RemoveManifest("b.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Get("/pods");
  EXPECT_TRUE(Eventually([&] { return os::ListDir(kubelet_root() + "/pods").value().empty(); }));
  StopKubelet(SIGTERM);
}

}  // namespace
}  // namespace keelson::node_test
