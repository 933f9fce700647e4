// SPDX-License-Identifier: Apache-2.0
// A log disk that takes no write (fsfreeze, as a hung device does): it holds up the log and nothing
// else. Containers go on, ends are told in time and with the right code, other pods come and go as
// quickly, daemons answer; after the thaw the log goes on, and says where lines were lost. The disk
// is an ext4 image of the test's own; whatever happens to the test, it is thawed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <algorithm>
#include <chrono>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;

class FrozenLogTest : public NodeTest {
 protected:
  void TearDown() override {
    if (!place_.empty()) {
      Thaw();
      guard_.reset();
      (void)umount2(place_.c_str(), MNT_DETACH);
    }
    NodeTest::TearDown();
  }

  // A file system of its own at `place`.
  void MountDisk(const std::string& place) {
    const std::string image = dir_.path() + "/disk.img";
    ASSERT_TRUE(os::MakeDirs(place, 0755).ok());
    ASSERT_EQ(Command({"truncate", "-s", "64M", image}, seconds(60)).status.code(), 0);
    const os::CommandResult made = Command({"mkfs.ext4", "-q", image}, seconds(60));
    ASSERT_EQ(made.status.code(), 0) << made.err;
    if (!os::Exists("/dev/loop-control")) (void)Command({"modprobe", "loop"}, seconds(30));
    const os::CommandResult mounted = Command({"mount", "-o", "loop", image, place}, seconds(60));
    ASSERT_EQ(mounted.status.code(), 0)
        << mounted.err;  // loop devices: on the lab machine (scripts/lab) at least
    place_ = place;
    disk_ = os::Open(place, O_RDONLY | O_DIRECTORY).value();
    ASSERT_EQ(Command({"rmdir", place + "/lost+found"}, seconds(60)).status.code(), 0);
    // Thaws when this process is gone, whichever way.
    os::Pipe pipe = os::CreatePipe().value();
    guard_ = std::move(pipe.write_end);
    os::ChildProcess guard =
        os::ChildProcess::Spawn(
            {.argv = {"/bin/sh", "-c", "read x; fsfreeze -u " + place + " 2>/dev/null"},
             .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
             .fds = {{pipe.read_end.get(), 0}},
             .new_session = true})
            .value();
    guard.Release();
  }
  void Freeze() { ASSERT_EQ(ioctl(disk_.get(), FIFREEZE, 0), 0); }
  void Thaw() { (void)ioctl(disk_.get(), FITHAW, 0); }

  static std::string File(const std::string& path) { return os::ReadFile(path).ValueOr(""); }
  // The emptyDir "v" of a pod.
  std::string Volume(const std::string& pod) {
    return kubelet_root() + "/pods/" + Uid(pod) + "/volumes/kubernetes.io~empty-dir/v/";
  }
  int64_t Counted(const std::string& pod) {
    const std::string file = Volume(pod) + "n";
    std::string text = File(file);
    // A shell that begins to write has emptied it.
    for (int i = 0; i < 500 && text.empty() && os::Exists(file); ++i, text = File(file))
      (void)poll(nullptr, 0, 1);
    return static_cast<int64_t>(base::ParseUint64(std::string(base::Trim(text))).value_or(0));
  }
  static milliseconds Since(Clock::time_point start) {
    return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
  }
  milliseconds TimeOf(const std::function<void()>& work) {
    const Clock::time_point start = Clock::now();
    work();
    return Since(start);
  }

  static std::string FrozenPod(const std::string& name) {
    const std::string mounts = "      volumeMounts: [{name: v, mountPath: /v}]\n";
    const auto more = [&](const std::string& container, const std::string& script) {
      return "    - name: " + container +
             "\n      image: docker.io/library/busybox:demo\n      imagePullPolicy: Never\n      "
             "command: [/bin/sh, -c, '" +
             script + "']\n" + mounts;
    };
    return BusyboxPod(
        name, "n=0; while true; do n=$((n+1)); echo line $n; echo $n >/v/n; sleep 0.02; done",
        "  restartPolicy: Never\n  volumes: [{name: v, emptyDir: {}}]\n",
        "      imagePullPolicy: Never\n" + mounts +
            more("ends", "while [ ! -e /v/go ]; do sleep 0.02; done; exit 7") +
            more("loud",
                 "while [ ! -e /v/go ]; do sleep 0.02; done; seq 1 200000; echo done >/v/loud; "
                 "sleep 10000"));
  }
  // From "is put in" to Ready, and from "is taken away" to gone.
  void UpAndDown(const std::string& name, milliseconds& up, milliseconds& down) {
    up = TimeOf([&] {
      PutManifest(name + ".yaml",
                  BusyboxPod(name, "trap \"exit 0\" TERM; while true; do sleep 0.05; done"));
      EXPECT_TRUE(Eventually([&] { return IsReady(name); }, 60))
          << Get("/explain/default/" + name + "-node");
    });
    down = TimeOf([&] {
      RemoveManifest(name + ".yaml");
      EXPECT_TRUE(Eventually([&] { return Pod(name).IsNull(); }, 60))
          << Get("/explain/default/" + name + "-node");
    });
  }
  // Each of these was asked while the disk was frozen.
  void ExpectDaemonsAnswer(const std::string& container_id) {
    EXPECT_LT(TimeOf([&] { EXPECT_EQ(Get("/healthz"), "ok"); }), kAtOnce);
    EXPECT_LT(TimeOf([&] { EXPECT_TRUE(Runtime().ListContainers().ok()); }), kAtOnce);
    EXPECT_LT(TimeOf([&] { EXPECT_TRUE(Runtime().ContainerStatus(container_id).ok()); }), kAtOnce);
    EXPECT_LT(TimeOf([&] {
                const auto done = Runtime().ExecSync(container_id, {"true"}, seconds(60));
                EXPECT_TRUE(done.ok() && done->exit_code() == 0);
              }),
              kAtOnce);
  }
  std::string IdOf(const std::string& pod, const std::string& container) {
    const std::string url = Container(pod, container).At({"containerID"}).AsString();
    return url.substr(url.find("://") + 3);
  }
  // Lines of a count: each once and in order, except where a marker says that some were lost. The
  // number of markers.
  static int CheckCount(const std::vector<std::string>& lines, const std::string& before_number) {
    uint64_t next = 1;
    int markers = 0;
    bool may_skip = false;
    for (const std::string& line : lines) {
      if (line.find(" F [keelson: ") != std::string::npos) {
        EXPECT_THAT(line, HasSubstr("bytes of output were lost here"));
        ++markers;
        may_skip = true;
        continue;
      }
      const size_t at = line.find(" stdout F " + before_number);
      const auto number = at == std::string::npos
                              ? std::nullopt
                              : base::ParseUint64(line.substr(at + 10 + before_number.size()));
      if (!number || (may_skip ? *number < next : *number != next)) {
        ADD_FAILURE() << "after " << next - 1 << ": " << line;
        return markers;
      }
      next = *number + 1;
      may_skip = false;
    }
    return markers;
  }

  // Far beyond what they take; who waits for the disk waits until the test thaws it.
  static constexpr milliseconds kAtOnce{60000};
  std::string place_;
  os::UniqueFd disk_, guard_;
};

TEST_F(FrozenLogTest, OfOnePodHoldsUpItsLogAlone) {
  StartRuntime();
  StartKubelet();
  // Its image is not there yet: the kubelet makes its directories and waits, and the disk gets its
  // place.
  PutManifest("frozen.yaml", FrozenPod("frozen"));
  ASSERT_TRUE(Eventually([&] {
    return !Uid("frozen").empty() && os::Exists(logs() + "/default_frozen-node_" + Uid("frozen"));
  })) << Get("/pods");
  ASSERT_NO_FATAL_FAILURE(MountDisk(logs() + "/default_frozen-node_" + Uid("frozen")));
  StopRuntime(SIGTERM);
  LoadImage("busybox");
  StartRuntime();
  ASSERT_TRUE(Eventually([&] { return IsReady("frozen") && Counted("frozen") > 10; }, 90))
      << Get("/explain/default/frozen-node");
  milliseconds up_before{}, down_before{}, up{}, down{};
  UpAndDown("before", up_before, down_before);

  Freeze();
  const Clock::time_point frozen = Clock::now();
  const int64_t counted = Counted("frozen");
  ASSERT_TRUE(os::WriteFileAtomic(Volume("frozen") + "go", "", 0644).ok());
  EXPECT_TRUE(Eventually(
      [&] {
        return Container("frozen", "ends").At({"state", "terminated", "exitCode"}).AsInt() == 7;
      },
      60))
      << Get("/pods");
  EXPECT_LT(Since(frozen), kAtOnce);
  EXPECT_TRUE(Eventually([&] { return File(Volume("frozen") + "loud") == "done\n"; },
                         60));  // more than any buffer holds
  EXPECT_TRUE(Eventually([&] { return Counted("frozen") > counted + 50; }, 60));
  ExpectDaemonsAnswer(IdOf("frozen", "main"));
  UpAndDown("during", up, down);
  EXPECT_LT(up, 3 * up_before + kAtOnce);
  EXPECT_LT(down, 3 * down_before + kAtOnce);
  const std::string loud = IdOf("frozen", "loud");
  EXPECT_LT(TimeOf([&] { EXPECT_TRUE(Runtime().StopContainer(loud, seconds(0)).ok()); }), kAtOnce);
  EXPECT_EQ(Runtime().ContainerStatus(loud).value().exit_code(), 137);
  EXPECT_TRUE(Eventually(
      [&] {
        return Container("frozen", "loud").At({"state", "terminated", "exitCode"}).AsInt() == 137;
      },
      60));
  // Daemons that begin while it is frozen.
  const std::string main_id = IdOf("frozen", "main");
  StopRuntime(SIGKILL);
  StopKubelet(SIGKILL);
  StartRuntime();
  StartKubelet();
  EXPECT_TRUE(Eventually(
      [&] {
        return Container("frozen", "main").At({"ready"}).AsBool() &&
               IdOf("frozen", "main") == main_id;
      },
      60))
      << Get("/pods");
  EXPECT_EQ(Container("frozen", "ends").At({"state", "terminated", "exitCode"}).AsInt(), 7);
  std::fprintf(stderr,
               "frozen for %ld ms; a pod up in %ld ms, gone in %ld ms (before: %ld and %ld)\n",
               static_cast<long>(Since(frozen).count()), static_cast<long>(up.count()),
               static_cast<long>(down.count()), static_cast<long>(up_before.count()),
               static_cast<long>(down_before.count()));
  const int64_t at_thaw = Counted("frozen");
  Thaw();

  EXPECT_TRUE(Eventually(
      [&] {
        const std::string counted_by_now = " line " + std::to_string(Counted("frozen"));
        return std::ranges::any_of(LogLines("frozen", "main"), [&](const std::string& line) {
          return line.ends_with(counted_by_now);
        });
      },
      60));
  EXPECT_GE(Counted("frozen"), at_thaw);
  (void)CheckCount(LogLines("frozen", "main"), "line ");
  EXPECT_GE(CheckCount(LogLines("frozen", "loud"), ""), 1);
  ASSERT_EQ(umount2(place_.c_str(), MNT_DETACH), 0);
  RemoveManifest("frozen.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Get("/pods");
}

TEST_F(FrozenLogTest, OfAllPodsHoldsUpLogsAndNothingThatRuns) {
  LoadImage("busybox");
  ASSERT_NO_FATAL_FAILURE(MountDisk(logs()));
  StartRuntime();
  StartKubelet();
  PutManifest("frozen.yaml", FrozenPod("frozen"));
  PutManifest("goes.yaml",
              BusyboxPod("goes", "trap \"exit 0\" TERM; while true; do sleep 0.05; done"));
  PutManifest(
      "again.yaml",
      BusyboxPod("again",
                 "echo run >>/v/runs; while [ ! -e /v/go ]; do sleep 0.02; done; rm /v/go; exit 3",
                 "  volumes: [{name: v, emptyDir: {}}]\n",
                 "      volumeMounts: [{name: v, mountPath: /v}]\n"));
  ASSERT_TRUE(Eventually(
      [&] {
        return IsReady("frozen") && IsReady("goes") && IsReady("again") && Counted("frozen") > 10;
      },
      90))
      << Get("/pods");

  Freeze();
  const int64_t counted = Counted("frozen");
  for (const char* pod : {"frozen", "again"})
    ASSERT_TRUE(os::WriteFileAtomic(Volume(pod) + "go", "", 0644).ok());
  EXPECT_TRUE(Eventually(
      [&] {
        return Container("frozen", "ends").At({"state", "terminated", "exitCode"}).AsInt() == 7;
      },
      60))
      << Get("/pods");
  // What ends is started again, although its new log has to wait.
  EXPECT_TRUE(Eventually(
      [&] {
        return Container("again", "main").At({"restartCount"}).AsInt() == 1 && IsReady("again");
      },
      60))
      << Get("/explain/default/again-node");
  EXPECT_EQ(Container("again", "main").At({"lastState", "terminated", "exitCode"}).AsInt(), 3);
  // What is taken away stops; only its logs stay for now. What is new waits for its directory.
  const std::string goes = IdOf("goes", "main");
  RemoveManifest("goes.yaml");
  PutManifest("new.yaml", BusyboxPod("new", "sleep 1000"));
  EXPECT_TRUE(Eventually(
      [&] {
        const auto status = Runtime().ContainerStatus(goes);
        return !status.ok() || status->state() == cri::CONTAINER_EXITED;
      },
      60));
  EXPECT_TRUE(Eventually([&] { return Counted("frozen") > counted + 50; }, 60));
  ExpectDaemonsAnswer(IdOf("frozen", "main"));
  EXPECT_FALSE(IsReady("new"));
  Thaw();

  EXPECT_TRUE(Eventually([&] { return IsReady("new"); }, 60)) << Get("/explain/default/new-node");
  EXPECT_TRUE(Eventually([&] { return Pod("goes").IsNull(); }, 60))
      << Get("/explain/default/goes-node");
  EXPECT_EQ(File(Volume("again") + "runs"), "run\nrun\n");
  for (const char* file : {"frozen.yaml", "again.yaml", "new.yaml"}) RemoveManifest(file);
  EXPECT_TRUE(Eventually([&] { return IsGone() && os::ListDir(logs()).value().empty(); }))
      << Get("/pods");
}

}  // namespace
}  // namespace keelson::node_test
