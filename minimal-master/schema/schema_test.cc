// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/schema.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "minimal-master/schema/resources.h"

namespace keelson::schema {
namespace {

std::vector<std::string> Strings(TextList list) {
  std::vector<std::string> out;
  for (const std::string_view each : list) out.emplace_back(each);
  return out;
}

TEST(Schema, FindsAPodAndItsFieldsInGoOrder) {
  const Type* pod = Find("", "v1", "Pod");
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(pod->go_name(), "v1.Pod");
  EXPECT_EQ(pod->short_name(), "Pod");
  EXPECT_EQ(pod->openapi_name(), "io.k8s.api.core.v1.Pod");
  ASSERT_EQ(pod->fields().size(), 5u);
  EXPECT_EQ(pod->fields()[0].name(), "kind");
  EXPECT_EQ(pod->fields()[1].name(), "apiVersion");
  EXPECT_EQ(pod->fields()[2].name(), "metadata");
  EXPECT_EQ(pod->fields()[3].name(), "spec");
  const Field* containers = pod->Find("spec")->type().Find("containers");
  ASSERT_NE(containers, nullptr);
  EXPECT_TRUE(containers->type().IsList());
  EXPECT_EQ(containers->type().go_name(), "[]v1.Container");
  EXPECT_EQ(containers->type().Element(), FindByOpenApiName("io.k8s.api.core.v1.Container"));
  EXPECT_EQ(containers->list_type(), ListType::kMap);
  EXPECT_EQ(Strings(containers->list_map_keys()), std::vector<std::string>{"name"});
  EXPECT_TRUE(containers->patch_merge());
  EXPECT_EQ(containers->patch_merge_key(), "name");
  EXPECT_FALSE(containers->omitempty());
  EXPECT_TRUE(containers->required());
  EXPECT_FALSE(containers->atomic());
  EXPECT_EQ(Find("", "v1", "Nope"), nullptr);
  EXPECT_EQ(Find("apps", "v1", "Pod"), nullptr);
}

TEST(Schema, KnowsWhereEmbeddedStructsAre) {
  const Type* volume = FindByOpenApiName("io.k8s.api.core.v1.Volume");
  ASSERT_NE(volume, nullptr);
  const Field* empty_dir = volume->Find("emptyDir");
  ASSERT_NE(empty_dir, nullptr);
  EXPECT_EQ(empty_dir->embedded(), "VolumeSource.");
  ASSERT_EQ(empty_dir->protobuf().size(), 2u);
  EXPECT_EQ(empty_dir->protobuf()[0], 2);
  EXPECT_EQ(empty_dir->protobuf()[1], 2);
  const Field* rules =
      FindByOpenApiName("io.k8s.api.admissionregistration.v1.NamedRuleWithOperations")
          ->Find("apiGroups");
  EXPECT_EQ(rules->embedded(), "RuleWithOperations.Rule.");
  EXPECT_EQ(rules->protobuf().size(), 3u);
}

TEST(Schema, KnowsSpecialTypesAndNamedOnes) {
  const Type* meta = FindByOpenApiName("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  EXPECT_EQ(meta->Find("creationTimestamp")->type().shape(), Shape::kTime);
  EXPECT_TRUE(meta->Find("creationTimestamp")->omitzero());
  EXPECT_TRUE(meta->Find("deletionTimestamp")->pointer());
  EXPECT_EQ(meta->Find("uid")->type().go_name(), "types.UID");
  const Type* container = FindByOpenApiName("io.k8s.api.core.v1.Container");
  const Type& limits = container->Find("resources")->type().Find("limits")->type();
  EXPECT_EQ(limits.shape(), Shape::kMap);
  EXPECT_EQ(limits.go_name(), "v1.ResourceList");
  EXPECT_EQ(limits.Element()->shape(), Shape::kQuantity);
  EXPECT_EQ(container->Find("imagePullPolicy")->type().go_name(), "v1.PullPolicy");
  EXPECT_TRUE(container->Find("imagePullPolicy")->enums().Contains("IfNotPresent"));
  const Type& data = Find("", "v1", "Secret")->Find("data")->type();
  EXPECT_EQ(data.go_name(), "map[string][]uint8");
  EXPECT_EQ(data.Element()->shape(), Shape::kBytes);
  const Type& extra = Find("authentication.k8s.io", "v1", "TokenReview")
                          ->Find("status")
                          ->type()
                          .Find("user")
                          ->type()
                          .Find("extra")
                          ->type();
  EXPECT_TRUE(extra.Element()->wrapped());
  const Type* props =
      FindByOpenApiName("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps");
  EXPECT_EQ(props->Find("additionalProperties")->type().shape(), Shape::kSchemaOrBool);
  EXPECT_EQ(props->Find("additionalProperties")->type().Element(), props);
  EXPECT_EQ(props->Find("x-kubernetes-int-or-string")->protobuf().size(), 1u);
}

TEST(Schema, EveryFieldHasATypeAndEveryListAnElement) {
  for (const Type& type : Types()) {
    if (type.IsList() || type.IsMap()) {
      EXPECT_NE(type.Element(), nullptr) << type.go_name();
    }
    for (const Field& field : type.fields()) EXPECT_FALSE(field.name().empty()) << type.go_name();
  }
}

TEST(Resources, ArePartOfTheTable) {
  EXPECT_EQ(Resources().size(), 68u);
  const Resource* pods = FindResource("", "v1", "pods");
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ(pods->kind(), "Pod");
  EXPECT_TRUE(pods->namespaced());
  EXPECT_TRUE(pods->Can("watch"));
  EXPECT_EQ(Strings(pods->short_names()), std::vector<std::string>{"po"});
  EXPECT_EQ(&pods->type(), Find("", "v1", "Pod"));
  EXPECT_EQ(pods->list_type(), Find("", "v1", "PodList"));
  ASSERT_EQ(pods->columns().size(), 9u);
  EXPECT_EQ(pods->columns()[1].name(), "Ready");
  const Subresource* eviction = pods->FindSubresource("eviction");
  ASSERT_NE(eviction, nullptr);
  EXPECT_EQ(eviction->type(), Find("policy", "v1", "Eviction"));
  EXPECT_EQ(FindResource("apps", "v1", "deployments")->FindSubresource("scale")->group(),
            "autoscaling");
  EXPECT_EQ(FindResourceOfKind("events.k8s.io", "v1", "Event")->name(), "events");
  EXPECT_TRUE(IsVersionServed("batch", "v1"));
  EXPECT_FALSE(IsVersionServed("batch", "v1beta1"));
}

}  // namespace
}  // namespace keelson::schema
