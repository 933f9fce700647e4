// SPDX-License-Identifier: Apache-2.0
// Drives any runtime over the CRI and prints what every call took: the same client for Keelson and
// its peers. One thread a worker.
//   keelson-cri-bench --socket S --image I --parent CGROUP --logs DIR [--handler H]
//     --cycles N [--pause MS]    one after another; a line a cycle: run create start stop remove,
//     then the execs (milliseconds)
//     --seconds T --at-once N    N workers for T seconds; a line a cycle, then "rate CYCLES
//     SECONDS"
//     --fill N                   N pods that stay, eight at once
//     --execs T --at-once N      N workers, each with a pod of its own: ExecSync of `true` for T
//     [--cpu GROUP,GROUP]        seconds; one line: count, seconds, p50, p99 (milliseconds), and
//     the
//                                seconds of processor that these groups have used meanwhile
//     --urls                     a pod until its input ends; for every line of that, an Exec's
//     streams ("io", "o", "oe") and command by tabs, or "forward" and a port, a line with its URL
//     --clear                    removes every pod, eight at once
// A sandbox counts as stopped when its link is out of this network namespace's tables too, whatever
// the answer said before.
#include <grpcpp/grpcpp.h>
#include <net/if.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cri-api/cri.h"
#include "cri-api/service.grpc.pb.h"
#include "lib/rpc/channel.h"

namespace keelson {
namespace {

constexpr int kExecsPerCycle = 3;
constexpr int kWorkers = 8;
using Clock = std::chrono::steady_clock;

std::set<std::string> Links() {
  std::set<std::string> names;
  struct if_nameindex* all = if_nameindex();
  for (struct if_nameindex* link = all; link != nullptr && link->if_index != 0; ++link)
    names.insert(link->if_name);
  if_freenameindex(all);
  return names;
}

void WaitUntilGone(const std::string& link) {  // asks without the kernel's lock on links
  while (if_nametoindex(link.c_str()) != 0) {
    const timespec moment{0, 100000};
    (void)nanosleep(&moment, nullptr);
  }
}

void Sleep(int millis) {
  const timespec time{millis / 1000, millis % 1000 * 1000000L};
  (void)nanosleep(&time, nullptr);
}

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
  explicit Client(const Options& options)
      : options_(options),
        stub_(cri::RuntimeService::NewStub(rpc::ConnectUnix(options.Get("socket")))) {}

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
    pod.create =
        Call("CreateContainer", &cri::RuntimeService::Stub::CreateContainer, create, created);
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
    return Call("RemovePodSandbox", &cri::RuntimeService::Stub::RemovePodSandbox, request,
                response);
  }
  std::string ExecUrl(const Pod& pod, const std::vector<std::string>& words) {
    cri::ExecRequest request;
    request.set_container_id(pod.container);
    request.set_stdin(words[0].find('i') != std::string::npos);
    request.set_stdout(words[0].find('o') != std::string::npos);
    request.set_stderr(words[0].find('e') != std::string::npos);
    for (size_t i = 1; i < words.size(); ++i) request.add_cmd(words[i]);
    cri::ExecResponse response;
    Call("Exec", &cri::RuntimeService::Stub::Exec, request, response);
    return response.url();
  }
  std::string ForwardUrl(const Pod& pod, int port) {
    cri::PortForwardRequest request;
    request.set_pod_sandbox_id(pod.id);
    request.add_port(port);
    cri::PortForwardResponse response;
    Call("PortForward", &cri::RuntimeService::Stub::PortForward, request, response);
    return response.url();
  }
  std::vector<std::string> Pods() {
    cri::ListPodSandboxRequest request;
    cri::ListPodSandboxResponse response;
    Call("ListPodSandbox", &cri::RuntimeService::Stub::ListPodSandbox, request, response);
    std::vector<std::string> ids;
    for (const cri::PodSandbox& pod : response.items()) ids.push_back(pod.id());
    return ids;
  }

 private:
  const Options& options_;
  std::unique_ptr<cri::RuntimeService::Stub> stub_;
};

std::string Name(int worker, int cycle) {
  return "b" + std::to_string(getpid()) + "-" + std::to_string(worker) + "-" +
         std::to_string(cycle);
}

// `work(client, worker, i)` for every i below `count`, or until `work` says false, by `workers`
// threads with a client each.
template <typename Work>
void AtOnce(const Options& options, int workers, int count, Work work) {
  std::atomic<int> next{0};
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(workers));
  for (int worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      Client own(options);
      for (int i = next++; i < count && work(own, worker, i); i = next++) {
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void Print(const Client::Pod& pod, double stop, double remove, const std::vector<double>& execs) {
  std::printf("%.3f %.3f %.3f %.3f %.3f", pod.run, pod.create, pod.start, stop, remove);
  for (const double exec : execs) std::printf(" %.3f", exec);
  std::printf("\n");
}

void Cycles(Client& client, int cycles, int pause) {
  const std::set<std::string> before = Links();
  for (int i = 0; i < cycles; ++i) {
    if (pause > 0) Sleep(pause);
    const Client::Pod pod = client.Up(Name(0, i));
    std::string link;
    for (const std::string& name : Links()) {
      if (!before.contains(name)) link = name;
    }
    std::vector<double> execs;
    execs.reserve(kExecsPerCycle);
    for (int n = 0; n < kExecsPerCycle; ++n) execs.push_back(client.Exec(pod));
    double stop = client.Stop(pod.id);
    const Clock::time_point answered = Clock::now();
    WaitUntilGone(link);
    stop += std::chrono::duration<double, std::milli>(Clock::now() - answered).count();
    Print(pod, stop, client.Remove(pod.id), execs);
  }
}

void Storm(const Options& options, int at_once, int seconds) {
  std::mutex output;
  std::atomic<int> cycles{0};
  const std::set<std::string> before = Links();
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::seconds(seconds);
  AtOnce(options, at_once, 1000000, [&](Client& own, int worker, int i) {
    if (Clock::now() >= end) return false;
    const Client::Pod pod = own.Up(Name(worker, i));
    const double exec = own.Exec(pod);
    const double stop = own.Stop(pod.id);
    const double remove = own.Remove(pod.id);
    ++cycles;
    const std::lock_guard lock(output);
    Print(pod, stop, remove, {exec});
    return true;
  });
  for (const std::string& name : Links()) {
    if (!before.contains(name)) WaitUntilGone(name);
  }
  std::printf("rate %d %.3f\n", cycles.load(),
              std::chrono::duration<double>(Clock::now() - begin).count());
}

double ProcessorSeconds(const std::string& groups) {
  double seconds = 0;
  std::istringstream list(groups);
  std::string group, word;
  while (std::getline(list, group, ',')) {
    if (std::ifstream v1(group + "/cpuacct.usage"); v1 >> word) seconds += std::stod(word) / 1e9;
    if (std::ifstream v2(group + "/cpu.stat"); v2 >> word && word == "usage_usec" && v2 >> word)
      seconds += std::stod(word) / 1e6;
  }
  return seconds;
}

// Warmed up first: half a second does not count.
void Execs(const Options& options, int at_once, int seconds) {
  std::mutex mutex;
  std::vector<double> millis;
  std::atomic<int> ready{0}, done{0};
  double processor = 0;
  AtOnce(options, at_once, at_once, [&](Client& own, int worker, int i) {
    const Client::Pod pod = own.Up(Name(worker, i));
    ++ready;
    while (ready < at_once) Sleep(1);
    const Clock::time_point from = Clock::now() + std::chrono::milliseconds(500);
    const Clock::time_point end = from + std::chrono::seconds(seconds);
    std::vector<double> mine;
    double used = -1;
    while (Clock::now() < end) {
      const double took = own.Exec(pod);
      if (Clock::now() < from) continue;
      mine.push_back(took);
      if (i == 0 && used < 0) used = ProcessorSeconds(options.Get("cpu"));
    }
    if (i == 0) processor = ProcessorSeconds(options.Get("cpu")) - used;
    ++done;
    while (done < at_once) Sleep(1);  // what comes now is not counted
    own.Stop(pod.id);
    own.Remove(pod.id);
    const std::lock_guard lock(mutex);
    millis.insert(millis.end(), mine.begin(), mine.end());
    return true;
  });
  std::sort(millis.begin(), millis.end());
  const auto at = [&](double part) {
    return millis.empty()
               ? 0.0
               : millis[static_cast<size_t>(part * static_cast<double>(millis.size() - 1))];
  };
  std::printf("execs %zu %d %.3f %.3f %.3f\n", millis.size(), seconds, at(0.5), at(0.99),
              processor);
}

void Urls(Client& client) {
  const Client::Pod pod = client.Up(Name(0, 0));
  std::string line;
  while (std::getline(std::cin, line)) {
    std::vector<std::string> words;
    size_t from = 0;
    for (size_t tab; (tab = line.find('\t', from)) != std::string::npos; from = tab + 1)
      words.push_back(line.substr(from, tab - from));
    words.push_back(line.substr(from));
    std::cout << (words[0] == "forward" ? client.ForwardUrl(pod, std::atoi(words[1].c_str()))
                                        : client.ExecUrl(pod, words))
              << std::endl;
  }
  client.Stop(pod.id);
  client.Remove(pod.id);
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--clear" || word == "--urls")
      options.values[word.substr(2)] = "1";
    else if (const size_t is = word.find('='); word.starts_with("--") && is != std::string::npos)
      options.values[word.substr(2, is - 2)] = word.substr(is + 1);
    else if (word.starts_with("--") && i + 1 < argc)
      options.values[word.substr(2)] = argv[++i];
  }
  if (options.Get("socket").empty()) {
    std::fprintf(
        stderr,
        "usage: keelson-cri-bench --socket S --image I --parent CGROUP --logs DIR [--handler H] "
        "(--cycles N | --seconds T --at-once N | --fill N | --execs T --at-once N | --urls | "
        "--clear)\n");
    return 2;
  }
  Client client(options);
  if (!options.Get("clear").empty()) {
    const std::vector<std::string> pods = client.Pods();
    AtOnce(options, kWorkers, static_cast<int>(pods.size()), [&](Client& own, int, int i) {
      own.Stop(pods[static_cast<size_t>(i)]);
      own.Remove(pods[static_cast<size_t>(i)]);
      return true;
    });
  }
  AtOnce(options, kWorkers, options.Number("fill"), [](Client& own, int, int i) {
    own.Up(Name(0, i));
    return true;
  });
  Cycles(client, options.Number("cycles"), options.Number("pause"));
  if (!options.Get("urls").empty()) Urls(client);
  const int at_once = options.Number("at-once");
  if (at_once > 0 && options.Number("execs") > 0) {
    Execs(options, at_once, options.Number("execs"));
  } else if (at_once > 0) {
    Storm(options, at_once, options.Number("seconds"));
  }
  return 0;
}

}  // namespace
}  // namespace keelson

int main(int argc, char** argv) { return keelson::Main(argc, argv); }
