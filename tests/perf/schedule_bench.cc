// SPDX-License-Identifier: Apache-2.0
// keelson-schedule-bench DIR PODS NODES…: pods that keelson-master gives a node in a second, as a
// process with its store in DIR (on a disk). For each number of nodes, prints "name value" lines:
//   scheduled_backlog_N   PODS wait already; from the first to the last that gets a node
//   scheduled_new_N       32 clients make PODS while they are scheduled; from the first request on
//   created_N             how fast these were made; the other cannot be more
// Watched by a client of its own, over TLS.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "tests/load/loops.h"
#include "tests/load/master_process.h"
#include "tests/load/nodes.h"

namespace {

using namespace keelson;
using Clock = std::chrono::steady_clock;

constexpr int kClients = 32;
constexpr auto kLong = std::chrono::hours(1);
constexpr char kPods[] = "/api/v1/namespaces/default/pods";

double Since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

base::Result<load::Measured> MakePods(const load::Client& client, uint64_t count) {
  return load::Drive(
      client, kClients, kLong, count,
      [](load::Connection& connection, int, uint64_t number) -> base::Status {
        ASSIGN_OR_RETURN(const load::Answer answer,
                         connection.Ask("POST", kPods, load::PlainPod(fmt::format("p{}", number))));
        if (answer.code != 201) return base::Internal("{} {}", answer.code, answer.body);
        return base::Ok();
      });
}

// Reads until so many have a node; when each was seen.
base::Result<std::vector<Clock::time_point>> WatchBound(load::Connection& watch, size_t count) {
  std::vector<Clock::time_point> seen;
  while (seen.size() < count) {
    ASSIGN_OR_RETURN(const std::string line, watch.ReadLine());
    if (line.starts_with(R"({"type":"ADDED")")) seen.push_back(Clock::now());
  }
  return seen;
}

base::Result<load::Connection> BeginWatch(const load::Client& client) {
  ASSIGN_OR_RETURN(load::Connection watch,
                   load::Connection::Open(client, std::chrono::seconds(300)));
  RETURN_IF_ERROR(watch.Begin("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%21%3D"));
  return watch;
}

base::Status Measure(const std::string& dir, uint64_t pods, uint64_t nodes) {
  RETURN_IF_ERROR(os::RemoveTree(dir));
  load::MasterProcess::Options options;
  options.dir = dir;
  // Nobody keeps the nodes' leases fresh.
  options.extra = {"--controllers=*,-node-lifecycle-controller"};
  load::MasterProcess::Options without = options;
  without.extra.emplace_back("--no-scheduler");
  {
    ASSIGN_OR_RETURN(load::MasterProcess master, load::MasterProcess::Start(without));
    RETURN_IF_ERROR(load::WaitForAccount(*master.client()));
    RETURN_IF_ERROR(load::MakeNodes(*master.client(), nodes));
    RETURN_IF_ERROR(MakePods(*master.client(), pods));
    RETURN_IF_ERROR(master.Stop());
  }
  {
    ASSIGN_OR_RETURN(load::MasterProcess master, load::MasterProcess::Start(options));
    ASSIGN_OR_RETURN(load::Connection watch, BeginWatch(*master.client()));
    ASSIGN_OR_RETURN(const auto seen, WatchBound(watch, pods));
    const double time = std::chrono::duration<double>(seen.back() - seen.front()).count();
    std::printf("scheduled_backlog_%lu %.0f\n", nodes, static_cast<double>(pods) / time);
    RETURN_IF_ERROR(master.Stop());
  }
  RETURN_IF_ERROR(os::RemoveTree(dir));
  ASSIGN_OR_RETURN(load::MasterProcess master, load::MasterProcess::Start(options));
  RETURN_IF_ERROR(load::WaitForAccount(*master.client()));
  RETURN_IF_ERROR(load::MakeNodes(*master.client(), nodes));
  ASSIGN_OR_RETURN(load::Connection watch, BeginWatch(*master.client()));
  const Clock::time_point begin = Clock::now();
  base::Result<std::vector<Clock::time_point>> seen = base::Internal("nothing was seen");
  std::thread reader([&] { seen = WatchBound(watch, pods); });
  const base::Result<load::Measured> made = MakePods(*master.client(), pods);
  reader.join();
  if (!made.ok()) return made.error();
  if (!seen.ok()) return seen.error();
  std::printf("created_%lu %.0f\nscheduled_new_%lu %.0f\n", nodes, made->rate(), nodes,
              static_cast<double>(pods) / Since(begin));
  std::fflush(stdout);
  RETURN_IF_ERROR(master.Stop());
  return os::RemoveTree(dir);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: keelson-schedule-bench DIR PODS NODES...\n");
    return 2;
  }
  for (int i = 3; i < argc; ++i) {
    const base::Status done =
        Measure(fmt::format("{}/keelson-schedule-bench.{}", argv[1], getpid()),
                base::ParseUint64(argv[2]).value_or(0), base::ParseUint64(argv[i]).value_or(0));
    if (done.ok()) continue;
    std::fprintf(stderr, "keelson-schedule-bench: %s\n", done.error().message().c_str());
    return 1;
  }
  return 0;
}
