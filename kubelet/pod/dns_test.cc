// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"
#include "lib/base/strings.h"

namespace keelson::pod {
namespace {

using testing::ElementsAre;

// "servers | searches | options".
std::string Text(const ResolverSettings& settings) {
  return base::Join(settings.servers, " ") + " | " + base::Join(settings.searches, " ") + " | " +
         base::Join(settings.options, " ");
}

TEST(Resolver, ReadsResolvConf) {
  const std::pair<std::string, std::string> cases[] = {
      {"", " |  | "},
      {"nameserver 192.0.2.1\nnameserver 2001:db8::1\n", "192.0.2.1 2001:db8::1 |  | "},
      {"search a.example\nsearch  b.example\tc.example. .\n", " | b.example c.example . | "},
      {"options ndots:2 rotate\noptions timeout:1 rotate", " |  | ndots:2 rotate timeout:1"},
      {"# nameserver 192.0.2.1\n; x\n  nameserver 192.0.2.2 # home\r\nnameserver\nsortlist "
       "1\ndomain x\n",
       "192.0.2.2 |  | "},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(Text(ParseResolvConf(text)), expected) << text;
}

TEST(Resolver, FollowsThePodsPolicy) {
  const ClusterDns cluster{.servers = {"10.96.0.10"}, .domain = "cluster.local"};
  const ResolverSettings host =
      ParseResolvConf("nameserver 192.0.2.1\nsearch corp.example cluster.local\noptions rotate\n");
  const std::string cluster_first =
      "10.96.0.10 | shop.svc.cluster.local svc.cluster.local cluster.local corp.example | ndots:5";
  const std::string of_host = "192.0.2.1 | corp.example cluster.local | rotate";
  struct Case {
    std::string_view name;
    std::string fields, expected;
    bool without_cluster = false;
  };
  const Case cases[] = {
      {"none given", "", cluster_first},
      {"ClusterFirst on the host's network is the host's", "hostNetwork: true", of_host},
      {"but where asked for", "hostNetwork: true\ndnsPolicy: ClusterFirstWithHostNet",
       cluster_first},
      {"Default", "dnsPolicy: Default", of_host},
      {"no cluster, no ClusterFirst", "", of_host, true},
      {"None",
       "dnsPolicy: None\ndnsConfig: {nameservers: [192.0.2.9], searches: [x.example], options: "
       "[{name: ndots, value: '1'}, {name: edns0}]}",
       "192.0.2.9 | x.example | ndots:1 edns0"},
      {"more of one's own",
       "dnsConfig: {nameservers: [192.0.2.9, 10.96.0.10], searches: [x.example, cluster.local], "
       "options: [{name: ndots, value: '2'}]}",
       "10.96.0.10 192.0.2.9 | shop.svc.cluster.local svc.cluster.local cluster.local corp.example "
       "x.example | ndots:2"},
      {"options are told apart by their whole name",
       "dnsConfig: {options: [{name: ndot, value: '2'}, {name: rotate}]}\ndnsPolicy: Default",
       "192.0.2.1 | corp.example cluster.local | ndot:2 rotate"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const kube::Pod pod = TestPod("containers: [{name: a, image: b}]\n" + c.fields);
    const ResolverSettings settings =
        PodResolver(pod, c.without_cluster ? ClusterDns() : cluster, host);
    EXPECT_EQ(Text(settings), c.expected);
    EXPECT_THAT(settings.notes, testing::IsEmpty());
  }
}

TEST(Resolver, SaysThatTheClusterHasNoServers) {
  const kube::Pod first = TestPod("containers: [{name: a, image: b}]"),
                  own = TestPod("containers: [{name: a, image: b}]\ndnsPolicy: Default");
  EXPECT_TRUE(PodResolver(first, {}, {}).cluster_dns_missing);
  EXPECT_FALSE(PodResolver(first, {.servers = {"10.96.0.10"}}, {}).cluster_dns_missing);
  EXPECT_FALSE(PodResolver(own, {}, {}).cluster_dns_missing);
  // A configuration without a file: nothing but the node itself.
  EXPECT_THAT(PodResolver(own, {}, NoResolvConf()).servers,
              testing::ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(PodResolver(own, {}, NoResolvConf()).searches, testing::ElementsAre("."));
}

TEST(Resolver, KeepsWithinTheLimitsOfResolvConf) {
  kube::Pod pod = TestPod("containers: [{name: a, image: b}]\ndnsPolicy: Default");
  ResolverSettings host;
  host.servers = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"};
  for (int i = 0; i < 40; ++i) host.searches.push_back("d" + std::to_string(i));
  ResolverSettings settings = PodResolver(pod, {}, host);
  EXPECT_EQ(settings.servers.size(), 3u);
  EXPECT_EQ(settings.searches.size(), 32u);
  EXPECT_EQ(settings.notes.size(), 2u);

  // 2048 characters with the spaces between.
  host = {};
  for (int i = 0; i < 8; ++i)
    host.searches.push_back(std::string(1, static_cast<char>('a' + i)) + std::string(254, 'x'));
  settings = PodResolver(pod, {}, host);
  EXPECT_EQ(settings.searches.size(), 8u);  // 8 × 255 + 7 = 2047
  host.searches.back() += "xx";
  settings = PodResolver(pod, {}, host);
  EXPECT_EQ(settings.searches.size(), 7u);
  EXPECT_THAT(settings.notes, ElementsAre(testing::HasSubstr("Search Line limits")));
}

TEST(HostsFile, NamesThePodAndItsAliases) {
  const std::string fields =
      "containers: [{name: a, image: b}]\nhostAliases: [{ip: 192.0.2.5, hostnames: [db, "
      "db.example]}, {ip: '2001:db8::5', hostnames: [x]}]";
  EXPECT_EQ(HostsFile(TestPod(fields), {"10.0.0.2", "fd00::2"}, "web",
                      "web.sub.shop.svc.cluster.local", "ignored"),
            "# Managed by the kubelet.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
            "ip6-loopback\nfe00::0\tip6-localnet\n"
            "fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
            "10.0.0.2\tweb.sub.shop.svc.cluster.local\tweb\nfd00::2\tweb.sub.shop.svc.cluster."
            "local\tweb\n"
            "\n# Entries added by HostAliases.\n192.0.2.5\tdb\tdb.example\n2001:db8::5\tx\n");
  const std::string plain =
      HostsFile(TestPod("containers: [{name: a, image: b}]"), {"10.0.0.2"}, "web", "", "");
  EXPECT_TRUE(plain.ends_with("\n10.0.0.2\tweb\n")) << plain;
  EXPECT_EQ(HostsFile(TestPod(fields + "\nhostNetwork: true"), {"10.0.0.2"}, "web", "",
                      "127.0.0.1\tlocalhost node"),
            "# Managed by the kubelet: the node's hosts file.\n127.0.0.1\tlocalhost node\n\n# "
            "Entries added by HostAliases.\n192.0.2.5\tdb\tdb.example\n2001:db8::5\tx\n");
}

}  // namespace
}  // namespace keelson::pod
