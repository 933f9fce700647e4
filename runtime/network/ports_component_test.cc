// SPDX-License-Identifier: Apache-2.0
// Host ports, both families and limits of bandwidth of the built-in network, in a network namespace
// that plays the host, with another beside it that plays a client on the wire.
#include "lib/os/temp_dir.h"
#include "runtime/network/bridge_network.h"
#include "runtime/network/pod_namespaces.h"
#include "runtime/network/testing/fresh_host.h"

namespace keelson::network {
namespace {

constexpr char kFour[] = "10.200.8.0/24";
constexpr char kBoth[] = "10.200.8.0/24,fd42:200:8::/64";

class PortsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!os::Exists("/usr/sbin/iptables-nft")) GTEST_SKIP() << "needs iptables";
  }
  std::unique_ptr<BridgeNetwork> Make(const std::string& subnets = kFour) {
    base::Result<std::unique_ptr<BridgeNetwork>> network =
        BridgeNetwork::Create({"kltest8", subnets, "10.200.0.0/16", dir_.path()});
    EXPECT_TRUE(network.ok()) << network.error().message();
    return std::move(network).value();
  }
  // A client on the wire: 192.0.2.2 beside the host's 192.0.2.1, and fd99::2.
  static Namespaces Client() {
    Namespaces client = std::move(MakeNamespaces({})).value();
    netlink::RouteSocket host = netlink::RouteSocket::Open().value();
    EXPECT_TRUE(host.CreateBridge("wire").ok());
    const int wire = host.IndexOf("wire").value();
    EXPECT_TRUE(host.AddAddress(wire, 0xc0000201, 24).ok());
    netlink::Address6 six = {0xfd, 0x99};
    six[15] = 1;
    EXPECT_TRUE(host.AddAddress(wire, six, 64).ok());
    EXPECT_TRUE(host.CreateVeth({"wire1", wire, "eth0", client.net.get(), ""}).ok());
    netlink::RouteSocket inside = netlink::RouteSocket::OpenIn(client.net.get()).value();
    const int eth0 = inside.IndexOf("eth0").value();
    EXPECT_TRUE(inside.SetUp(eth0).ok());
    EXPECT_TRUE(inside.AddAddress(eth0, 0xc0000202, 24).ok());
    EXPECT_TRUE(inside.AddDefaultRoute(eth0, 0xc0000201).ok());
    six[15] = 2;
    EXPECT_TRUE(inside.AddAddress(eth0, six, 64).ok());
    six[15] = 1;
    EXPECT_TRUE(inside.AddDefaultRoute(eth0, six).ok());
    return client;
  }
  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-ports")).value();
};

TEST_F(PortsTest, AHostPortAnswersFromEverywhereAndGoesWithItsPod) {
  InFreshHost([&] {
    const std::unique_ptr<BridgeNetwork> network = Make();
    const Namespaces client = Client();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    const Namespaces b = std::move(MakeNamespaces({})).value();
    PodRequest request = Pod("aaaaaaaaaaaaaaaa", a.net.get());
    request.ports = {{Protocol::kTcp, "", 8080, 80}, {Protocol::kTcp, "192.0.2.1", 8081, 81}};
    const base::Result<PodAddress> given = network->Setup(request);
    ASSERT_TRUE(given.ok()) << given.error().message();
    ASSERT_TRUE(network->Setup(Pod("bbbbbbbbbbbbbbbb", b.net.get())).ok());
    const os::UniqueFd host = std::move(os::Open("/proc/thread-self/ns/net", O_RDONLY)).value();
    const os::UniqueFd listener = Listen(a.net.get(), "0.0.0.0", 80);
    const os::UniqueFd second = Listen(a.net.get(), "0.0.0.0", 81);
    const int web = listener.get();
    // From outside the pod sees who it is.
    EXPECT_EQ(SeenFrom(client.net.get(), "192.0.2.1", 8080, web), "192.0.2.2");
    EXPECT_EQ(SeenFrom(client.net.get(), "192.0.2.1", 8081, second.get()), "192.0.2.2");
    // The host, by its loopback and by an address; another pod; the pod itself.
    EXPECT_EQ(SeenFrom(host.get(), "127.0.0.1", 8080, web), "10.200.8.1");
    EXPECT_NE(SeenFrom(host.get(), "192.0.2.1", 8080, web), "");
    EXPECT_EQ(SeenFrom(b.net.get(), "192.0.2.1", 8080, web), "10.200.8.1");
    EXPECT_EQ(SeenFrom(a.net.get(), "192.0.2.1", 8080, web), "10.200.8.1");
    EXPECT_EQ(SeenFrom(a.net.get(), "10.200.8.1", 8080, web), "10.200.8.1");
    // Only where it was asked for.
    EXPECT_EQ(SeenFrom(host.get(), "127.0.0.1", 8081, second.get()), "");
    EXPECT_EQ(SeenFrom(client.net.get(), "192.0.2.1", 80, web), "");

    // Another pod cannot have it; when the first is gone it can, and a daemon that was cut off
    // leaves nothing.
    PodRequest late = Pod("cccccccccccccccc", b.net.get());
    late.ports = {{Protocol::kTcp, "10.200.8.1", 8080, 80}};
    EXPECT_EQ(network->Setup(late).error().message(),
              "host port 8080/tcp of 10.200.8.1 is taken by pod 'default/a' (sandbox "
              "aaaaaaaaaaaa)");
    const std::unique_ptr<BridgeNetwork> next = Make();
    ASSERT_TRUE(next->Ready().ok());
    EXPECT_EQ(SeenFrom(host.get(), "127.0.0.1", 8080, web), "10.200.8.1");
    ASSERT_TRUE(next->CollectGarbage({"bbbbbbbbbbbbbbbb"}).ok());
    EXPECT_EQ(Say({"iptables-nft", "-t", "nat", "-S"}).find("8080"), std::string::npos);
    EXPECT_EQ(SeenFrom(host.get(), "127.0.0.1", 8080, web), "");
    ASSERT_TRUE(next->RemoveAll().ok());
    EXPECT_EQ(Say({"iptables-nft", "-t", "nat", "-S"}).find("KEELSON"), std::string::npos);
    EXPECT_EQ(Say({"iptables-nft", "-S"}).find("KEELSON"), std::string::npos);
  });
}

TEST_F(PortsTest, AfterARebootThePortsOfEveryPodAreGivenBackWithoutABridge) {
  InFreshHost([&] {
    for (const char* id : {"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"}) {
      const Namespaces pod = std::move(MakeNamespaces({})).value();
      PodRequest request = Pod(id, pod.net.get());
      request.ports = {{Protocol::kTcp, "", static_cast<uint16_t>(id[0] + 8000), 80}};
      ASSERT_TRUE(Make()->Setup(request).ok());
    }
  });
  InFreshHost([&] {
    const std::unique_ptr<BridgeNetwork> network = Make();
    const base::Status swept = network->CollectGarbage({});
    ASSERT_TRUE(swept.ok()) << swept.error().message();
    const Namespaces pod = std::move(MakeNamespaces({})).value();
    PodRequest request = Pod("cccccccccccccccc", pod.net.get());
    request.ports = {{Protocol::kTcp, "", 8000 + 'a', 80}};
    ASSERT_TRUE(network->Setup(request).ok());
    EXPECT_EQ(os::ReadFile("/proc/sys/net/ipv4/conf/kltest8/route_localnet").value(), "1\n");
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

TEST_F(PortsTest, APodCannotReachTheHostsLoopbackThoughItIsRouted) {
  InFreshHost([&] {
    const std::unique_ptr<BridgeNetwork> network = Make();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    PodRequest request = Pod("aaaaaaaaaaaaaaaa", a.net.get());
    request.ports = {{Protocol::kTcp, "", 8080, 80}};
    ASSERT_TRUE(network->Setup(request).ok());
    EXPECT_EQ(os::ReadFile("/proc/sys/net/ipv4/conf/kltest8/route_localnet").value(), "1\n");
    const os::UniqueFd host = std::move(os::Open("/proc/thread-self/ns/net", O_RDONLY)).value();
    const os::UniqueFd secret = Listen(host.get(), "127.0.0.1", 9000);
    // The pod bends its own routes, as one with NET_ADMIN can.
    InNamespace(a.net.get(), [&] {
      Say({"ip", "address", "del", "127.0.0.1/8", "dev", "lo"});
      ASSERT_TRUE(
          os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv4/conf/eth0/route_localnet", "1").ok());
      ASSERT_EQ(Say({"ip", "route", "add", "127.0.0.0/8", "via", "10.200.8.1"}), "");
    });
    const auto reached = [&] {
      return SeenFrom(a.net.get(), "127.0.0.1", 9000, secret.get()) != "";
    };
    EXPECT_FALSE(reached());
    // It is the rule that holds it off.
    Say({"iptables-nft", "-F", "KEELSON-IN-kltest8"});
    EXPECT_TRUE(reached());
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

TEST_F(PortsTest, APodHasAddressesOfBothFamiliesAndHostPortsOnBoth) {
  if (!os::Exists("/proc/sys/net/ipv6")) GTEST_SKIP() << "this kernel has no IPv6";
  InFreshHost([&] {
    const std::unique_ptr<BridgeNetwork> network = Make(kBoth);
    const Namespaces client = Client();
    ASSERT_TRUE(os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv6/conf/wire/accept_ra", "1").ok());
    const Namespaces a = std::move(MakeNamespaces({})).value();
    const Namespaces b = std::move(MakeNamespaces({})).value();
    PodRequest request = Pod("aaaaaaaaaaaaaaaa", a.net.get());
    request.ports = {{Protocol::kTcp, "", 8080, 80}};
    const base::Result<PodAddress> given = network->Setup(request);
    ASSERT_TRUE(given.ok()) << given.error().message();
    EXPECT_EQ(given->addresses, (std::vector<std::string>{"10.200.8.2", "fd42:200:8::2"}));
    ASSERT_TRUE(network->Setup(Pod("bbbbbbbbbbbbbbbb", b.net.get())).ok());
    const os::UniqueFd host = std::move(os::Open("/proc/thread-self/ns/net", O_RDONLY)).value();
    EXPECT_TRUE(Reaches(b.net.get(), a.net.get(), "fd42:200:8::2"));
    EXPECT_TRUE(Reaches(host.get(), a.net.get(), "fd42:200:8::2"));
    // To outside under the machine's address.
    const os::UniqueFd there = Listen(client.net.get(), "fd99::2", 700);
    EXPECT_EQ(SeenFrom(a.net.get(), "fd99::2", 700, there.get()), "fd99::1");
    const os::UniqueFd listener = Listen(a.net.get(), "::", 80);
    EXPECT_EQ(SeenFrom(client.net.get(), "fd99::1", 8080, listener.get()), "fd99::2");
    EXPECT_EQ(SeenFrom(b.net.get(), "fd99::1", 8080, listener.get()), "fd42:200:8::1");
    EXPECT_EQ(SeenFrom(a.net.get(), "fd99::1", 8080, listener.get()), "fd42:200:8::1");
    EXPECT_EQ(SeenFrom(host.get(), "fd99::1", 8080, listener.get()), "fd99::1");
    EXPECT_EQ(SeenFrom(client.net.get(), "192.0.2.1", 8080, listener.get()), "::ffff:192.0.2.2");
    // Links that heard routers go on; the bridge and the pod hear none.
    EXPECT_EQ(os::ReadFile("/proc/sys/net/ipv6/conf/kltest8/accept_ra").value(), "0\n");
    InNamespace(a.net.get(), [] {
      EXPECT_EQ(os::ReadFile("/proc/sys/net/ipv6/conf/eth0/accept_ra").value(), "0\n");
    });
    ASSERT_TRUE(network->RemoveAll().ok());
    EXPECT_EQ(Say({"ip6tables-nft", "-t", "nat", "-S"}).find("KEELSON"), std::string::npos);
  });
}

TEST_F(PortsTest, IPv6AloneAndFirst) {
  if (!os::Exists("/proc/sys/net/ipv6")) GTEST_SKIP() << "this kernel has no IPv6";
  InFreshHost([&] {
    // A link that hears routers goes on hearing them when the machine begins to forward.
    const Namespaces client = Client();
    ASSERT_TRUE(os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv6/conf/wire/accept_ra", "1").ok());
    {
      const std::unique_ptr<BridgeNetwork> network = Make("fd42:200:9::/120");
      const Namespaces a = std::move(MakeNamespaces({})).value();
      const base::Result<PodAddress> given = network->Setup(Pod("aaaaaaaaaaaaaaaa", a.net.get()));
      ASSERT_TRUE(given.ok()) << given.error().message();
      EXPECT_EQ(given->addresses, std::vector<std::string>{"fd42:200:9::2"});
      EXPECT_EQ(os::ReadFile("/proc/sys/net/ipv6/conf/wire/accept_ra").value(), "2\n");
      ASSERT_TRUE(network->RemoveAll().ok());
    }
    const std::unique_ptr<BridgeNetwork> network = Make("fd42:200:9::/64,10.200.9.0/24");
    const Namespaces a = std::move(MakeNamespaces({})).value();
    EXPECT_EQ(network->Setup(Pod("aaaaaaaaaaaaaaaa", a.net.get())).value().addresses,
              (std::vector<std::string>{"fd42:200:9::2", "10.200.9.2"}));
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

// How many of 200 datagrams of 1400 bytes, sent at once, arrive.
int Arrive(int from, int to, const std::string& address) {
  SocketAddress where(address, 7000);
  const os::UniqueFd receiver = OpenSocket(to, where, SOCK_DGRAM);
  const int room = 4 << 20;
  setsockopt(receiver.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  EXPECT_EQ(bind(receiver.get(), where.get(), where.size), 0);
  const os::UniqueFd sender = OpenSocket(from, where, SOCK_DGRAM);
  setsockopt(sender.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  const std::string datagram(1400, 'x');
  // The first finds the neighbour, so that none of the others waits for that and is lost.
  char answer[2000];
  (void)sendto(sender.get(), datagram.data(), datagram.size(), 0, where.get(), where.size);
  EXPECT_GT(recv(receiver.get(), answer, sizeof answer, 0), 0);
  for (int i = 1; i < 200; ++i)
    (void)sendto(sender.get(), datagram.data(), datagram.size(), 0, where.get(), where.size);
  int arrived = 1;
  pollfd ready{receiver.get(), POLLIN, 0};
  while (poll(&ready, 1, 500) == 1 && recv(receiver.get(), answer, sizeof answer, 0) > 0) ++arrived;
  return arrived;
}

TEST_F(PortsTest, BandwidthIsLimitedBothWaysAndOnlyForThatPod) {
  InFreshHost([&] {
    const std::unique_ptr<BridgeNetwork> network = Make();
    const Namespaces a = std::move(MakeNamespaces({})).value();
    const Namespaces b = std::move(MakeNamespaces({})).value();
    PodRequest request = Pod("aaaaaaaaaaaaaaaa", a.net.get());
    request.bandwidth = {80'000'000, 16'000'000};
    base::Result<PodAddress> given = network->Setup(request);
    ASSERT_TRUE(given.ok()) << given.error().message();
    netlink::RouteSocket socket = netlink::RouteSocket::Open().value();
    const auto bucket_of = [&](const std::string& name) {
      const int link = socket.IndexOf(name).value();
      for (const netlink::Qdisc& qdisc : socket.ListQdiscs().value()) {
        if (qdisc.link == link && qdisc.kind == "tbf") return qdisc;
      }
      return netlink::Qdisc{};
    };
    const netlink::Qdisc in = bucket_of("klaaaaaaaaaaaa"), out = bucket_of("kiaaaaaaaaaaaa");
    EXPECT_EQ(in.bytes_per_second, 10'000'000u);
    EXPECT_NEAR(in.burst, 500'000, 1000);
    EXPECT_EQ(in.limit, 1'500'000u);
    EXPECT_EQ(out.bytes_per_second, 2'000'000u);
    // Again after a half-made try, now so slow that no clock matters: what comes through is the
    // bucket.
    request.bandwidth = {1000, 1000};
    const Namespaces again = std::move(MakeNamespaces({})).value();
    request.netns = again.net.get();
    ASSERT_TRUE(network->Setup(request).ok());
    ASSERT_TRUE(network->Setup(Pod("bbbbbbbbbbbbbbbb", b.net.get())).ok());
    const os::UniqueFd host = std::move(os::Open("/proc/thread-self/ns/net", O_RDONLY)).value();
    const int most = 65536 / 1400 + 1;
    EXPECT_EQ(Arrive(host.get(), b.net.get(), "10.200.8.3"), 200);
    EXPECT_EQ(Arrive(b.net.get(), host.get(), "10.200.8.1"), 200);
    EXPECT_LE(Arrive(host.get(), again.net.get(), "10.200.8.2"), most);
    EXPECT_LE(Arrive(again.net.get(), host.get(), "10.200.8.1"), most);
    ASSERT_TRUE(network->Teardown("aaaaaaaaaaaaaaaa").ok());
    EXPECT_EQ(socket.IndexOf("kiaaaaaaaaaaaa").value(), 0);
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

TEST_F(PortsTest, AClientThatSendsDatagramsAllTheTimeIsLedToEachPodInTurn) {
  InFreshHost([&] {
    const std::unique_ptr<BridgeNetwork> network = Make();
    ASSERT_TRUE(network->Ready().ok());
    const Namespaces client = Client();
    SocketAddress server("192.0.2.1", 5300);
    const os::UniqueFd sender = OpenSocket(client.net.get(), server, SOCK_DGRAM);
    ASSERT_EQ(connect(sender.get(), server.get(), server.size), 0);
    const auto send_one = [&] {
      // Before anybody answers, errors come back; each is told once.
      for (int i = 0; i < 2 && send(sender.get(), "x", 1, 0) < 0; ++i) {
      }
    };
    send_one();  // to nobody
    for (const char* id : {"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"}) {
      const Namespaces pod = std::move(MakeNamespaces({})).value();
      PodRequest request = Pod(id, pod.net.get());
      request.ports = {{Protocol::kUdp, "", 5300, 53}};
      ASSERT_TRUE(network->Setup(request).ok());
      SocketAddress here("0.0.0.0", 53);
      const os::UniqueFd receiver = OpenSocket(pod.net.get(), here, SOCK_DGRAM);
      ASSERT_EQ(bind(receiver.get(), here.get(), here.size), 0);
      send_one();
      char got[8];
      EXPECT_EQ(recv(receiver.get(), got, sizeof got, 0), 1) << id;
      ASSERT_TRUE(network->Teardown(id).ok());
      send_one();
    }
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

}  // namespace
}  // namespace keelson::network
