// SPDX-License-Identifier: Apache-2.0
// How long lists of many containers take: makes pods, then asks each list again and again and
// prints the round trips, of Keelson and its peers with the same client. Answers are taken as
// bytes, so that the time is the daemon's and the socket's and not that of a client's parser.
//   keelson-list-bench --socket S --image I --parent CGROUP --logs DIR [--handler H]
//     --pods N --containers N    a pod; what is there already counts
//     --calls N                  of each list, but no more than go into 20 seconds (five at least)
// A line a list: name, bytes, calls, then milliseconds: p50 p99 and the first call of all.
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
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

constexpr int kWorkers = 8;
using Clock = std::chrono::steady_clock;

std::map<std::string, std::string> options;  // set once, before any thread

void Require(const grpc::Status& status, const std::string& what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what.c_str(), status.error_message().c_str());
  std::_Exit(1);
}

void MakePod(const std::string& name, int containers) {
  const auto stub = cri::RuntimeService::NewStub(rpc::ConnectUnix(options["socket"]));
  cri::RunPodSandboxRequest run;
  cri::PodSandboxConfig& config = *run.mutable_config();
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_uid(name);
  config.mutable_metadata()->set_namespace_("bench");
  config.set_log_directory(options["logs"] + "/" + name);
  config.mutable_linux()->set_cgroup_parent(options["parent"] + "/" + name);
  run.set_runtime_handler(options["handler"]);
  cri::RunPodSandboxResponse ran;
  {
    grpc::ClientContext context;
    Require(stub->RunPodSandbox(&context, run, &ran), "RunPodSandbox");
  }
  for (int i = 0; i < containers; ++i) {
    cri::CreateContainerRequest create;
    create.set_pod_sandbox_id(ran.pod_sandbox_id());
    *create.mutable_sandbox_config() = config;
    cri::ContainerConfig& container = *create.mutable_config();
    container.mutable_metadata()->set_name("c" + std::to_string(i));
    container.mutable_image()->set_image(options["image"]);
    for (const char* word : {"/bin/busybox", "sleep", "100000"}) container.add_command(word);
    container.set_log_path("c" + std::to_string(i) + ".log");
    // As kubelets write them.
    auto& labels = *container.mutable_labels();
    labels["io.kubernetes.container.name"] = container.metadata().name();
    labels["io.kubernetes.pod.name"] = name;
    labels["io.kubernetes.pod.namespace"] = "bench";
    labels["io.kubernetes.pod.uid"] = name;
    auto& annotations = *container.mutable_annotations();
    annotations["io.kubernetes.container.hash"] = "30d1ff5e";
    annotations["io.kubernetes.container.restartCount"] = "0";
    annotations["io.kubernetes.container.terminationMessagePath"] = "/dev/termination-log";
    annotations["io.kubernetes.container.terminationMessagePolicy"] = "File";
    annotations["io.kubernetes.pod.terminationGracePeriod"] = "30";
    cri::CreateContainerResponse created;
    grpc::ClientContext creating;
    Require(stub->CreateContainer(&creating, create, &created), "CreateContainer");
    cri::StartContainerRequest start;
    start.set_container_id(created.container_id());
    cri::StartContainerResponse started;
    grpc::ClientContext starting;
    Require(stub->StartContainer(&starting, start, &started), "StartContainer");
  }
}

void Fill(int pods, int containers) {
  std::atomic<int> next{0};
  std::vector<std::thread> threads;
  for (int worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&] {
      for (int i = next++; i < pods; i = next++)
        MakePod("l" + std::to_string(getpid()) + "-" + std::to_string(i), containers);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

struct Figures {
  size_t bytes = 0;
  std::vector<double> millis;
};

// One call, its answer as bytes.
bool Ask(grpc::ChannelInterface& channel, const std::string& method, Figures& figures) {
  const std::string path = "/runtime.v1.RuntimeService/" + method;
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
  grpc::ClientContext context;
  const grpc::Slice nothing("", 0);
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer answer;
  const Clock::time_point begin = Clock::now();
  const grpc::Status status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
      &channel, rpc, &context, request, &answer);
  figures.millis.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  figures.bytes = answer.Length();
  if (!status.ok()) std::printf("%-22s %s\n", method.c_str(), status.error_message().c_str());
  return status.ok();
}

void Measure(const std::string& method, int calls) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(256 << 20);
  const auto channel = grpc::CreateCustomChannel("unix://" + options["socket"],
                                                 grpc::InsecureChannelCredentials(), arguments);
  Figures figures;
  const Clock::time_point enough = Clock::now() + std::chrono::seconds(20);
  for (int i = 0; i < calls && (i < 5 || Clock::now() < enough); ++i) {
    if (!Ask(*channel, method, figures)) return;
    const timespec moment{0, 5'000'000};  // a daemon that works on answers has them ready
    (void)nanosleep(&moment, nullptr);
  }
  const double first = figures.millis.front();
  std::sort(figures.millis.begin(), figures.millis.end());
  const auto at = [&](double part) {
    return figures
        .millis[static_cast<size_t>(part * static_cast<double>(figures.millis.size() - 1))];
  };
  std::printf("%-22s %9zu %6zu %8.3f %8.3f %8.3f\n", method.c_str(), figures.bytes,
              figures.millis.size(), at(0.5), at(0.99), first);
  (void)std::fflush(stdout);
}

int Main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i] + 2] = argv[i + 1];
  if (options["socket"].empty()) {
    std::fprintf(stderr,
                 "usage: keelson-list-bench --socket S --image I --parent CGROUP --logs DIR "
                 "[--handler H] --pods N --containers N --calls N\n");
    return 2;
  }
  const auto number = [](const char* name) { return std::atoi(options[name].c_str()); };
  Fill(number("pods"), number("containers"));
  const int calls = std::max(1, number("calls"));
  std::printf("%-22s %9s %6s %8s %8s %8s\n", "list", "bytes", "calls", "p50", "p99", "first");
  for (const char* method :
       {"ListPodSandbox", "ListContainers", "ListContainerStats", "ListPodSandboxStats"})
    Measure(method, calls);
  // Every file of every group, and megabytes: a scrape's, not a kubelet's each second.
  if (calls >= 20) Measure("ListPodSandboxMetrics", calls / 20);
  return 0;
}

}  // namespace
}  // namespace keelson

int main(int argc, char** argv) { return keelson::Main(argc, argv); }
