// SPDX-License-Identifier: Apache-2.0
// What a pod costs: RunPodSandbox + CreateContainer + StartContainer, ExecSync, stop + remove,
// through the runtime's own calls (no gRPC), with real monitors, cgroups and bridge, in a network
// and mount namespace of its own. One line of JSON, milliseconds.
//   keelson-pod-bench BINARY_DIR CYCLES [PAUSE_MS [AT_ONCE]]
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "cri-api/cri.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/scheduling.h"
#include "lib/os/temp_dir.h"
#include "runtime/cri/runtime.h"
#include "runtime/network/bridge_network.h"
#include "runtime/security/defaults.h"

namespace keelson {
namespace {

class OneImage final : public image::ImageService {
 public:
  explicit OneImage(const std::string& layer) {
    image_.id = "busybox";
    image_.layer_dirs = {layer};
  }
  std::optional<image::Image> Find(const std::string&) const override { return image_; }
  std::vector<image::Image> List() const override { return {image_}; }
  base::Result<std::string> Pull(const std::string&, const std::optional<fetch::Credentials>&,
                                 std::stop_token) override {
    return image_.id;
  }
  base::Result<std::string> Load(const std::string&, const std::string&) override {
    return image_.id;
  }
  base::Status Remove(const std::string&) override { return {}; }
  base::Result<image::FsUsage> Usage() const override { return image::FsUsage{}; }
  void Hold(const std::string&, const std::string&) override {}
  void Release(const std::string&) override {}

 private:
  image::Image image_;
};

struct Samples {
  std::mutex mutex;
  std::vector<double> up, exec, down;
};

double Millis(base::SteadyTime from) {
  return std::chrono::duration<double, std::milli>(base::SystemClock().Steady() - from).count();
}

template <typename T>
T Must(base::Result<T>&& result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::_Exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

void Cycle(cri_server::Runtime& runtime, const std::string& parent, const std::string& name,
           Samples& samples) {
  cri::PodSandboxConfig pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_uid(name);
  pod.mutable_metadata()->set_namespace_("bench");
  pod.set_hostname("bench");
  pod.mutable_linux()->set_cgroup_parent(parent + "/" + name);
  cri::ContainerConfig container;
  container.mutable_metadata()->set_name("c");
  container.mutable_image()->set_image("busybox");
  for (const char* word : {"/bin/busybox", "sleep", "1000"}) container.add_command(word);
  auto& security = *container.mutable_linux()->mutable_security_context();
  security.mutable_namespace_options()->set_pid(cri::CONTAINER);
  security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  pod.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
      cri::CONTAINER);

  base::SteadyTime start = base::SystemClock().Steady();
  const std::string id = Must(runtime.RunPodSandbox(pod, ""));
  const std::string first = Must(runtime.CreateContainer(id, container));
  Must(runtime.StartContainer(first));
  const double up = Millis(start);
  start = base::SystemClock().Steady();
  Must(runtime.ExecSync(first, {"/bin/busybox", "true"}, std::chrono::seconds(10)));
  const double exec = Millis(start);
  start = base::SystemClock().Steady();
  Must(runtime.StopPodSandbox(id));
  Must(runtime.RemovePodSandbox(id));
  const double down = Millis(start);
  const std::lock_guard lock(samples.mutex);
  samples.up.push_back(up);
  samples.exec.push_back(exec);
  samples.down.push_back(down);
}

void Print(const char* name, std::vector<double> values, const char* after) {
  std::sort(values.begin(), values.end());
  std::printf("\"%s\": {\"p50\": %.2f, \"p99\": %.2f}%s", name, values[values.size() / 2],
              values[std::min(values.size() - 1, values.size() * 99 / 100)], after);
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: keelson-pod-bench BINARY_DIR CYCLES [PAUSE_MS [AT_ONCE]]\n");
    return 2;
  }
  const int cycles = std::atoi(argv[2]);
  const int pause = argc > 3 ? std::atoi(argv[3]) : 0;
  const int at_once = argc > 4 ? std::atoi(argv[4]) : 1;
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::perror("own namespaces");
    return 1;
  }
  os::AskForShortSlices();  // as the daemon does
  base::SetLogLevel(base::LogLevel::kError);
  const os::TempDir dir = Must(os::TempDir::Create("keelson-bench"));
  const std::string run = "/run/keelson-bench-" + base::RandomHex(4);
  const std::string parent = "/keelson-bench-" + base::RandomHex(4);
  Must(os::MakeDirs(run, 0700));
  Must(os::MakeDirs(dir.path() + "/layer/bin", 0755));
  Must(os::WriteFileAtomic(dir.path() + "/layer/bin/busybox", Must(os::ReadFile("/bin/busybox")),
                           0755));
  OneImage images(dir.path() + "/layer");
  base::SystemClock clock;
  security::DefaultPrograms seccomp;
  security::LocalProfiles profiles;
  Samples samples;
  base::SteadyTime begin;
  double total = 0;
  {
    const std::unique_ptr<network::BridgeNetwork> network = Must(network::BridgeNetwork::Create(
        {"klbench0", "10.202.0.0/22", "10.202.0.0/16", dir.path() + "/network"}));
    const std::unique_ptr<monitor::Anchor> anchor =
        Must(monitor::ConnectAnchor({run, dir.path(), argv[1]}));
    const cgroup::Layout layout = Must(cgroup::DetectLayout());
    {
      operations::Operations operations(clock);
      cri_server::Runtime runtime(
          cri_server::Dependencies{dir.path(),
                                   run,
                                   clock,
                                   *anchor,
                                   *network,
                                   images,
                                   seccomp,
                                   profiles,
                                   layout,
                                   Must(security::AvailableCapabilities()),
                                   "bench",
                                   operations,
                                   {std::string(argv[1]) + "/keelson-volume"},
                                   std::string(argv[1]) + "/keelson-namespaces"});
      Must(runtime.Recover());
      Samples warm;
      Cycle(runtime, parent, "warm", warm);
      begin = clock.Steady();
      std::vector<std::thread> threads;
      for (int t = 0; t < at_once; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < cycles; ++i) {
            if (pause > 0) (void)poll(nullptr, 0, pause);
            Cycle(runtime, parent, "p" + std::to_string(t) + "-" + std::to_string(i), samples);
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
      total = Millis(begin);
    }
    Must(anchor->Stop());
    Must(network->RemoveAll());
    Must(cgroup::Group(layout, parent).Remove());
  }
  while (umount2((run + "/netns").c_str(), MNT_DETACH) == 0) {
  }
  for (int i = 0; i < 500 && os::Exists(run + "/anchor.sock"); ++i) (void)poll(nullptr, 0, 10);
  (void)os::RemoveTree(run);
  std::printf("{");
  Print("up", samples.up, ", ");
  Print("exec", samples.exec, ", ");
  Print("down", samples.down, ", ");
  std::printf("\"cycles_per_second\": %.1f}\n", cycles * at_once * 1000 / total);
  return 0;
}

}  // namespace
}  // namespace keelson

int main(int argc, char** argv) { return keelson::Main(argc, argv); }
