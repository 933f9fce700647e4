// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <atomic>

#include "lib/base/fake_clock.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/control/fake_client.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/pods/index.h"
#include "minimal-master/controllers/pods/owned.h"
#include "minimal-master/controllers/pods/pace.h"
#include "minimal-master/controllers/pods/selector.h"
#include "minimal-master/controllers/pods/template.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::pods {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string PodText(const std::string& name, const std::string& owner, const std::string& more) {
  std::string owners;
  if (!owner.empty()) {
    owners = R"(,"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":")" + owner +
             R"(","uid":"uid-)" + owner + R"(","controller":true}])";
  }
  return R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":")" + name +
         R"(","namespace":"ns","uid":"u-)" + name + R"(","labels":{"app":"web"})" + owners +
         R"(,"creationTimestamp":"2026-01-01T00:00:00Z"})" + more + "}";
}

class PodsTest : public ::testing::Test {
 protected:
  PodsTest() : cache_(*watch::Cache::Open(store_, reader_, clock_, {})), pods_(*cache_) {}

  void Put(const std::string& name, const std::string& owner, const std::string& more = "") {
    Commit(name, store::Bytes::Copy(PodText(name, owner, more)));
  }
  void Commit(const std::string& name, store::Bytes value) {
    store::Change change;
    change.key = "/registry/pods/ns/" + name;
    change.value = value;
    ASSERT_TRUE(store_.Commit({change}, store::Durability{}).ok());
  }
  static std::vector<std::string> Names(const std::vector<PodPtr>& pods) {
    std::vector<std::string> out;
    for (const PodPtr& pod : pods) out.emplace_back(pod->name());
    return out;
  }

  base::ManualClock clock_;
  store::MemoryStore store_;
  api::Reader reader_;
  std::unique_ptr<watch::Cache> cache_;
  Pods pods_;
};

TEST_F(PodsTest, AreFoundByOwnerNamespaceAndNodeAsSoonAsTheyAreWritten) {
  EXPECT_THAT(pods_.All(), IsEmpty());
  Put("a", "one");
  Put("b", "one", R"(,"spec":{"nodeName":"n1"})");
  Put("c", "");
  EXPECT_THAT(Names(pods_.ControlledBy("uid-one")), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(Names(pods_.WithoutController("ns")), ElementsAre("c"));
  EXPECT_THAT(Names(pods_.InNamespace("ns")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Names(pods_.OnNode("n1")), ElementsAre("b"));
  EXPECT_THAT(pods_.InNamespace("n"), IsEmpty());
  Put("c", "one");
  Put("b", "", R"(,"spec":{"nodeName":"n2"})");
  EXPECT_THAT(Names(pods_.ControlledBy("uid-one")), UnorderedElementsAre("a", "c"));
  EXPECT_THAT(Names(pods_.WithoutController("ns")), ElementsAre("b"));
  EXPECT_THAT(pods_.OnNode("n1"), IsEmpty());
}

// Any kind has owners; here pods stand for it.
TEST_F(PodsTest, AreFoundByWhateverOwnerAsObjectsOfAKind) {
  const schema::Resource& resource = control::ResourceNamed("", "pods");
  Owned owned(*cache_, resource);
  const auto names = [](const std::vector<watch::ObjectPtr>& objects) {
    std::vector<std::string> out;
    for (const watch::ObjectPtr& object : objects) out.emplace_back(object->name());
    return out;
  };
  Put("b", "one");
  Put("a", "one");
  Put("c", "");
  EXPECT_THAT(names(owned.By("uid-one")), ElementsAre("a", "b"));
  EXPECT_THAT(names(owned.ByNobody("ns")), ElementsAre("c"));
  Put("b", "");
  Put("c", "two");
  Commit("a", {});
  EXPECT_THAT(owned.By("uid-one"), IsEmpty());
  EXPECT_THAT(names(owned.By("uid-two")), ElementsAre("c"));
  EXPECT_THAT(names(owned.ByNobody("ns")), ElementsAre("b"));
}

TEST_F(PodsTest, AreSelectedByObjectsOfTheirNamespace) {
  Selecting selecting(*cache_, control::ResourceNamed("", "pods"), [](const json::Value& object) {
    return UnlessEmpty(SelectorOfLabels(object.At({"spec", "wants"})));
  });
  Put("a", "", R"(,"spec":{"wants":{"app":"web"}})");
  Put("b", "", R"(,"spec":{"wants":{"app":"db"}})");
  Put("all", "");
  const watch::ObjectPtr pod = pods_.Find("ns", "all")->object;  // app=web
  EXPECT_THAT(selecting.Of(*pod), ElementsAre("ns/a"));
  Put("b", "", R"(,"spec":{"wants":{"app":"web"}})");
  Commit("a", {});
  EXPECT_THAT(selecting.Of(*pod), ElementsAre("ns/b"));
}

TEST_F(PodsTest, AnEmptySelectorSelectsAllWhereItIsNotTakenForNothing) {
  Selecting selecting(*cache_, control::ResourceNamed("", "pods"), [](const json::Value& object) {
    return SelectorOfLabels(object.At({"spec", "wants"}));
  });
  Put("a", "", R"(,"spec":{"wants":{"app":"db"}})");
  Put("all", "");
  EXPECT_THAT(selecting.Of(*pods_.Find("ns", "a")->object), ElementsAre("ns/all"));
}

TEST_F(PodsTest, AreReadOnceForARevision) {
  Put("a", "one");
  const PodPtr first = pods_.Find("ns", "a");
  EXPECT_EQ(pods_.Find("ns", "a"), first);
  EXPECT_EQ(pods_.Read(first->object), first);
  Put("a", "two");
  EXPECT_EQ(pods_.Find("ns", "a")->owner_name, "two");
  const PodPtr old = pods_.Read(first->object);
  EXPECT_EQ(old->owner_name, "one");
  EXPECT_EQ(pods_.Read(first->object), old);
  EXPECT_EQ(pods_.Find("ns", "b"), nullptr);
}

TEST(PodFacts, SayWhatAPodIsLike) {
  const std::string text = PodText(
      "web", "one",
      R"(,"spec":{"hostname":"h","subdomain":"s","affinity":{"nodeAffinity":{)"
      R"("requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[)"
      R"({"key":"metadata.name","operator":"In","values":["n9"]}]}]}}},)"
      R"("containers":[{"name":"c","ports":[{"name":"http","containerPort":80,"protocol":"TCP"}]}],)"
      R"("initContainers":[{"name":"side","restartPolicy":"Always"},{"name":"once"}]},)"
      R"("status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"}],)"
      R"("conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:01:00Z"}],)"
      R"("containerStatuses":[{"name":"c","restartCount":3}],)"
      R"("initContainerStatuses":[{"name":"side","restartCount":2},{"name":"once","restartCount":9}]})");
  watch::Contents contents;
  contents.bytes = store::Bytes::Copy(text);
  const PodPtr pod = ReadPod(watch::ObjectPtr(new watch::Object("/k", 1, contents)));
  EXPECT_EQ(pod->owner_kind, "ReplicaSet");
  EXPECT_EQ(pod->target_node, "n9");
  EXPECT_EQ(pod->phase, Phase::kRunning);
  EXPECT_TRUE(pod->ready);
  EXPECT_TRUE(pod->active());
  EXPECT_EQ(pod->ready_since - pod->created, 60'000'000'000);
  EXPECT_EQ(pod->restarts, 3);
  EXPECT_EQ(pod->sidecar_restarts, 2);
  EXPECT_THAT(pod->ips, ElementsAre("10.0.0.1"));
  ASSERT_EQ(pod->ports.size(), 1u);
  EXPECT_EQ(pod->ports[0].port, 80);
  const int64_t since = pod->ready_since;
  EXPECT_TRUE(IsAvailable(*pod, 0, since));
  EXPECT_FALSE(IsAvailable(*pod, 10, since + 9'999'999'999));
  EXPECT_TRUE(IsAvailable(*pod, 10, since + 10'000'000'000));
  EXPECT_EQ(NextAvailable({pod}, 10, since), since + 10'000'000'000);
  EXPECT_EQ(NextAvailable({pod}, 10, since + 10'000'000'000), 0);
}

TEST(Selector, MatchesAsObjectsSpellIt) {
  const auto matches = [](std::string_view selector) {
    watch::Contents contents;
    contents.labels = {{"app", "web"}, {"tier", "front"}};
    return SelectorOf(*json::ParseJson(selector)).Matches(watch::Object("/k", 1, contents));
  };
  EXPECT_TRUE(matches("{}"));
  EXPECT_TRUE(matches(R"({"matchLabels":{"app":"web"}})"));
  EXPECT_FALSE(matches(R"({"matchLabels":{"app":"web","x":"y"}})"));
  EXPECT_TRUE(
      matches(R"({"matchExpressions":[{"key":"tier","operator":"In","values":["x","front"]}]})"));
  EXPECT_FALSE(
      matches(R"({"matchExpressions":[{"key":"tier","operator":"NotIn","values":["front"]}]})"));
  EXPECT_FALSE(matches(R"({"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]})"));
  EXPECT_TRUE(matches(R"({"matchExpressions":[{"key":"tier","operator":"Exists"}]})"));
}

TEST(Pace, IsOneWriteInATenthOfASecond) {
  base::ManualClock clock;
  Pace pace(clock);
  EXPECT_FALSE(pace.Wait("a"));
  clock.Advance(std::chrono::milliseconds(40));
  EXPECT_EQ(pace.Wait("a"), std::chrono::milliseconds(61));
  EXPECT_FALSE(pace.Wait("b"));
  clock.Advance(std::chrono::milliseconds(61));
  EXPECT_FALSE(pace.Wait("a"));
  EXPECT_TRUE(pace.Wait("a"));
  pace.Forget("a");
  EXPECT_FALSE(pace.Wait("a"));
}

TEST(Template, BecomesAPodOfItsOwner) {
  const json::Value owner =
      *json::ParseJson(R"({"metadata":{"name":"web","namespace":"ns","uid":"u"}})");
  const json::Value made = FromTemplate(
      *json::ParseJson(R"({"metadata":{"labels":{"a":"b"}},"spec":{"containers":[]}})"), "apps/v1",
      "ReplicaSet", owner);
  EXPECT_EQ(made,
            *json::ParseJson(
                R"({"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"web-","labels":)"
                R"({"a":"b"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet",)"
                R"("name":"web","uid":"u","controller":true,"blockOwnerDeletion":true}]},)"
                R"("spec":{"containers":[]}})"));
}

}  // namespace
}  // namespace keelson::pods
