// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/etcd/etcd_store.h"

#include "lib/os/files.h"
#include "minimal-master/store/etcd/etcd_servers.h"
#include "minimal-master/store/store_contract.h"

namespace keelson::store {
namespace {

std::unique_ptr<EtcdStore> MustOpen(const std::vector<std::string>& endpoints) {
  EtcdOptions options;
  options.endpoints = endpoints;
  options.call_timeout = std::chrono::seconds(3);
  options.total_timeout = std::chrono::minutes(1);
  auto store = EtcdStore::Open(options);
  if (!store.ok()) ADD_FAILURE() << store.error().message();
  return store.ok() ? std::move(*store) : nullptr;
}

// One server for all of a suite's tests; each begins with no keys in it.
class EtcdPlace final : public Place {
 public:
  explicit EtcdPlace(const EtcdServers& servers) : servers_(servers) {
    const auto store = MustOpen(servers_.endpoints());
    if (store == nullptr) return;
    const auto all = store->List("", "", 0);
    std::vector<Change> changes;
    for (const KeyValue& item : all->items) {
      changes.push_back(Delete(item.key));
      if (changes.size() == kMaxChanges) {
        EXPECT_TRUE(store->Commit(std::exchange(changes, {}), Durability::kDurable).ok());
      }
    }
    if (!changes.empty()) {
      EXPECT_TRUE(store->Commit(changes, Durability::kDurable).ok());
    }
  }
  std::unique_ptr<Store> Open() override { return MustOpen(servers_.endpoints()); }

 private:
  const EtcdServers& servers_;
};

base::Result<EtcdServers>& Server() {
  static base::Result<EtcdServers> servers = EtcdServers::Start(1);
  return servers;
}

INSTANTIATE_TEST_SUITE_P(Etcd, StoreContract,
                         testing::Values(PlaceKind{"etcd", []() -> std::unique_ptr<Place> {
                                                     auto& servers = Server();
                                                     if (!servers.ok()) return nullptr;
                                                     return std::make_unique<EtcdPlace>(*servers);
                                                   }}));

TEST(EtcdStore, AClusterGoesOnWithoutOneOfItsMembers) {
  auto servers = EtcdServers::Start(3);
  if (!servers.ok()) GTEST_SKIP() << servers.error().message();
  const auto store = MustOpen(servers->endpoints());
  ASSERT_NE(store, nullptr);
  RecordingSubscriber subscriber;
  const auto subscription = store->Subscribe(*store->CurrentRevision(), subscriber);
  ASSERT_TRUE(subscription.ok()) << subscription.error().message();
  std::mutex mutex;
  std::vector<std::string> acknowledged;
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (int w = 0; w < 8; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; !stop; ++i) {
        const std::string key = "/w/" + std::to_string(w) + "/" + std::to_string(i);
        const auto done = store->Commit({Put(key, key, kAbsent)}, Durability::kDurable);
        EXPECT_TRUE(done.ok()) << done.error().message();
        if (!done.ok()) return;
        std::lock_guard lock(mutex);
        acknowledged.push_back(key);
      }
    });
  }
  const auto written = [&] {
    std::lock_guard lock(mutex);
    return acknowledged.size();
  };
  const auto await = [&](size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (written() < count && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  };
  await(50);
  servers->Kill(0);  // the one in use: it is the first endpoint
  await(written() + 50);
  stop = true;
  for (std::thread& writer : writers) writer.join();
  ASSERT_GE(acknowledged.size(), 100u);
  // Every acknowledged write is there, and was told once, in order.
  Revision last = 0;
  std::set<std::string> told;
  for (const Event& event : subscriber.events()) {
    EXPECT_GT(event.revision, last);
    last = event.revision;
    EXPECT_TRUE(told.insert(event.key).second) << event.key << " twice";
  }
  for (const std::string& key : acknowledged) {
    EXPECT_TRUE(told.contains(key)) << key;
    EXPECT_TRUE(store->Get(key).ok()) << key;
  }
}

TEST(EtcdStore, PassesOnWhatOthersWroteAndBacksUp) {
  auto& servers = Server();
  if (!servers.ok()) GTEST_SKIP() << servers.error().message();
  const auto mine = MustOpen(servers->endpoints());
  const auto other = MustOpen(servers->endpoints());
  ASSERT_TRUE(mine != nullptr && other != nullptr);
  RecordingSubscriber subscriber;
  const auto subscription = mine->Subscribe(*mine->CurrentRevision(), subscriber);
  ASSERT_TRUE(subscription.ok());
  const std::string protobuf = std::string("k8s\0\x0a\x00", 6);
  const auto revision = other->Commit({Put("/registry/pods/a/x", protobuf)}, Durability::kDurable);
  ASSERT_TRUE(revision.ok());
  EXPECT_EQ(subscriber.Await(1)[0].value.view(), protobuf);
  EXPECT_EQ(mine->Get("/registry/pods/a/x")->value.view(), protobuf);
  const os::TempDir dir = *os::TempDir::Create("keelson-etcd-backup");
  const auto done = mine->Backup(dir.path() + "/snapshot");
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_GT(os::ReadFile(dir.path() + "/snapshot", 1u << 30)->size(), 1000u);
}

TEST(EtcdStore, CompactsWhatIsOld) {
  auto& servers = Server();
  if (!servers.ok()) GTEST_SKIP() << servers.error().message();
  EtcdOptions options;
  options.endpoints = servers->endpoints();
  options.total_timeout = std::chrono::minutes(1);
  const auto store = EtcdStore::Open(options, "", std::chrono::milliseconds(20));
  ASSERT_TRUE(store.ok()) << store.error().message();
  const auto first = (*store)->Commit({Put("/compact", "0")}, Durability::kDurable);
  ASSERT_TRUE(first.ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  Revision oldest = 0;
  while (oldest <= *first && std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE((*store)->Commit({Put("/compact", "1")}, Durability::kDurable).ok());
    oldest = (*store)->GetStats()->oldest;
  }
  EXPECT_GT(oldest, *first);
  RecordingSubscriber subscriber;
  const auto late = (*store)->Subscribe(*first - 1, subscriber);
  ASSERT_FALSE(late.ok());
  EXPECT_NE(CompactedOf(late.error()), nullptr);
}

TEST(EtcdStore, SpeaksTlsWithACertificateOfItsOwn) {
  auto servers = EtcdServers::Start(1, true);
  if (!servers.ok()) GTEST_SKIP() << servers.error().message();
  EtcdOptions options;
  options.endpoints = servers->endpoints();
  options.ca_file = servers->identity("crt");
  options.certificate_file = servers->identity("crt");
  options.key_file = servers->identity("key");
  options.total_timeout = std::chrono::minutes(1);
  const auto store = EtcdStore::Open(options);
  ASSERT_TRUE(store.ok()) << store.error().message();
  ASSERT_TRUE((*store)->Commit({Put("/tls", "yes")}, Durability::kDurable).ok());
  EXPECT_EQ((*store)->Get("/tls")->value.view(), "yes");
  options.certificate_file = options.key_file = "";
  options.total_timeout = std::chrono::milliseconds(500);
  EXPECT_FALSE(EtcdStore::Open(options).ok()) << "without a certificate";
  options.ca_file = "/nowhere";
  EXPECT_EQ(EtcdStore::Open(options).error().code(), base::Code::kNotFound);
}

TEST(EtcdStore, NobodyThereIsUnavailable) {
  EtcdOptions options;
  options.endpoints = {"http://127.0.0.1:1"};
  options.total_timeout = std::chrono::milliseconds(300);
  const auto store = EtcdStore::Open(options);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code(), base::Code::kUnavailable) << store.error().message();
}

}  // namespace
}  // namespace keelson::store
