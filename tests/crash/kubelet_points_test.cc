// SPDX-License-Identifier: Apache-2.0
// keelson-kubelet dies at each of its fail points while a static pod comes, is ready, has its logs
// turned over, and goes; it is started again: the pod is ready, was started once, its log has every
// line, it goes when its manifest goes, and nothing of it is left. KEELSON_POINTS_KILLS says how
// many (each place once), KEELSON_TEST_SEED repeats the choices.
#include <dirent.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "runtime/image/testing/fake_registry.h"
#include "tests/component/node_fixture.h"
#include "tests/crash/points.h"

namespace keelson::node_test {
namespace {

using points::Aim;
using points::Place;

constexpr int64_t kMostHits = 12;
constexpr const char* kKubelet = "keelson-kubelet";

class KubeletPoints : public NodeTest {
 protected:
  void SetUp() override {
#ifndef KEELSON_DEBUG
    GTEST_SKIP() << "this build has no fail points";
#endif
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const char* seed = std::getenv("KEELSON_TEST_SEED");
    const unsigned long chosen =
        seed != nullptr ? std::strtoul(seed, nullptr, 10) : std::random_device()();
    const char* kills = std::getenv("KEELSON_POINTS_KILLS");
    wanted_ = kills != nullptr ? std::atoi(kills) : 0;
    random_.seed(static_cast<std::mt19937::result_type>(chosen));
    std::fprintf(stderr, "seed: KEELSON_TEST_SEED=%lu\n", chosen);
    environment_ = {points_.Environment()};
    ASSERT_TRUE(os::MakeDirs(Marks(), 0777).ok());
    ASSERT_TRUE(os::WriteFileAtomic(
                    dir_.path() + "/objects/page.yaml",
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: page, namespace: default}\n"
                    "data: {one: first, two: second}\n",
                    0644)
                    .ok());
    SetKubelet("50-logs",
               "containerLogMaxSize: 2Ki\ncontainerLogMaxFiles: 30\n"
               "containerLogMonitorInterval: 3s\n");
    registry_.emplace(dir_.path(), "\"layout\":\"" + ImageLayout("busybox") + "\"");
    const std::string hosts = dir_.path() + "/config/registries/" + registry_->Address();
    ASSERT_TRUE(os::MakeDirs(hosts, 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(hosts + "/hosts.toml",
                                    "server = \"http://" + registry_->Address() + "\"\n", 0644)
                    .ok());
    StartRuntime();
    StartKubelet();
  }
  void TearDown() override {
    points_.Disarm();
    NodeTest::TearDown();
  }
  std::string Marks() const { return dir_.path() + "/marks"; }

  std::string Manifest(const std::string& name) {
    std::string text = BusyboxPod(
        name,
        "echo start >>/m/" + name +
            "; trap \"exit 0\" TERM; n=0; while true; do n=$((n+1)); echo line $n; sleep 0.01; "
            "done",
        "  volumes:\n    - {name: m, hostPath: {path: " + Marks() +
            "}}\n    - {name: memory, emptyDir: {medium: Memory}}\n    - {name: disk, emptyDir: "
            "{}}\n    - {name: page, configMap: {name: page}}\n"
            "    - name: about\n      downwardAPI: {items: [{path: name, fieldRef: {fieldPath: "
            "metadata.name}}]}\n",
        "      volumeMounts:\n        - {name: m, mountPath: /m}\n        - {name: memory, "
        "mountPath: /memory}\n        - {name: disk, mountPath: /disk}\n        - {name: page, "
        "mountPath: /page}\n        - {name: about, mountPath: /about}\n"
        "      readinessProbe: {exec: {command: [cat, /page/one, /about/name]}, periodSeconds: 1, "
        "timeoutSeconds: 60}\n"
        "      lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'echo stop >>/m/" +
            name + "']}}}\n");
    const std::string image = "docker.io/library/busybox:demo\n";
    text.replace(text.find(image), image.size(),
                 registry_->Address() + "/team/busybox:demo\n      imagePullPolicy: Always\n");
    return text;
  }

  bool Died() {
    if (!kubelet_) return true;
    const auto ended = kubelet_->WaitFor(std::chrono::milliseconds(0));
    if (!ended.ok() || !*ended) return false;
    kubelet_.reset();
    return true;
  }
  // Until `condition`, with a kubelet that is started again when it died.
  bool Until(const std::function<bool()>& condition) {
    return Eventually([&] {
      if (Died()) SpawnKubelet();
      return condition();
    });
  }
  std::string LinesWrong(const std::string& name) {
    std::vector<std::string> files;
    std::string directory;
    for (const os::DirEntry& entry : os::ListDir(logs()).ValueOr({})) {
      if (entry.name.starts_with("default_" + name + "-node_"))
        directory = logs() + "/" + entry.name + "/main";
    }
    for (const os::DirEntry& entry : os::ListDir(directory).ValueOr({})) {
      if (entry.name.ends_with(".tmp")) continue;
      // Compressed, and its source is still there: the same lines.
      if (!entry.name.ends_with(".gz") ||
          !os::Exists(directory + "/" + entry.name.substr(0, entry.name.size() - 3)))
        files.push_back(directory + "/" + entry.name);
    }
    // 0.log is the newest, the others are named by their time.
    std::sort(files.begin(), files.end());
    if (!files.empty()) std::rotate(files.begin(), files.begin() + 1, files.end());
    std::vector<std::string> words = {"zcat", "-f"};
    words.insert(words.end(), files.begin(), files.end());
    const os::CommandResult done = Command(words, std::chrono::seconds(60));
    int number = 0;
    for (const std::string_view line : base::Split(done.out, '\n')) {
      if (line.find(" F line ") == std::string_view::npos) continue;
      if (!line.ends_with(" F line " + std::to_string(++number)))
        return "line " + std::to_string(number) + " is '" + std::string(line) + "'";
    }
    return number > 0 ? "" : "there are no lines";
  }
  std::string Left() {
    std::string left;
    if (!IsGone()) left += "a sandbox ";
    for (const std::string& place : {kubelet_root() + "/pods", logs()}) {
      for (const os::DirEntry& entry : os::ListDir(place).ValueOr({}))
        left += place + "/" + entry.name + " ";
    }
    if (os::ReadFile("/proc/self/mountinfo").ValueOr("").find(kubelet_root()) != std::string::npos)
      left += "a mount ";
    const cgroup::Group group(cgroup::DetectLayout().value(), cgroup_root_);
    std::vector<std::string> directories = group.V1Directories();
    if (!group.UnifiedDirectory().empty()) directories.push_back(group.UnifiedDirectory());
    for (const std::string& directory : directories) {
      for (const std::string below : {"", "/burstable", "/besteffort"}) {
        for (const os::DirEntry& entry : os::ListDir(directory + below).ValueOr({})) {
          if (entry.type == DT_DIR && entry.name.starts_with("pod"))
            left += directory + below + "/" + entry.name + " ";
        }
      }
    }
    if (Get("/pods").find("\"items\":[]") == std::string::npos &&
        Get("/pods").find("-node") != std::string::npos)
      left += "a pod in /pods ";
    return left;
  }

  // "": all held.
  std::string RunPass(const Aim* aim) {
    const std::string name = "p" + std::to_string(++made_);
    const uint64_t before = points_.Deaths();
    if (aim != nullptr) points_.Arm(*aim);
    PutManifest(name + ".yaml", Manifest(name));
    if (!Until([&] { return IsReady(name); }))
      return "it is not ready\n" + Get("/explain/default/" + name + "-node");
    const auto pods = Runtime().ListPodSandboxes();
    if (!pods.ok() || pods->size() != 1) return "there is not one sandbox";
    // The logs are turned over and the earlier file is compressed: only when that is aimed at.
    const bool rotation = aim == nullptr || aim->place.point.find(".rotate.") != std::string::npos;
    if (rotation) {
      const std::map<Place, int64_t> then = points_.Hits();
      const Place last = {kKubelet, "kubelet.rotate.compressed_named"};
      if (!Until(
              [&] { return points_.Hits().at(last) > then.at(last) || points_.Deaths() > before; }))
        return "no log was turned over";
      if (!Until([&] { return IsReady(name); })) return "it is not ready again";
    }
    if (std::string wrong = LinesWrong(name); !wrong.empty() && !rotation) return wrong;
    RemoveManifest(name + ".yaml");
    std::string left;
    if (!Until([&] { return (left = Left()).empty(); })) return "left behind: " + left;
    points_.Disarm();
    const std::string marks = os::ReadFile(Marks() + "/" + name).ValueOr("");
    // A hook is run again where the kubelet died before it knew of its end, as upstream's does.
    if (!marks.starts_with("start\nstop\n") || marks.find("start", 1) != std::string::npos)
      return "it did: " + marks;
    return "";
  }

  points::Points points_;
  std::optional<image::testing::FakeRegistry> registry_;
  int wanted_ = 0, made_ = 0;
  std::mt19937 random_;
};

TEST_F(KubeletPoints, WhereverTheKubeletDiesPodsComeRunOnceAndGo) {
  const std::map<Place, int64_t> before = points_.Hits();
  ASSERT_EQ(RunPass(nullptr), "");
  StopKubelet(SIGKILL);
  SpawnKubelet();
  ASSERT_EQ(RunPass(nullptr), "");
  const std::map<Place, int64_t> after = points_.Hits();
  std::map<Place, std::vector<Aim>> choices;
  for (const auto& [place, hits] : after) {
    if (place.program != kKubelet) continue;
    EXPECT_GT(hits, 0) << "never reached " << place.point;
    for (int64_t hit = 1; hit <= std::min((hits + 1) / 2, kMostHits); ++hit)
      choices[place].push_back({place, hit});
  }
  std::vector<Aim> plan;
  for (auto& [place, aims] : choices) std::shuffle(aims.begin(), aims.end(), random_);
  const size_t wanted = wanted_ > 0 ? static_cast<size_t>(wanted_) : choices.size();
  for (size_t round = 0; plan.size() < wanted; ++round) {
    for (const auto& [place, aims] : choices) plan.push_back(aims[round % aims.size()]);
  }
  std::shuffle(plan.begin(), plan.end(), random_);
  plan.resize(wanted);
  int wrong = 0;
  const uint64_t deaths = points_.Deaths();
  const auto begin = std::chrono::steady_clock::now();
  for (const Aim& aim : plan) {
    const uint64_t then = points_.Deaths();
    const auto at = std::chrono::steady_clock::now();
    const std::string told = RunPass(&aim);
    std::fprintf(
        stderr, "%s, %.0f ms%s\n", Describe(aim).c_str(),
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - at).count(),
        points_.Deaths() == then ? " (not reached)" : "");
    if (told.empty()) continue;
    ADD_FAILURE() << Describe(aim) << ": " << told;
    if (++wrong > 5) break;
    for (const os::DirEntry& entry : os::ListDir(manifests()).value()) RemoveManifest(entry.name);
    (void)Until([&] { return Left().empty(); });
  }
  std::fprintf(stderr, "%ld kills of %zu, %d wrong, %.1f s\n",
               static_cast<long>(points_.Deaths() - deaths), plan.size(), wrong,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  EXPECT_EQ(points_.Stranger(), "");
}

}  // namespace
}  // namespace keelson::node_test
