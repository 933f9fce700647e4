// SPDX-License-Identifier: Apache-2.0
// keelson-master-bench: what an API server does in a second, any one that speaks Kubernetes' API.
// scripts/bench master runs it. Prints "name value" lines, rates a second and milliseconds.
//   start KUBECONFIG PORT COMMAND…   runs it, waits until /readyz is 200, prints milliseconds and
//   pid fill KUBECONFIG PORT PODS        the namespace and so many pods, each with a status load
//   KUBECONFIG PORT SECONDS PODS WATCHERS   after fill maps KUBECONFIG PORT COUNT       so many
//   ConfigMaps of 1 kB
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "tests/load/loops.h"
#include "tests/load/objects.h"

namespace {

using namespace keelson;
using load::Connection;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr char kSpace[] = "bench";
const std::string kPods = "/api/v1/namespaces/bench/pods";
const std::string kLeases = "/apis/coordination.k8s.io/v1/namespaces/bench/leases";
constexpr auto kLong = std::chrono::hours(1);

// Of no two status patches the same: one that changes nothing writes nothing.
std::atomic<uint64_t> serial{static_cast<uint64_t>(getpid()) * 1'000'000};

double Since(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

void Print(const std::string& name, double value) {
  std::printf("%s %.3f\n", name.c_str(), value);
  std::fflush(stdout);
}

base::Result<load::Client> ClientOf(const std::string& kubeconfig, int port) {
  ASSIGN_OR_RETURN(const load::Identity identity, load::ReadKubeconfig(kubeconfig));
  return load::Client::Make(identity, port);
}

// The answer's body.
base::Result<std::string> Ask(Connection& connection, std::string_view method,
                              const std::string& path, const std::string& body = {},
                              std::string_view type = "application/json",
                              std::string_view headers = {}) {
  ASSIGN_OR_RETURN(load::Answer answer, connection.Ask(method, path, body, type, headers));
  if (answer.code < 200 || answer.code > 299) {
    return base::Internal("{} {}: {} {}", method, path, answer.code, answer.body.substr(0, 500));
  }
  return std::move(answer.body);
}

base::Status Done(const base::Result<std::string>& answer) {
  return answer.ok() ? base::Ok() : base::Status(answer.error());
}

double ProcessorOf(std::string_view pid) {  // microseconds
  const std::string stat = os::ReadFile(fmt::format("/proc/{}/stat", pid)).ValueOr("");
  const auto fields = base::Split(std::string_view(stat), ' ');
  double ticks = 0;
  for (const size_t field : {13, 14}) {
    if (field < fields.size()) {
      ticks += static_cast<double>(base::ParseUint64(fields[field]).value_or(0));
    }
  }
  return ticks * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Processor time of the server's processes, which KEELSON_BENCH_PIDS names, since it was made: what
// a busy machine leaves comparable.
class Processor {
 public:
  Processor() : from_(Now()) {}
  void Print(const std::string& name, uint64_t requests) const {
    if (requests == 0 || std::getenv("KEELSON_BENCH_PIDS") == nullptr) return;
    ::Print(name + "_cpu_us", (Now() - from_) / static_cast<double>(requests));
  }

 private:
  static double Now() {
    const char* pids = std::getenv("KEELSON_BENCH_PIDS");
    double sum = 0;
    for (const std::string_view pid : base::Split(std::string_view(pids ? pids : ""), ',')) {
      sum += ProcessorOf(pid);
    }
    return sum;
  }
  const double from_;
};

// The same with one client and with 32, each for so long.
base::Status Both(const load::Client& client, const std::string& name, milliseconds time,
                  const load::Request& request) {
  for (const int clients : {1, 32}) {
    const Processor processor;
    ASSIGN_OR_RETURN(const load::Measured measured, load::Drive(client, clients, time, 0, request));
    processor.Print(fmt::format("{}_{}", name, clients), measured.done);
    Print(fmt::format("{}_{}", name, clients), measured.rate());
    Print(fmt::format("{}_{}_p99_ms", name, clients), measured.Quantile(0.99) / 1000);
  }
  return base::Ok();
}

int Start(const std::string& kubeconfig, int port, std::vector<std::string> argv) {
  const auto from = Clock::now();
  os::SpawnOptions spawn;
  spawn.argv = std::move(argv);
  for (const char* name : {"PATH", "HOME", "TMPDIR"}) {
    if (const char* value = std::getenv(name))
      spawn.env.push_back(fmt::format("{}={}", name, value));
  }
  spawn.fds = {{2, 1}, {2, 2}};
  auto child = os::ChildProcess::Spawn(spawn);
  if (!child.ok()) {
    std::fprintf(stderr, "%s\n", child.error().message().c_str());
    return 1;
  }
  for (;;) {
    const auto client = ClientOf(kubeconfig, port);
    if (client.ok()) {
      auto connection = Connection::Open(*client);
      if (connection.ok()) {
        const auto answer = connection->Ask("GET", "/readyz");
        if (answer.ok() && answer->code == 200) break;
      }
    }
    const auto ended = child->WaitFor(milliseconds(2));
    if (Since(from) > 120'000 || !ended.ok() || ended->has_value()) {
      std::fprintf(stderr, "it does not become ready\n");
      return 1;
    }
  }
  const double took = Since(from);
  std::printf("%.1f %d %.0f\n", took, child->pid(), ProcessorOf(std::to_string(child->pid())));
  child->Release();
  return 0;
}

base::Status Fill(const load::Client& client, uint64_t pods) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(client));
  RETURN_IF_ERROR(Done(Ask(connection, "POST", "/api/v1/namespaces",
                           fmt::format(R"({{"metadata":{{"name":"{}"}}}})", kSpace))));
  // Where no controller makes it.
  (void)connection.Ask("POST", "/api/v1/namespaces/bench/serviceaccounts",
                       R"({"metadata":{"name":"default"}})");
  ASSIGN_OR_RETURN(
      const load::Measured made,
      load::Drive(
          client, 32, kLong, pods, [](Connection& one, int, uint64_t number) -> base::Status {
            const std::string name = fmt::format("pod-{}", number);
            RETURN_IF_ERROR(Done(Ask(one, "POST", kPods, load::Pod(name))));
            return Done(Ask(one, "PATCH", kPods + "/" + name + "/status", load::PodStatus(serial++),
                            "application/strategic-merge-patch+json"));
          }));
  std::fprintf(stderr, "%lu pods in %.1f s\n", made.done, made.seconds);
  return base::Ok();
}

base::Status Lists(const load::Client& client, seconds time) {
  struct Kind {
    const char* name;
    const char* headers;
  };
  for (const Kind& kind :
       {Kind{"list", "Accept: application/json\r\n"},
        Kind{"list_gzip", "Accept: application/json\r\nAccept-Encoding: gzip\r\n"},
        Kind{"list_protobuf", "Accept: application/vnd.kubernetes.protobuf\r\n"}}) {
    size_t bytes = 0;
    const Processor processor;
    const auto measured =
        load::Drive(client, 1, time, 0, [&](Connection& one, int, uint64_t) -> base::Status {
          one.DropBodies();
          ASSIGN_OR_RETURN(const load::Answer answer, one.Ask("GET", kPods, {}, {}, kind.headers));
          bytes = answer.size;
          if (answer.code != 200) return base::Internal("GET {}: {}", kPods, answer.code);
          return base::Ok();
        });
    if (!measured.ok()) {
      std::fprintf(stderr, "%s: %s\n", kind.name, measured.error().message().c_str());
      continue;
    }
    processor.Print(kind.name, measured->done);
    Print(fmt::format("{}_ms", kind.name), measured->Quantile(0.5) / 1000);
    Print(fmt::format("{}_mb", kind.name), static_cast<double>(bytes) / 1e6);
  }
  return base::Ok();
}

// Deliveries a second, from the first write to the last event at the last watcher.
base::Status FanOut(const load::Client& client, seconds time, int watchers, uint64_t pods) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(client));
  ASSIGN_OR_RETURN(const std::string listed, Ask(connection, "GET", kPods + "?limit=1"));
  ASSIGN_OR_RETURN(
      const auto open,
      load::Watchers::Open(client, watchers,
                           kPods + "?watch=true&resourceVersion=" + load::RevisionIn(listed)));
  const Processor processor;
  const auto from = Clock::now();
  ASSIGN_OR_RETURN(
      const load::Measured written,
      load::Drive(client, 32, time, 0, [&](Connection& one, int, uint64_t number) {
        return Done(Ask(one, "PATCH", fmt::format("{}/pod-{}/status", kPods, number % pods),
                        load::PodStatus(serial++), "application/strategic-merge-patch+json"));
      }));
  const uint64_t expected = written.done * static_cast<uint64_t>(watchers);
  // Until all have come, or none comes for five seconds: the clock stops at the last one.
  uint64_t seen = open->events();
  auto last = Clock::now();
  while (seen < expected && !open->broken() && Since(last) < 5'000) {
    (void)poll(nullptr, 0, 2);
    const uint64_t now = open->events();
    if (now != seen) last = Clock::now();
    seen = now;
  }
  if (open->broken()) std::fprintf(stderr, "watch: a watcher was cut off\n");
  const double took = std::chrono::duration<double>(last - from).count();
  if (seen < expected) std::fprintf(stderr, "watch: %lu events of %lu\n", seen, expected);
  processor.Print("watch_events", seen);
  Print("watch_events", static_cast<double>(seen) / took);
  Print("watch_writes", written.rate());
  return base::Ok();
}

base::Status CreateAndDelete(const load::Client& client, seconds time) {
  uint64_t made = 0;
  for (const int clients : {1, 32}) {
    const Processor processor;
    std::atomic<uint64_t> next{made};
    ASSIGN_OR_RETURN(
        const load::Measured measured,
        load::Drive(client, clients, time, 0, [&](Connection& one, int, uint64_t) {
          return Done(Ask(one, "POST", kPods, load::Pod(fmt::format("new-{}", next++))));
        }));
    processor.Print(fmt::format("create_{}", clients), measured.done);
    made = next;
    Print(fmt::format("create_{}", clients), measured.rate());
    Print(fmt::format("create_{}_p99_ms", clients), measured.Quantile(0.99) / 1000);
  }
  const Processor deleting;
  ASSIGN_OR_RETURN(const load::Measured gone,
                   load::Drive(client, 32, kLong, made, [&](Connection& one, int, uint64_t number) {
                     return Done(Ask(one, "DELETE", fmt::format("{}/new-{}", kPods, number)));
                   }));
  deleting.Print("delete_32", gone.done);
  Print("delete_32", gone.rate());
  return base::Ok();
}

base::Status Leases(const load::Client& client, seconds time) {
  std::vector<std::string> revisions(32);
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(client));
  for (size_t i = 0; i < revisions.size(); ++i) {
    ASSIGN_OR_RETURN(
        const std::string body,
        Ask(connection, "POST", kLeases, load::Lease(kSpace, fmt::format("node-{}", i), "", 0)));
    revisions[i] = load::RevisionIn(body);
  }
  return Both(
      client, "lease", time, [&](Connection& one, int index, uint64_t number) -> base::Status {
        std::string& revision = revisions[static_cast<size_t>(index)];
        const std::string name = fmt::format("node-{}", index);
        ASSIGN_OR_RETURN(const std::string body, Ask(one, "PUT", kLeases + "/" + name,
                                                     load::Lease(kSpace, name, revision, number)));
        revision = load::RevisionIn(body);
        return base::Ok();
      });
}

// `only`: some of "create get status lease list watch"; empty: all.
base::Status Load(const load::Client& client, seconds time, uint64_t pods, int watchers,
                  const std::string& only) {
  const auto wanted = [&](std::string_view name) {
    return only.empty() || only.find(name) != std::string::npos;
  };
  if (wanted("create")) RETURN_IF_ERROR(CreateAndDelete(client, time));
  if (wanted("get")) {
    RETURN_IF_ERROR(Both(client, "get", time, [&](Connection& one, int, uint64_t number) {
      return Done(Ask(one, "GET", fmt::format("{}/pod-{}", kPods, number * 7 % pods)));
    }));
  }
  if (wanted("status")) {
    RETURN_IF_ERROR(Both(client, "status", time, [&](Connection& one, int, uint64_t number) {
      return Done(Ask(one, "PATCH", fmt::format("{}/pod-{}/status", kPods, number * 7 % pods),
                      load::PodStatus(serial++), "application/strategic-merge-patch+json"));
    }));
  }
  if (wanted("lease")) RETURN_IF_ERROR(Leases(client, time));
  if (wanted("list")) RETURN_IF_ERROR(Lists(client, time));
  return wanted("watch") ? FanOut(client, time, watchers, pods) : base::Ok();
}

base::Status Maps(const load::Client& client, uint64_t count) {
  return load::Drive(
             client, 32, kLong, count,
             [](Connection& one, int, uint64_t number) {
               return Done(Ask(one, "POST", "/api/v1/namespaces/default/configmaps",
                               load::ConfigMap(fmt::format("map-{}", number))));
             }).ok()
             ? base::Ok()
             : base::Status(base::Internal("not all ConfigMaps were made"));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto number = [&](size_t i) {
    return i < words.size() ? base::ParseUint64(words[i]).value_or(0) : 0;
  };
  if (words.size() < 4) {
    std::fprintf(stderr, "usage: keelson-master-bench start|fill|load|maps KUBECONFIG PORT …\n");
    return 2;
  }
  const int port = static_cast<int>(number(2));
  if (words[0] == "start") return Start(words[1], port, {words.begin() + 3, words.end()});
  const auto client = ClientOf(words[1], port);
  base::Status status = client.ok() ? base::Ok() : base::Status(client.error());
  if (status.ok() && words[0] == "fill") status = Fill(*client, number(3));
  if (status.ok() && words[0] == "maps") status = Maps(*client, number(3));
  if (status.ok() && words[0] == "load") {
    status = Load(*client, seconds(number(3)), number(4), static_cast<int>(number(5)),
                  words.size() > 6 ? words[6] : "");
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "keelson-master-bench: %s\n", status.error().message().c_str());
  return 1;
}
