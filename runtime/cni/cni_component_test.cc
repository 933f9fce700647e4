// SPDX-License-Identifier: Apache-2.0
// The network of CNI plugins in a network and mount namespace that plays the host: Debian's
// plugins, which are real ones, and scripted ones that misbehave in every way.
#include "lib/base/testing/places.h"
#include "lib/os/temp_dir.h"
#include "runtime/cni/cni_network.h"
#include "runtime/network/network_choice.h"
#include "runtime/network/pod_namespaces.h"
#include "runtime/network/testing/fresh_host.h"

namespace keelson::cni {
namespace {

using network::InFreshHost;
using network::InNamespace;
using network::MakeNamespaces;
using network::Namespaces;
using network::Pod;
using network::Say;

constexpr char kA[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
constexpr char kB[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

// A plugin that writes down each call; tests put into <COMMAND>.sh what it does instead.
constexpr char kScript[] = R"(#!/bin/sh
log=$(dirname "$0")
input=$(cat)
[ "$CNI_COMMAND" = VERSION ] || echo "$CNI_COMMAND $CNI_CONTAINERID '$CNI_NETNS' $input" >>"$log/calls"
if [ -f "$log/$CNI_COMMAND.sh" ]; then . "$log/$CNI_COMMAND.sh"; exit; fi
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}' ;;
ADD) echo '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.2/24"}]}' ;;
esac
)";

class CniTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    signal(SIGPIPE, SIG_IGN);  // as the daemon does
    options_.conf_dir = dir_.path() + "/net.d";
    options_.bin_dirs = {dir_.path() + "/bin", "/usr/lib/cni"};
    options_.read_program = base::BinDir() + "/keelson-read";
    options_.state_dir = dir_.path() + "/state";
    options_.netns_dir = "/run/netns";
    options_.boot_id = "this";
    options_.ready_patience =
        std::chrono::seconds(60);  // an emulated kernel's plugins take seconds
    options_.first_pause = std::chrono::milliseconds(20);
    options_.longest_pause = std::chrono::milliseconds(50);
    ASSERT_TRUE(os::MakeDirs(options_.conf_dir, 0755).ok());
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/bin", 0755).ok());
  }
  void Configure(const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(options_.conf_dir + "/10-test.conflist", text, 0644).ok());
  }
  void Scripted() {
    Write("scripted", kScript);
    Configure(R"({"cniVersion":"1.1.0","name":"test","plugins":[{"type":"scripted"}]})");
  }
  // Into the folder of the scripted plugin: its own program, or what it does for a command.
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/bin/" + name, text, 0755).ok());
  }
  void Erase(const std::string& name) {
    ASSERT_TRUE(os::RemoveFile(dir_.path() + "/bin/" + name).ok());
  }
  std::string Calls() { return os::ReadFile(dir_.path() + "/bin/calls").ValueOr(""); }
  std::unique_ptr<CniNetwork> Make() {
    base::Result<std::unique_ptr<CniNetwork>> network = CniNetwork::Create(options_, clock_);
    EXPECT_TRUE(network.ok()) << network.error().message();
    return std::move(network).value();
  }
  static bool Until(const std::function<bool()>& reached) {
    for (int i = 0; i < 6000; ++i) {
      if (reached()) return true;
      (void)poll(nullptr, 0, 10);
    }
    return false;
  }
  void ExpectNothingLeft() {
    for (const char* folder : {"/run/netns", options_.state_dir.c_str()}) {
      for (const os::DirEntry& entry : os::ListDir(folder).ValueOr({}))
        ADD_FAILURE() << folder << "/" << entry.name;
    }
  }

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-cni")).value();
  base::SystemClock clock_;
  CniOptions options_;
};

TEST_F(CniTest, DebiansPluginsMakeAWholeNetworkAndTakeItAway) {
  for (const char* plugin : {"bridge", "host-local", "portmap", "bandwidth", "firewall"}) {
    if (!os::Exists(std::string("/usr/lib/cni/") + plugin))
      GTEST_SKIP() << "needs the package containernetworking-plugins";
  }
  options_.pod_subnets = "10.203.4.0/24,fd42:203::/64";
  Configure(
      R"({"cniVersion":"0.4.0","cniVersions":["0.4.0","1.0.0","1.1.0"],"name":"real","plugins":[
      {"type":"bridge","bridge":"cnitest0","isGateway":true,"ipMasq":true,"hairpinMode":true,
       "capabilities":{"ipRanges":true},
       "ipam":{"type":"host-local","dataDir":")" +
      dir_.path() + R"(/ipam","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}},
      {"type":"portmap","snat":true,"capabilities":{"portMappings":true}},
      {"type":"bandwidth","capabilities":{"bandwidth":true}},
      {"type":"firewall"}]})");
  InFreshHost([&] {
    Say({"sysctl", "-w", "net.ipv6.conf.all.forwarding=1"});
    const std::unique_ptr<CniNetwork> network = Make();
    const base::Status ready = network->Ready();
    ASSERT_TRUE(ready.ok()) << ready.error().message();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    const Namespaces b = std::move(MakeNamespaces({})).value();
    network::PodRequest request = Pod(kA, a.net.get());
    request.ports = {{network::Protocol::kTcp, "", 8080, 80}};
    request.bandwidth = {80'000'000, 8'000'000};
    const base::Result<network::PodAddress> given = network->Setup(request);
    ASSERT_TRUE(given.ok()) << given.error().message();
    EXPECT_EQ(given->addresses, (std::vector<std::string>{"10.203.4.2", "fd42:203::2"}));
    network::PodRequest limited = Pod(kB, b.net.get());
    limited.bandwidth = request.bandwidth;
    ASSERT_TRUE(network->Setup(limited).ok());
    const os::UniqueFd host = std::move(os::Open("/proc/thread-self/ns/net", O_RDONLY)).value();
    EXPECT_TRUE(network::Reaches(b.net.get(), a.net.get(), "10.203.4.2"));
    EXPECT_TRUE(network::Reaches(a.net.get(), a.net.get(), "127.0.0.1"));
    const os::UniqueFd web = network::Listen(a.net.get(), "0.0.0.0", 80);
    EXPECT_NE(network::SeenFrom(host.get(), "10.203.4.1", 8080, web.get()), "");
    EXPECT_NE(network::SeenFrom(host.get(), "127.0.0.1", 8080, web.get()), "");
    int limits = 0;
    for (const netlink::Qdisc& qdisc : netlink::RouteSocket::Open().value().ListQdiscs().value())
      limits += qdisc.kind == "tbf" ? 1 : 0;
    EXPECT_EQ(limits, 4);
    // Of the pod without host ports: portmap 1.1.1 looks for those of IPv4 in IPv6's table too
    // (and bandwidth 1.1.1 falls over a pod without limits).
    const base::Status whole = network->Check(kB);
    EXPECT_TRUE(whole.ok()) << whole.error().message();
    InNamespace(b.net.get(), [] { Say({"ip", "address", "flush", "dev", "eth0"}); });
    EXPECT_FALSE(network->Check(kB).ok());
    EXPECT_TRUE(network->Teardown(kA).ok());
    EXPECT_TRUE(network->Teardown(kA).ok());
    EXPECT_TRUE(network->Teardown(kB).ok());
    EXPECT_TRUE(Until([&] { return network->owed() == 0; })) << network->Notes().at(0);
    for (const os::DirEntry& entry : os::ListDir(dir_.path() + "/ipam/real").value())
      EXPECT_TRUE(entry.name == "lock" || entry.name.starts_with("last_")) << entry.name;
    EXPECT_EQ(Say({"iptables", "-t", "nat", "-S"}).find("10.203.4.2"), std::string::npos);
    for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value())
      EXPECT_TRUE(link.name == "lo" || link.name == "cnitest0") << link.name;
    ExpectNothingLeft();
  });
}

TEST_F(CniTest, AFailedDelIsOwedAndAfterARebootDoneWithoutANamespaceThenGarbageIsCollected) {
  Scripted();
  InFreshHost([&] {
    Write("DEL.sh", "echo '{\"code\":7,\"msg\":\"the store is away\"}'; exit 1");
    const Namespaces a = std::move(MakeNamespaces({})).value();
    const Namespaces b = std::move(MakeNamespaces({})).value();
    {
      const std::unique_ptr<CniNetwork> network = Make();
      const base::Result<network::PodAddress> given = network->Setup(Pod(kA, a.net.get()));
      ASSERT_TRUE(given.ok()) << given.error().message();
      EXPECT_EQ(given->addresses, std::vector<std::string>{"10.9.0.2"});
      ASSERT_TRUE(network->Setup(Pod(kB, b.net.get())).ok());
      EXPECT_TRUE(network->Teardown(kA).ok());
      EXPECT_EQ(network->owed(), 1u);
      // Beside what is under way just then: the next try.
      std::vector<std::string> notes = network->Notes();
      std::erase_if(notes, [](const auto& note) { return !note.starts_with("DEL owed for pod "); });
      ASSERT_EQ(notes.size(), 1u);
      EXPECT_NE(notes[0].find("the store is away"), std::string::npos) << notes[0];
      // Tried again and again; after five tries without the namespace.
      EXPECT_TRUE(Until([&] {
        return Calls().find(std::string("DEL ") + kA + " '' ") != std::string::npos;
      })) << Calls();
      EXPECT_NE(Calls().find(std::string("DEL ") + kA + " '/run/netns/kl-" + kA),
                std::string::npos);
      EXPECT_FALSE(os::Exists(std::string("/run/netns/kl-") + kA));
    }
    // The next life, after a reboot: the pin's place is there, the namespace is not.
    Erase("calls");
    Erase("DEL.sh");
    options_.boot_id = "next";
    Configure("not even JSON");  // the configuration is gone: DEL has its own
    {
      const std::unique_ptr<CniNetwork> network = Make();
      EXPECT_TRUE(network->CollectGarbage({}).ok());
      EXPECT_TRUE(Until([&] { return network->owed() == 0; }));
      EXPECT_NE(Calls().find(std::string("DEL ") + kB + " '' "), std::string::npos) << Calls();
      EXPECT_NE(Calls().find("\"prevResult\":{\"cniVersion\":\"1.1.0\",\"ips\""), std::string::npos)
          << Calls();
      ExpectNothingLeft();
    }
    // GC comes when each owed DEL was tried, with those who live.
    Erase("calls");
    Scripted();
    const std::unique_ptr<CniNetwork> network = Make();
    ASSERT_TRUE(network->Setup(Pod(kA, a.net.get())).ok());
    ASSERT_TRUE(network->Setup(Pod(kB, b.net.get())).ok());
    EXPECT_TRUE(network->CollectGarbage({kB}).ok());
    EXPECT_TRUE(Until([&] { return Calls().find("GC ") != std::string::npos; }));
    const std::string calls = Calls();
    EXPECT_LT(calls.find(std::string("DEL ") + kA), calls.find("GC ")) << calls;
    EXPECT_NE(calls.find(std::string(R"("cni.dev/valid-attachments":[{"containerID":")") + kB +
                         R"(","ifname":"eth0"}])"),
              std::string::npos)
        << calls;
    EXPECT_TRUE(network->Teardown(kB).ok());
    ExpectNothingLeft();
  });
}

TEST_F(CniTest, APluginThatNeverEndsIsNamedAndKilledWithAllItStarted) {
  Scripted();
  options_.timeout = std::chrono::seconds(10);
  options_.stop_patience = std::chrono::milliseconds(100);
  InFreshHost([&] {
    Write("ADD.sh", "sleep 1000 & echo $! >\"$log/child\"; wait");
    const std::unique_ptr<CniNetwork> network = Make();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    base::Result<network::PodAddress> given = base::Unknown("not yet");
    std::thread adding([&] { given = network->Setup(Pod(kA, a.net.get())); });
    // While it hangs, everything else answers.
    EXPECT_TRUE(Until([&] {
      const std::vector<std::string> notes = network->Notes();
      return !notes.empty() && notes[0].starts_with("ADD by scripted for pod default/a, for ");
    }));
    EXPECT_TRUE(network->Ready().ok());
    adding.join();
    EXPECT_EQ(given.error().code(), base::Code::kDeadlineExceeded);
    EXPECT_EQ(given.error().message(),
              "network plugin 'scripted' (ADD, pod default/a) did not end within 10 s and was "
              "killed");
    const std::string child = os::ReadFile(dir_.path() + "/bin/child").value();
    const std::string process = "/proc/" + child.substr(0, child.find('\n'));
    EXPECT_TRUE(Until([&] {
      const std::string stat = os::ReadFile(process + "/stat").ValueOr("");
      return stat.empty() || stat.find(") Z ") != std::string::npos;
    })) << "the plugin's child lives";
    // DEL hangs as well: Stop does not.
    Write("DEL.sh", "sleep 1000 & wait");
    EXPECT_TRUE(network->Teardown(kA).ok());
    EXPECT_EQ(network->owed(), 1u);
    Erase("DEL.sh");
    EXPECT_TRUE(Until([&] { return network->owed() == 0; }));
    ExpectNothingLeft();
    // A daemon that ends waits for no plugin.
    Write("DEL.sh", "sleep 1000 & wait");
    Erase("ADD.sh");
    ASSERT_TRUE(network->Setup(Pod(kA, a.net.get())).ok());
    EXPECT_TRUE(network->Teardown(kA).ok());
  });
}

TEST_F(CniTest, WhatPluginsSayWrongIsAnErrorThatNamesThem) {
  Scripted();
  InFreshHost([&] {
    const std::unique_ptr<CniNetwork> network = Make();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    const auto says = [&](const std::string& script) {
      Write("ADD.sh", script);
      const base::Result<network::PodAddress> given = network->Setup(Pod(kA, a.net.get()));
      EXPECT_TRUE(network->Teardown(kA).ok());
      EXPECT_TRUE(Until([&] { return network->owed() == 0; }));
      return given.ok() ? "" : given.error().message();
    };
    const std::string plugin = "network plugin 'scripted' (ADD, pod default/a)";
    EXPECT_EQ(says("echo garbage").find(plugin + ": its result is not JSON: "), 0u);
    EXPECT_EQ(says("true").find(plugin + ": its result is not JSON: "), 0u);
    EXPECT_EQ(says("cat /dev/zero"), plugin + " wrote more than 1048576 bytes and was killed");
    EXPECT_EQ(says("cat /dev/zero >&2 & echo '{}'; kill $!"),
              "network 'test' gave the pod no address");
    EXPECT_EQ(says("echo '{\"code\":11,\"msg\":\"busy\"}'; exit 1"),
              plugin + " failed with code 11: busy");
    EXPECT_EQ(says("echo broken >&2; exit 3"), plugin + " failed with code 0: broken");
    EXPECT_EQ(says("kill -9 $$"), plugin + " was ended by signal 9: it said nothing");
    EXPECT_EQ(says("(sleep 1000 >/dev/null 2>&1 &) ; echo '{\"ips\":[{\"address\":\"x\"}]}'"),
              plugin + ": its result has an address 'x'");
    Erase("ADD.sh");

    Write("VERSION.sh", "echo '{\"supportedVersions\":[\"0.4.0\"]}'");
    Write("scripted", std::string(kScript) + "\n");  // another file: asked anew
    EXPECT_EQ(network->Ready().error().message(),
              "network 'test' is written for CNI version 1.1.0, which not all can speak: this "
              "runtime speaks 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0; plugin 'scripted' "
              "speaks 0.4.0");
    EXPECT_FALSE(network->Setup(Pod(kA, a.net.get())).ok());
    Erase("scripted");
    EXPECT_NE(network->Ready().error().message().find("there is no network plugin 'scripted' in "),
              std::string::npos);
    ASSERT_TRUE(os::RemoveFile(options_.conf_dir + "/10-test.conflist").ok());
    EXPECT_NE(network->Ready().error().message().find("no CNI configuration"), std::string::npos);
    EXPECT_EQ(network->Setup(Pod(kA, a.net.get())).error().code(), base::Code::kNotFound);
    EXPECT_TRUE(network->Teardown(kA).ok());
    ExpectNothingLeft();
  });
}

TEST_F(CniTest, Status_NetworkReadyIsWhatThePluginsStatusSays) {
  Scripted();
  options_.ready_patience = std::chrono::milliseconds(300);
  options_.timeout = std::chrono::milliseconds(3000);
  InFreshHost([&] {
    const std::unique_ptr<CniNetwork> network = Make();
    Write("STATUS.sh", "sleep 1000 & wait");
    const base::Status waiting = network->Ready();
    EXPECT_EQ(waiting.error().code(), base::Code::kUnavailable);
    EXPECT_NE(waiting.error().message().find("have not answered"), std::string::npos);
    Write("STATUS.sh", "echo '{\"code\":50,\"msg\":\"no route to the controller\"}'; exit 1");
    EXPECT_TRUE(Until([&] {
      const base::Status status = network->Ready();
      return !status.ok() && status.error().message() ==
                                 "network plugin 'scripted' (STATUS, network test) failed with "
                                 "code 50: no route to the controller";
    }));
    Erase("STATUS.sh");
    EXPECT_TRUE(Until([&] { return network->Ready().ok(); }));
  });
}

TEST_F(CniTest, AnothersFirstIpNetnsAddHarmsNoPod) {
  Scripted();
  InFreshHost([&] {
    const std::string pin_a = std::string("/run/netns/kl-") + kA;
    const std::string pin_b = std::string("/run/netns/kl-") + kB;
    const std::unique_ptr<CniNetwork> network = Make();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    const Namespaces b = std::move(MakeNamespaces({})).value();
    ASSERT_TRUE(network->Setup(Pod(kA, a.net.get())).ok());
    const auto mounts = [] {
      const std::string all = os::ReadFile("/proc/thread-self/mountinfo").value();
      size_t count = 0;
      for (size_t at = all.find("/run/netns"); at != std::string::npos;
           at = all.find("/run/netns", at + 1))
        ++count;
      return count;
    };
    const size_t before = mounts();
    ASSERT_EQ(Say({"ip", "netns", "add", "others"}), "");
    EXPECT_TRUE(os::Exists(pin_a));
    ASSERT_EQ(Say({"ip", "netns", "del", "others"}), "");
    EXPECT_EQ(mounts(), before) << "the folder was bound once more";
    // Another that binds it all the same, in private: the pin lies below, out of everybody's reach.
    ASSERT_EQ(mount(nullptr, "/run/netns", nullptr, MS_PRIVATE | MS_REC, nullptr), 0);
    ASSERT_EQ(mount("/run/netns", "/run/netns", nullptr, MS_BIND | MS_REC, nullptr), 0);
    ASSERT_TRUE(network->Setup(Pod(kB, b.net.get())).ok());
    EXPECT_TRUE(network->Teardown(kA).ok());
    EXPECT_TRUE(network->Teardown(kB).ok());
    EXPECT_EQ(network->owed(), 0u) << (network->Notes().empty() ? "" : network->Notes()[0]);
    EXPECT_FALSE(os::Exists(pin_a));
    EXPECT_FALSE(os::Exists(pin_b));
    ExpectNothingLeft();
    // And one that binds without what is mounted below.
    ASSERT_TRUE(network->Setup(Pod(kA, a.net.get())).ok());
    ASSERT_EQ(mount("/run/netns", "/run/netns", nullptr, MS_BIND, nullptr), 0);
    EXPECT_TRUE(network->Teardown(kA).ok());
    EXPECT_EQ(network->owed(), 0u);
    ExpectNothingLeft();
  });
}

TEST_F(CniTest, APodStaysWithTheNetworkThatMadeIt) {
  Scripted();
  InFreshHost([&] {
    const std::unique_ptr<CniNetwork> plugins = Make();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    ASSERT_TRUE(plugins->Setup(Pod(kA, a.net.get())).ok());
    struct Other final : network::PodNetwork {
      base::Status Ready() override { return {}; }
      base::Result<network::PodAddress> Setup(const network::PodRequest&) override {
        return network::PodAddress{{"10.1.1.1"}, ""};
      }
      base::Status Teardown(const std::string&) override { return base::Internal("mine failed"); }
      base::Status CollectGarbage(const std::vector<std::string>&) override { return {}; }
    } other;
    network::NetworkChoice choice(other, {plugins.get()});
    EXPECT_EQ(choice.Setup(Pod(kB, -1)).value().addresses[0], "10.1.1.1");
    EXPECT_EQ(choice.Teardown(kA).error().message(), "mine failed");  // and yet:
    EXPECT_NE(Calls().find(std::string("DEL ") + kA), std::string::npos);
    ExpectNothingLeft();
  });
}

}  // namespace
}  // namespace keelson::cni
