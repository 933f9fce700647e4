// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/payload.h"

#include <gmock/gmock.h>

namespace keelson::volume {
namespace {

using testing::ElementsAre;
using testing::Pair;

class FakeObjects final : public Objects {
 public:
  std::optional<kube::ConfigObject> Find(bool secret, const std::string& namespace_name,
                                         const std::string& name) const override {
    if (namespace_name != "shop") return std::nullopt;
    kube::ConfigObject object;
    object.secret = secret;
    object.data = secret ? std::map<std::string, std::string>{{"token", "s3"}}
                         : std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}};
    return name == "there" ? std::optional(object) : std::nullopt;
  }
};

class PayloadTest : public testing::Test {
 protected:
  template <typename V>
  base::Result<Payload> Of(const V& volume) const {
    return PayloadOf(volume, {namespace_, objects_, values_});
  }
  template <typename V>
  std::string ErrorOf(const V& volume) const {
    const base::Result<Payload> payload = Of(volume);
    return payload.ok() ? "(none)" : payload.error().message();
  }
  const std::string namespace_ = "shop";
  FakeObjects objects_;
  DownwardValues values_ = {{{"metadata.name", "web"}, {"metadata.labels['app']", "w"}},
                            {{"c/limits.cpu", "1"}}};
};

kube::ObjectVolume ConfigMap(const std::string& name) {
  kube::ObjectVolume volume;
  volume.name = name;
  return volume;
}

TEST_F(PayloadTest, AllKeysWithTheDefaultMode) {
  EXPECT_THAT(Of(ConfigMap("there")).value(),
              ElementsAre(Pair("a", PayloadFile{"1", 0644}), Pair("b", PayloadFile{"2", 0644})));
  kube::ObjectVolume secret = ConfigMap("there");
  secret.secret = true;
  secret.default_mode = 0400;
  EXPECT_THAT(Of(secret).value(), ElementsAre(Pair("token", PayloadFile{"s3", 0400})));
}

TEST_F(PayloadTest, ItemsChooseKeysPathsAndModes) {
  kube::ObjectVolume volume = ConfigMap("there");
  volume.items = {{"b", "deep/er", 0600}, {"a", "plain", {}}};
  EXPECT_THAT(Of(volume).value(), ElementsAre(Pair("deep/er", PayloadFile{"2", 0600}),
                                              Pair("plain", PayloadFile{"1", 0644})));
}

TEST_F(PayloadTest, WhatIsMissingIsAnErrorUnlessOptional) {
  EXPECT_EQ(ErrorOf(ConfigMap("gone")), "configmap \"gone\" not found");
  kube::ObjectVolume volume = ConfigMap("there");
  volume.items = {{"zzz", "z", {}}};
  EXPECT_EQ(ErrorOf(volume), "configmap references non-existent config key: zzz");
  volume.secret = true;
  EXPECT_EQ(ErrorOf(volume), "references non-existent secret key: zzz");
  volume.optional = true;
  EXPECT_TRUE(Of(volume).value().empty());
  kube::ObjectVolume gone = ConfigMap("gone");
  gone.optional = true;
  EXPECT_TRUE(Of(gone).value().empty());
}

TEST_F(PayloadTest, DownwardFieldsAndResources) {
  kube::DownwardApiVolume volume;
  volume.items = {{"name", "metadata.name", {}, {}},
                  {"none", "metadata.labels['none']", {}, {}},
                  {"cpu", "", kube::ResourceFieldSelector{}, 0444}};
  volume.items[2].resource->container_name = "c";
  volume.items[2].resource->resource = "limits.cpu";
  values_.resources = {{ResourceKey(*volume.items[2].resource, ""), "1"}};
  EXPECT_THAT(Of(volume).value(), ElementsAre(Pair("cpu", PayloadFile{"1", 0444}),
                                              Pair("name", PayloadFile{"web", 0644}),
                                              Pair("none", PayloadFile{"", 0644})));
  volume.items[0].field_path = "spec.nonsense";
  EXPECT_EQ(ErrorOf(volume), "unsupported fieldPath: spec.nonsense");
}

TEST_F(PayloadTest, ProjectedNamesEverySourceThatFailed) {
  kube::ProjectedVolume volume;
  kube::ObjectVolume secret = ConfigMap("there");
  secret.secret = true;
  volume.sources = {ConfigMap("there"), secret};
  EXPECT_EQ(Of(volume).value().size(), 3u);
  volume.sources = {ConfigMap("x"), ConfigMap("there"), ConfigMap("y")};
  EXPECT_EQ(ErrorOf(volume), "[configmap \"x\" not found, configmap \"y\" not found]");
}

}  // namespace
}  // namespace keelson::volume
