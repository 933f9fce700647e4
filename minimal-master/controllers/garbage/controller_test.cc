// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/garbage/controller.h"

#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/control/fake_client.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::controllers::garbage {
namespace {

constexpr char kMaps[] = "/registry/configmaps/default/";

// An owner that goes after all that it owns, two generations of it, and nothing was heard of yet:
// the cache is ahead of what a controller is told.
class CollectorTest : public testing::Test {
 protected:
  CollectorTest() {
    Put("top", R"("uid":"u1","deletionTimestamp":"2026-01-01T00:00:00Z",)"
               R"("finalizers":["foregroundDeletion"])");
    Put("middle", R"("uid":"u2","ownerReferences":[)" + Owner("top", "u1") + "]");
    Put("leaf", R"("uid":"u3","ownerReferences":[)" + Owner("middle", "u2") + "]");
  }
  static std::string Owner(const std::string& name, const std::string& uid) {
    return R"({"apiVersion":"v1","kind":"ConfigMap","name":")" + name + R"(","uid":")" + uid +
           R"(","blockOwnerDeletion":true})";
  }
  void Put(const std::string& name, const std::string& metadata) {
    ASSERT_TRUE(
        store_
            .Commit({{kMaps + name,
                      store::Bytes::Copy(R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{)"
                                         R"("name":")" +
                                         name + R"(","namespace":"default",)" + metadata + "}}")}},
                    store::Durability::kDurable)
            .ok());
  }
  // What it does about this one: the policy of a deletion, or else the verb; "" nothing.
  std::string Does(const std::string& name) {
    EXPECT_FALSE(collector_.Sync(kMaps + name).failed);
    std::string out;
    for (const control::Write& write : client_.Take())
      out += write.verb == control::Write::Verb::kDelete
                 ? write.body.At({"propagationPolicy"}).AsString()
                 : "patch";
    return out;
  }

  base::ManualClock clock_;
  store::MemoryStore store_;
  api::Reader reader_;
  std::unique_ptr<watch::Cache> cache_ = watch::Cache::Open(store_, reader_, clock_, {}).value();
  control::FakeClient client_;
  control::Recorder recorder_{client_, clock_};
  const Settings settings_;
  Collector collector_{{*cache_, client_, recorder_, clock_, settings_}};
};

TEST_F(CollectorTest, KnowsDependentsThatItHasNotHeardOf) {
  EXPECT_EQ(Does("middle"), "Foreground") << "the leaf is first";
  EXPECT_EQ(Does("top"), "") << "the middle is first";
}

TEST_F(CollectorTest, TrustsItsIndexOnceItHasHeardEverything) {
  collector_.Heard(cache_->revision());
  EXPECT_EQ(Does("middle"), "Background") << "nobody told it of the leaf";
  for (const char* name : {"top", "middle", "leaf"})
    collector_.Route({control::ResourceNamed("", "configmaps"), watch::Kind::kAdded,
                      cache_->Find(std::string(kMaps) + name), nullptr},
                     [](const std::string&) {});
  EXPECT_EQ(Does("middle"), "Foreground");
}

}  // namespace
}  // namespace keelson::controllers::garbage
