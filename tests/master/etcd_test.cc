// SPDX-License-Identifier: Apache-2.0
// keelson-master on a real etcd: with one member and TLS, with three of which one is killed under
// writes (and keelson-master itself after it), and with what upstream's server wrote there before.
#include <gtest/gtest.h>
#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/etcd/etcd_servers.h"
#include "minimal-master/store/etcd/etcd_store.h"
#include "tests/master/kill_clients.h"

namespace keelson::kill {
namespace {

using load::Answer;
using load::Connection;
using load::MasterProcess;

class MasterOnEtcd : public testing::Test {
 protected:
  // Skips when there is no etcd here.
  void StartEtcd(int members, bool tls = false) {
    auto servers = store::EtcdServers::Start(members, tls);
    if (!servers.ok() && servers.error().code() == base::Code::kNotFound) {
      GTEST_SKIP() << servers.error().message();
    }
    ASSERT_TRUE(servers.ok()) << servers.error().message();
    etcd_.emplace(std::move(*servers));
    options_.dir = dir_.path();
    options_.extra = {"--store", base::Join(etcd_->endpoints(), ",")};
    store::EtcdOptions to;
    to.endpoints = etcd_->endpoints();
    if (tls) {
      to.ca_file = to.certificate_file = etcd_->identity("crt");
      to.key_file = etcd_->identity("key");
      for (const auto& [option, file] :
           {std::pair("--store-ca", "crt"), {"--store-cert", "crt"}, {"--store-key", "key"}}) {
        options_.extra.insert(options_.extra.end(), {option, etcd_->identity(file)});
      }
    }
    // Until its members have found each other: the program's own patience is shorter.
    to.total_timeout = std::chrono::minutes(2);
    const auto ready = store::EtcdStore::Open(to);
    ASSERT_TRUE(ready.ok()) << ready.error().message();
  }
  void StartMaster() {
    auto master = MasterProcess::Start(options_);
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(std::move(*master));
  }
  static Connection Connect(const MasterProcess& master) {
    auto connection = Connection::Open(*master.client());
    EXPECT_TRUE(connection.ok());
    return std::move(*connection);
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-master-etcd");
  std::optional<store::EtcdServers> etcd_;
  MasterProcess::Options options_;
  std::optional<MasterProcess> master_;
};

// One field of a protobuf message that is bytes.
std::string Field(int number, const std::string& bytes) {
  return std::string(1, static_cast<char>(number << 3 | 2)) +
         std::string(1, static_cast<char>(bytes.size())) + bytes;
}

TEST_F(MasterOnEtcd, ReadsWhatUpstreamWroteAsProtobufAndReplacesIt) {
  StartEtcd(1, true);
  if (IsSkipped() || HasFatalFailure()) return;
  // A ConfigMap as upstream's server stores it.
  const std::string metadata = Field(1, "old") + Field(3, "default") +
                               Field(5, "11111111-2222-4333-8444-555555555555") +
                               Field(11, Field(1, "app") + Field(2, "web"));
  const std::string map = Field(1, metadata) + Field(2, Field(1, "k") + Field(2, "v"));
  const std::string value =
      std::string("k8s\0", 4) + Field(1, Field(1, "v1") + Field(2, "ConfigMap")) + Field(2, map);
  {
    store::EtcdOptions to;
    to.endpoints = etcd_->endpoints();
    to.ca_file = to.certificate_file = etcd_->identity("crt");
    to.key_file = etcd_->identity("key");
    auto etcd = store::EtcdStore::Open(to);
    ASSERT_TRUE(etcd.ok()) << etcd.error().message();
    ASSERT_TRUE((*etcd)
                    ->Commit({{"/registry/configmaps/default/old", store::Bytes::Copy(value),
                               store::kAbsent}},
                             store::Durability::kDurable)
                    .ok());
  }
  StartMaster();
  if (HasFatalFailure()) return;
  Connection connection = Connect(*master_);
  const std::string path = std::string(kMaps) + "/old";
  const auto read = connection.Ask("GET", path);
  ASSERT_TRUE(read.ok());
  const auto object = json::ParseJson(read->body);
  ASSERT_TRUE(object.ok()) << read->body;
  EXPECT_EQ(object->At({"kind"}).AsString(), "ConfigMap");
  EXPECT_EQ(object->At({"data", "k"}).AsString(), "v");
  const auto listed = connection.Ask("GET", std::string(kMaps) + "?labelSelector=app%3Dweb");
  ASSERT_TRUE(listed.ok());
  EXPECT_NE(listed->body.find("\"old\""), std::string::npos) << listed->body;
  const auto patched =
      connection.Ask("PATCH", path, R"({"data":{"k":"new"}})", "application/merge-patch+json");
  ASSERT_TRUE(patched.ok());
  EXPECT_EQ(patched->code, 200) << patched->body;

  master_->Kill();
  ASSERT_TRUE(master_->Restart().ok());
  Connection again = Connect(*master_);
  const auto reread = again.Ask("GET", path);
  ASSERT_TRUE(reread.ok());
  EXPECT_NE(reread->body.find(R"("k":"new")"), std::string::npos) << reread->body;
  const auto stopped = master_->Stop();
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(*stopped, 0);
}

TEST_F(MasterOnEtcd, LosesNothingWhenAMemberAndTheMasterAreKilledUnderWrites) {
  StartEtcd(3);
  if (IsSkipped() || HasFatalFailure()) return;
  StartMaster();
  if (HasFatalFailure()) return;
  Server server;
  std::vector<std::unique_ptr<Writer>> writers;
  std::vector<std::unique_ptr<Follower>> followers;
  Threads writing([&] {
    for (const auto& writer : writers) writer->Finish();
  });
  Threads watching([&] {
    server.End();
    master_->Kill();
  });
  for (const char* list : {kMaps, kLeases}) {
    followers.push_back(std::make_unique<Follower>(server, list));
    watching.Add([follower = followers.back().get()] { follower->Run(); });
  }
  for (int i = 0; i < 8; ++i) writers.push_back(std::make_unique<Writer>(server, i, 1));
  server.Up(master_->client());
  for (const auto& follower : followers) ASSERT_TRUE(follower->AwaitBegun());
  for (const auto& writer : writers) writing.Add([&writer] { writer->Run(); });

  const auto write_more = [](uint64_t count) {
    const uint64_t enough = Writer::acknowledged() + count;
    return Eventually([&] { return Writer::acknowledged() >= enough; });
  };
  EXPECT_TRUE(write_more(60));
  etcd_->Kill(0);  // the endpoint that is asked first
  EXPECT_TRUE(write_more(60));
  master_->Kill();
  const base::Status restarted = master_->Restart();
  EXPECT_TRUE(restarted.ok()) << restarted.error().message();
  server.Up(master_->client());
  EXPECT_TRUE(write_more(60));
  writing.Join();
  std::map<std::string, std::string> there;
  int64_t last = 0;
  for (const char* list : {kMaps, kLeases}) {
    const auto revision = ReadAll(server, list, there);
    if (revision.ok()) last = std::max(last, *revision);
  }
  for (const auto& follower : followers) follower->AwaitRevision(last, there);
  watching.Join();
  CheckAll(writers, followers, there);
}

}  // namespace
}  // namespace keelson::kill
