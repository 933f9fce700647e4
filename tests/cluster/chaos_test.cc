// SPDX-License-Identifier: Apache-2.0
// Every process of a node killed with SIGKILL at random moments, under supervision, while objects
// are written, clients ask a Service and its name, and its pods are changed, scaled and deleted.
// Afterwards nothing that was acknowledged is lost, no request was led to an endpoint that the
// node's rules were seen without, everything settles and nothing is left. KEELSON_TEST_SEED repeats
// a run's choices, KEELSON_CHAOS_SECONDS makes it long (scripts/chaos).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <cstdlib>
#include <random>
#include <sstream>

#include "lib/base/strings.h"
#include "lib/kernel/netlink/testing/namespaces.h"
#include "lib/os/files.h"
#include "tests/cluster/chaos_rules.h"
#include "tests/cluster/chaos_writers.h"
#include "tests/cluster/traffic_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

constexpr char kWeb[] = "web";
constexpr int kServesOn = 5;

class ChaosTest : public TrafficFixture {
 protected:
  void SetUp() override {
    const char* seed = std::getenv("KEELSON_TEST_SEED");
    seed_ = seed != nullptr ? std::strtoul(seed, nullptr, 10) : std::random_device()();
    const char* seconds = std::getenv("KEELSON_CHAOS_SECONDS");
    seconds_ = seconds != nullptr ? std::atoi(seconds) : 60;
    random_.seed(seed_);
    std::fprintf(stderr, "seed: KEELSON_TEST_SEED=%lu, %d seconds\n", seed_, seconds_);
  }
  using Generator = std::mt19937_64;  // each thread has its own
  static int Random(Generator& random, int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  }
  int Random(int low, int high) { return Random(random_, low, high); }

  // --- kills
  static constexpr const char* kDaemons[] = {"master", "runtime", "kubelet", "proxy", "dns"};
  void KillSomething() {
    switch (const int which = Random(0, 8); which) {
      case 5:
        return KillSupervisor();
      case 6:
        // The parent of all that runs in a pod: the anchor starts another. After the anchor's own
        // death its pod is ended and begun anew.
        return KillOneOf("keelson-monitor");
      case 7:
        return KillOneOf("keelson-log");
      case 8:
        // Pods go on. The runtime starts another anchor, which knows only the pods that come.
        return KillOneOf("keelson-anchor");
      default: {
        const supervise::ProcessStatus process = Process(kDaemons[which]);
        if (process.pid != 0) Kill(process.pid, kDaemons[which]);
      }
    }
  }
  // One of the twins, when there are two: the other takes over.
  void KillSupervisor() {
    const auto both = supervise::Ask({run() + "/supervise"}, {});
    if (!both.ok() || both->keeper == 0 || both->twin == 0) return;
    if (Random(0, 1) == 0)
      Kill(both->keeper, "supervise");
    else
      Kill(both->twin, "supervise's twin");
  }
  void KillOneOf(const char* name) {
    std::vector<pid_t> pids = Named(name);
    // Clients ask from within that pod, which would be another one afterwards.
    std::erase(pids, clients_monitor_);
    if (pids.empty()) return;
    Kill(pids[static_cast<size_t>(Random(0, static_cast<int>(pids.size()) - 1))], name);
  }
  void Kill(int pid, const char* what) {
    if (kill(pid, SIGKILL) == 0) kills_.push_back({SteadyNow(), what});
  }

  // Why something was not answered is to be seen from what was killed then.
  void TellKills() {
    for (const OneKill& one : kills_)
      std::fprintf(stderr, "    %s killed at %ld.%03ld\n", one.what.c_str(),
                   one.when / 1'000'000'000, one.when / 1'000'000 % 1000);
  }

  // --- changes
  void ChangeSomething(Generator& random) {
    switch (Random(random, 0, 3)) {
      case 0:
      case 1:
        return Scale(kWeb, replicas_ = Random(random, 2, 6));
      case 2:
        return SetVersion(kWeb, version_ = "v" + std::to_string(++changes_));
      default: {
        const std::vector<json::Value> pods = PodsOf(kWeb);
        if (pods.empty()) return;
        const size_t which =
            static_cast<size_t>(Random(random, 0, static_cast<int>(pods.size()) - 1));
        (void)TryAsk("DELETE",
                     std::string(kPods) + "/" + pods[which].At({"metadata", "name"}).AsString());
      }
    }
  }

  // --- afterwards
  void ExpectEverythingSettles() {
    const std::chrono::minutes patience(5);
    EXPECT_TRUE(Eventually([&] { return Status().text.find("all is well") != std::string::npos; },
                           patience))
        << Status().text << Logs();
    EXPECT_TRUE(Eventually([&] { return IsRolledOut(kWeb); }, patience))
        << Describe(kWeb) << Logs();
    const json::Value deployment = Ask("GET", Deployment(kWeb));
    EXPECT_EQ(deployment.At({"spec", "replicas"}).AsInt(), replicas_);
    EXPECT_THAT(json::WriteJson(deployment.At({"spec"})), HasSubstr("\"" + version_ + "\""));
    // The client's pod and what was asked for, each with a folder and a link, and no more.
    const size_t pods = static_cast<size_t>(replicas_) + 1;
    std::string what;
    EXPECT_TRUE(Eventually(
        [&] {
          const size_t objects = Ask("GET", kPods).At({"items"}).items().size();
          const size_t folders = os::ListDir(state() + "/kubelet/pods").ValueOr({}).size();
          const std::string links = netlink::Say({"ip", "-o", "link", "show", "master", "kltup"});
          const auto lines = static_cast<size_t>(std::count(links.begin(), links.end(), '\n'));
          what = fmt::format("{} pods in the API, {} folders, {} links of {}", objects, folders,
                             lines, pods);
          return objects == pods && folders == pods && lines == pods;
        },
        patience))
        << what << Describe(kWeb) << Logs();
  }
  void ExpectRulesAreThoseOfPods(const SeenRules& rules) {
    std::vector<std::string> addresses;
    EXPECT_TRUE(Eventually([&] {
      addresses.clear();
      for (const json::Value& pod : PodsOf(kWeb))
        addresses.push_back(pod.At({"status", "podIP"}).AsString());
      return ::testing::Value(rules.Last(), UnorderedElementsAreArray(addresses));
    })) << testing::PrintToString(rules.Last())
        << testing::PrintToString(addresses);
  }
  void ExpectNobodyWasLedAstray(const SeenRules& rules) {
    uint64_t served = 0, known = 0, astray = 0;
    for (const auto& [name, type] : os::ListDir(notes()).ValueOr({})) {
      const auto text = os::ReadFile(notes() + "/" + name, size_t{1} << 30);
      ASSERT_TRUE(text.ok()) << text.error().message();
      for (const std::string_view line : base::Split(std::string_view(*text), '\n')) {
        if (line.empty()) continue;
        std::istringstream words{std::string(line)};
        std::string address;
        int64_t begun = 0, accepted = 0;
        ASSERT_TRUE(words >> address >> begun >> accepted) << line;
        ++served;
        const SeenRules::Led led = rules.To(address, begun, accepted);
        known += led == SeenRules::Led::kNotKnown ? 0 : 1;
        if (led != SeenRules::Led::kAstray) continue;
        if (++astray <= 10) ADD_FAILURE() << "pod " << name << " was asked: " << line;
      }
    }
    EXPECT_EQ(astray, 0u);
    EXPECT_GT(known, 0u);
    std::fprintf(stderr,
                 "%lu requests noted by %zu pods, the rules read %lu times; %lu of the requests "
                 "while no rule changed\n",
                 served, os::ListDir(notes()).ValueOr({}).size(), rules.looks(), known);
  }

  uint64_t seed_ = 0;
  int seconds_ = 0;
  Generator random_;
  int replicas_ = 3, changes_ = 1;
  std::string version_ = "1";
  struct OneKill {
    int64_t when = 0;
    std::string what;
  };
  std::vector<OneKill> kills_;
  pid_t clients_monitor_ = 0;
};

TEST_F(ChaosTest, NothingAcknowledgedIsLostAndNobodyIsLedToWhatWasWithdrawn) {
  OnCluster([&] {
    MakeApp(kWeb, replicas_, Ends::kAfterSleep, kServesOn);
    const os::UniqueFd pod = ClientPod();
    clients_monitor_ = ClientsMonitor();
    ASSERT_NE(clients_monitor_, 0) << Logs();
    ASSERT_TRUE(Eventually([&] { return IsRolledOut(kWeb); })) << Describe(kWeb) << Logs();
    const std::string address = ClusterIp(kWeb);
    ASSERT_TRUE(
        Eventually([&] { return Output({"curl", "-fsm", "60", "http://" + address}).code == 0; }));
    SeenRules rules(std::string("default/") + kWeb);
    std::vector<std::unique_ptr<Writer>> writers;
    for (int i = 0; i < 3; ++i)
      writers.push_back(std::make_unique<Writer>(
          i, seed_ + static_cast<uint64_t>(i),
          [this](const std::string& method, const std::string& path, const std::string& body,
                 const std::string& type) { return TryAsk(method, path, body, type); }));
    Clients from_pod({address, 80, ""}, pod.get(), 2), from_node({address, 80, ""}, -1, 2),
        by_name({"10.43.0.10", 53, "web.default.svc.cluster.local"}, pod.get(), 2);

    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds_);
    std::thread changer([&] {
      Generator random(seed_ + 100);
      while (std::chrono::steady_clock::now() < end) {
        ChangeSomething(random);
        (void)poll(nullptr, 0, Random(random, 500, 4000));
      }
    });
    while (std::chrono::steady_clock::now() < end) {
      KillSomething();
      (void)poll(nullptr, 0, Random(200, 2500));
    }
    changer.join();
    std::map<std::string, int> counts;
    for (const OneKill& one : kills_) ++counts[one.what];
    for (const auto& [what, count] : counts)
      std::fprintf(stderr, "%s killed %d times\n", what.c_str(), count);

    ExpectEverythingSettles();
    ExpectRulesAreThoseOfPods(rules);
    for (const auto& writer : writers) writer->Stop();
    const json::Value maps = Ask("GET", Writer::kMaps);
    uint64_t acknowledged = 0, unanswered = 0;
    for (const auto& writer : writers) {
      EXPECT_THAT(writer->WhatIsWrong(maps), IsEmpty());
      acknowledged += writer->acknowledged();
      unanswered += writer->unanswered();
    }
    EXPECT_GT(acknowledged, 0u);
    std::fprintf(stderr, "%lu writes acknowledged, %lu without an answer\n", acknowledged,
                 unanswered);
    for (Clients* one : {&from_pod, &from_node, &by_name}) {
      one->Stop();
      const Tally tally = one->Now();
      EXPECT_GT(tally.answered, 0u);
      std::fprintf(stderr, "%s: %lu asked, %lu not answered, the slowest took %ld ms\n",
                   one == &by_name    ? "by name"
                   : one == &from_pod ? "from a pod"
                                      : "from the node",
                   tally.asked, tally.asked - tally.answered, tally.slowest);
      for (const std::string& failure : tally.failures)
        std::fprintf(stderr, "  %s\n", failure.c_str());
      if (!tally.failures.empty()) TellKills();
    }
    rules.Stop();
    ExpectNobodyWasLedAstray(rules);
  });
}

}  // namespace
}  // namespace keelson::cluster_test
