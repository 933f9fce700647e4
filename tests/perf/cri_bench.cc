// SPDX-License-Identifier: Apache-2.0
// Drives any runtime over the CRI and prints what every call took: the same client for Keelson and its peers. One thread a worker.
//   keelson-cri-bench --socket S --image I --parent CGROUP --logs DIR [--handler H]
//     --cycles N                 one after another; a line a cycle: run create start stop remove, then the execs (milliseconds)
//     --seconds T --at-once N    N workers for T seconds; one line: cycles seconds
//     --fill N                   N pods that stay
//     --clear                    removes every pod
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "cri-api/cri.h"
#include "cri-api/service.grpc.pb.h"
#include "lib/rpc/channel.h"

namespace keelson {
namespace {

constexpr int kExecsPerCycle = 5;
using Clock = std::chrono::steady_clock;

struct Options {
  std::map<std::string, std::string> values;
  std::string Get(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  }
  int Number(const std::string& name) const { return std::atoi(Get(name).c_str()); }
};

class Client {
 public:
  explicit Client(const Options& options) : options_(options), stub_(cri::RuntimeService::NewStub(rpc::ConnectUnix(options.Get("socket")))) {}

  template <typename Method, typename Request, typename Response>
  double Call(const char* what, Method method, const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
    context.set_wait_for_ready(true);
    const Clock::time_point start = Clock::now();
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    const double millis = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    if (!status.ok()) {
      std::fprintf(stderr, "%s: %s\n", what, status.error_message().c_str());
      std::_Exit(1);
    }
    return millis;
  }

  struct Pod {
    std::string id, container;
    double run, create, start;
  };
  Pod Up(const std::string& name) {
    Pod pod;
    cri::RunPodSandboxRequest run;
    cri::PodSandboxConfig& config = *run.mutable_config();
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_uid(name);
    config.mutable_metadata()->set_namespace_("bench");
    config.set_hostname("bench");
    config.set_log_directory(options_.Get("logs") + "/" + name);
    config.mutable_dns_config()->add_servers("10.96.0.10");
    config.mutable_linux()->set_cgroup_parent(options_.Get("parent"));
    auto* sandbox_security = config.mutable_linux()->mutable_security_context();
    sandbox_security->mutable_namespace_options()->set_pid(cri::CONTAINER);
    sandbox_security->mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    run.set_runtime_handler(options_.Get("handler"));
    cri::RunPodSandboxResponse ran;
    pod.run = Call("RunPodSandbox", &cri::RuntimeService::Stub::RunPodSandbox, run, ran);
    pod.id = ran.pod_sandbox_id();

    cri::CreateContainerRequest create;
    create.set_pod_sandbox_id(pod.id);
    *create.mutable_sandbox_config() = config;
    cri::ContainerConfig& container = *create.mutable_config();
    container.mutable_metadata()->set_name("main");
    container.mutable_image()->set_image(options_.Get("image"));
    for (const char* word : {"/bin/busybox", "sleep", "100000"}) container.add_command(word);
    container.set_log_path("main.log");
    auto& security = *container.mutable_linux()->mutable_security_context();
    security.mutable_namespace_options()->set_pid(cri::CONTAINER);
    security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    cri::CreateContainerResponse created;
    pod.create = Call("CreateContainer", &cri::RuntimeService::Stub::CreateContainer, create, created);
    pod.container = created.container_id();

    cri::StartContainerRequest start;
    start.set_container_id(pod.container);
    cri::StartContainerResponse started;
    pod.start = Call("StartContainer", &cri::RuntimeService::Stub::StartContainer, start, started);
    return pod;
  }

  double Exec(const Pod& pod) {
    cri::ExecSyncRequest request;
    request.set_container_id(pod.container);
    for (const char* word : {"/bin/busybox", "true"}) request.add_cmd(word);
    request.set_timeout(60);
    cri::ExecSyncResponse response;
    const double millis = Call("ExecSync", &cri::RuntimeService::Stub::ExecSync, request, response);
    if (response.exit_code() != 0) {
      std::fprintf(stderr, "ExecSync: true ended with %d\n", response.exit_code());
      std::_Exit(1);
    }
    return millis;
  }

  double Stop(const std::string& id) {
    cri::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    cri::StopPodSandboxResponse response;
    return Call("StopPodSandbox", &cri::RuntimeService::Stub::StopPodSandbox, request, response);
  }
  double Remove(const std::string& id) {
    cri::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    cri::RemovePodSandboxResponse response;
    return Call("RemovePodSandbox", &cri::RuntimeService::Stub::RemovePodSandbox, request, response);
  }
  void Clear() {
    cri::ListPodSandboxRequest request;
    cri::ListPodSandboxResponse response;
    Call("ListPodSandbox", &cri::RuntimeService::Stub::ListPodSandbox, request, response);
    for (const cri::PodSandbox& pod : response.items()) {
      Stop(pod.id());
      Remove(pod.id());
    }
  }

 private:
  const Options& options_;
  std::unique_ptr<cri::RuntimeService::Stub> stub_;
};

std::string Name(int worker, int cycle) {
  return "b" + std::to_string(getpid()) + "-" + std::to_string(worker) + "-" + std::to_string(cycle);
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--clear") options.values["clear"] = "1";
    else if (word.starts_with("--") && i + 1 < argc) options.values[word.substr(2)] = argv[++i];
  }
  if (options.Get("socket").empty()) {
    std::fprintf(stderr, "usage: keelson-cri-bench --socket S --image I --parent CGROUP --logs DIR [--handler H] "
                         "(--cycles N | --seconds T --at-once N | --fill N | --clear)\n");
    return 2;
  }
  Client client(options);
  if (!options.Get("clear").empty()) client.Clear();
  for (int i = 0; i < options.Number("fill"); ++i) client.Up(Name(0, i));
  for (int i = 0; i < options.Number("cycles"); ++i) {
    const Client::Pod pod = client.Up(Name(0, i));
    std::vector<double> execs;
    for (int n = 0; n < kExecsPerCycle; ++n) execs.push_back(client.Exec(pod));
    const double stop = client.Stop(pod.id);
    const double remove = client.Remove(pod.id);
    std::printf("%.3f %.3f %.3f %.3f %.3f", pod.run, pod.create, pod.start, stop, remove);
    for (const double exec : execs) std::printf(" %.3f", exec);
    std::printf("\n");
  }
  if (const int at_once = options.Number("at-once"); at_once > 0) {
    std::atomic<int> cycles{0};
    const Clock::time_point begin = Clock::now();
    const Clock::time_point end = begin + std::chrono::seconds(options.Number("seconds"));
    std::vector<std::thread> workers;
    for (int worker = 0; worker < at_once; ++worker) {
      workers.emplace_back([&, worker] {
        Client own(options);
        for (int i = 0; Clock::now() < end; ++i) {
          const Client::Pod pod = own.Up(Name(worker, i));
          own.Stop(pod.id);
          own.Remove(pod.id);
          ++cycles;
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    std::printf("%d %.3f\n", cycles.load(), std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return 0;
}

}  // namespace
}  // namespace keelson

int main(int argc, char** argv) { return keelson::Main(argc, argv); }
