// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/names.h"

#include <gtest/gtest.h>

#include "kubelet/pod/hash.h"
#include "kubelet/pod/test_pod.h"

namespace keelson::pod {
namespace {

TEST(Names, AreUpstreams) {
  const kube::ObjectMeta metadata{.name = "web", .namespace_name = "shop", .uid = "u-1"};
  EXPECT_EQ(FullName(metadata), "web_shop");
  EXPECT_EQ(PodLogDirectory("/var/log/pods", metadata), "/var/log/pods/shop_web_u-1");
  const std::optional<kube::ObjectMeta> back = PodOfLogDirectory("shop_web_u-1");
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(PodLogDirectory("/var/log/pods", *back), "/var/log/pods/shop_web_u-1");
  for (const char* other : {"lost+found", "a_b", "a__c", "a_b_c_d"})
    EXPECT_FALSE(PodOfLogDirectory(other).has_value()) << other;
  EXPECT_EQ(ContainerLogPath("a", 3), "a/3.log");
  EXPECT_EQ(LogLink("web", "shop", "a", "0123"), "web_shop_a-0123.log");
}

TEST(Names, OfHosts) {
  struct Case {
    std::string_view name;
    std::string fields, short_name, domain_name;
    std::string pod_name = "web";
  };
  const std::string long_name(70, 'x');
  const Case cases[] = {
      {"the pod's name", "", "web", ""},
      {"a name of its own", "hostname: front", "front", ""},
      {"in a subdomain", "hostname: front\nsubdomain: sub", "front",
       "front.sub.shop.svc.cluster.local"},
      {"cut to a label", "", std::string(63, 'x'), "", long_name},
      {"which does not end in a dash", "", std::string(61, 'x'), "", std::string(61, 'x') + "-.y"},
      {"the whole name for the kernel", "subdomain: sub\nsetHostnameAsFQDN: true",
       "web.sub.shop.svc.cluster.local", "web.sub.shop.svc.cluster.local"},
      {"there is none without a subdomain", "setHostnameAsFQDN: true", "web", ""},
      {"set from outside", "hostnameOverride: other.example\nsubdomain: sub", "other.example", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    kube::Pod pod = TestPod("containers: [{name: a, image: b}]\n" + c.fields);
    pod.metadata.name = c.pod_name;
    const base::Result<HostName> name = PodHostName(pod, "cluster.local");
    ASSERT_TRUE(name.ok()) << name.error().message();
    EXPECT_EQ(name->short_name, c.short_name);
    EXPECT_EQ(name->domain_name, c.domain_name);
  }
  kube::Pod pod =
      TestPod("containers: [{name: a, image: b}]\nsubdomain: sub\nsetHostnameAsFQDN: true");
  pod.metadata.name = std::string(64 - std::string(".sub.shop.svc.cluster.local").size(), 'x');
  EXPECT_EQ(PodHostName(pod, "cluster.local").value().short_name.size(), 64u);
  pod.metadata.name += "x";
  EXPECT_FALSE(PodHostName(pod, "cluster.local").ok());
}

// The numbers stand in running containers' annotations and in file names: they may not change from
// one release to the next.
TEST(Hash, StaysTheSame) {
  kube::Container container;
  container.name = "a";
  container.image = "nginx:1";
  EXPECT_EQ(ContainerHash(container), "2ab22fd9");
  container.command = {"x"};
  container.env.emplace_back().name = "A";
  EXPECT_EQ(ContainerHash(container), "2ab22fd9");
  container.image = "nginx:2";
  EXPECT_NE(ContainerHash(container), "2ab22fd9");
  const json::Value manifest = json::ParseYaml("kind: Pod").value();
  EXPECT_EQ(StaticPodUid(manifest, "node", "file:/x.yaml"), "2a5d733aade6cd3591e22cf6670480ba");
  EXPECT_NE(StaticPodUid(manifest, "node2", "file:/x.yaml"), "2a5d733aade6cd3591e22cf6670480ba");
}

}  // namespace
}  // namespace keelson::pod
