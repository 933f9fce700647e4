// SPDX-License-Identifier: Apache-2.0
// The state folder of keelson-master spoilt in each way that disks and people have. What can be
// made anew from what is whole is, with its name and the reason in the log, and clients of before
// are still clients; what cannot be is refused with its name, and nothing is changed by that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"
#include "tests/damage/damage.h"
#include "tests/load/master_process.h"
#include "tests/load/nodes.h"

namespace keelson::load {
namespace {

using damage::Damage;
using damage::Damages;
using testing::HasSubstr;

constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";

class DamagedMaster : public testing::Test {
 protected:
  // A cluster with a few objects that was ended in order, and who its clients were.
  void SetUp() override {
    auto master = MasterProcess::Start({.dir = dir_.path()});
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(std::move(*master));
    ASSERT_TRUE(WaitForAccount(*master_->client()).ok());
    for (int i = 0; i < 40; ++i) {
      const std::string name = "m-" + std::to_string(i);
      const auto made = Ask("POST", kMaps,
                            R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" +
                                std::string(2'000, 'v') + R"("}})");
      ASSERT_EQ(made.code, 201) << made.body;
      names_.insert(name);
    }
    const auto ticket =
        Ask("POST", "/api/v1/namespaces/default/serviceaccounts/default/token",
            R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})");
    ASSERT_EQ(ticket.code, 201) << ticket.body;
    token_ = json::ParseJson(ticket.body).value().At({"status", "token"}).AsString();
    before_ = ReadKubeconfig(master_->kubeconfig()).value();
    ASSERT_EQ(master_->Stop().value(), 0);
    Copy(master_->state_dir(), saved_);
    kubeconfig_ = os::ReadFile(master_->kubeconfig()).value();
  }
  void TearDown() override { master_.reset(); }

  static void Copy(const std::string& from, const std::string& to) {
    ASSERT_TRUE(os::RemoveTree(to).ok());
    const auto done =
        os::RunCommand({.argv = {"cp", "-a", from, to}, .env = {"PATH=/usr/bin:/bin"}}, "",
                       std::chrono::minutes(1));
    ASSERT_TRUE(done.ok() && done->status.code() == 0);
  }
  void Restore() {
    master_->Kill();
    Copy(saved_, master_->state_dir());
    ASSERT_TRUE(os::RemoveTree(master_->kubeconfig()).ok());
    ASSERT_TRUE(os::WriteFileAtomic(master_->kubeconfig(), kubeconfig_, 0600).ok());
  }
  std::string Pki(const std::string& name) const { return master_->state_dir() + "/pki/" + name; }
  std::string Store(const std::string& name) const {
    return master_->state_dir() + "/store/" + name;
  }
  Answer Ask(const std::string& method, const std::string& path, const std::string& body = "") {
    return AskAs(*master_->client(), method, path, body);
  }
  static Answer AskAs(const Client& client, const std::string& method, const std::string& path,
                      const std::string& body = "", const std::string& headers = "") {
    auto connection = Connection::Open(client);
    EXPECT_TRUE(connection.ok()) << connection.error().message();
    if (!connection.ok()) return {};
    auto answer = connection->Ask(method, path, body, "application/json", headers);
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    return std::move(answer).ValueOr({});
  }
  std::set<std::string> Listed() {
    std::set<std::string> names;
    auto list = json::ParseJson(Ask("GET", kMaps).body);
    EXPECT_TRUE(list.ok());
    if (!list.ok()) return names;
    for (const json::Value& item : list->At({"items"}).items()) {
      const std::string& name = item.At({"metadata", "name"}).AsString();
      if (name != "kube-root-ca.crt") names.insert(name);
    }
    return names;
  }
  // 403: known, and may not; 401: nobody.
  int CodeOfToken() {
    const auto client = Client::Make({.authority = before_.authority, .certificate = "", .key = ""},
                                     master_->client()->port());
    return AskAs(*client, "GET", kMaps, "", "Authorization: Bearer " + token_ + "\r\n").code;
  }
  // Files with their bytes, all below the state folder but what is begun anew by each start.
  std::map<std::string, std::string> Contents(const std::string& folder) {
    std::map<std::string, std::string> out;
    const auto entries = os::ListDir(folder);
    EXPECT_TRUE(entries.ok()) << folder;
    if (!entries.ok()) return out;
    for (const os::DirEntry& entry : *entries) {
      const std::string path = folder + "/" + entry.name;
      if (entry.name.ends_with("-shm") || entry.name.ends_with("-answered")) continue;
      if (os::ListDir(path).ok()) {
        out[path] = "a folder";
        out.merge(Contents(path));
      } else {
        out[path] = os::ReadFile(path, size_t{1} << 30).ValueOr("unreadable");
      }
    }
    return out;
  }
  void ExpectRefused(const std::string& path) {
    const auto there = Contents(master_->state_dir());
    const base::Status started = master_->Restart();
    ASSERT_FALSE(started.ok()) << master_->Log();
    EXPECT_THAT(started.error().message(), HasSubstr("ended with 1"));
    EXPECT_THAT(started.error().message(), HasSubstr(path));
    const auto now = Contents(master_->state_dir());
    for (const auto& [name, bytes] : there)
      EXPECT_TRUE(now.contains(name) && now.at(name) == bytes) << name;
    for (const auto& [name, bytes] : now) EXPECT_TRUE(there.contains(name)) << name;
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-master-damaged");
  const std::string saved_ = dir_.path() + "/saved";
  std::string kubeconfig_, token_;
  Identity before_;
  std::set<std::string> names_;
  std::optional<MasterProcess> master_;
};

TEST_F(DamagedMaster, KeysAndCertificatesAreMadeAnewFromWhatIsWhole) {
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    const bool missing = damage.name == std::string(damage::kMissing);
    Restore();
    std::vector<std::string> spoilt = {Pki("ca.crt"), Pki("sa.key"), Pki("admin.key"),
                                       Pki("apiserver.crt"), Pki("apiserver-kubelet-client.key")};
    for (const std::string& path : spoilt) damage.spoil(path);
    damage.spoil(master_->kubeconfig());
    // One that signed before the current one: nothing but its own tokens is lost.
    const std::string older = Pki("sa-older.pub");
    ASSERT_TRUE(os::WriteFileAtomic(older, os::ReadFile(Pki("sa.pub")).value(), 0600).ok());
    damage.spoil(older);
    if (!missing) spoilt.push_back(older);
    const base::Status started = master_->Restart();
    ASSERT_TRUE(started.ok()) << started.error().message();
    EXPECT_EQ(Listed(), names_);
    // Whoever trusts the authority of before, and has a certificate of it, or a token.
    const auto client = Client::Make(before_, master_->client()->port());
    ASSERT_TRUE(client.ok());
    EXPECT_EQ(AskAs(*client, "GET", kMaps).code, 200);
    EXPECT_EQ(CodeOfToken(), 403);
    for (const std::string& path : spoilt) {
      if (missing) break;
      EXPECT_THAT(master_->Log(), HasSubstr("path=" + path)) << "not named";
    }
    // What was made is kept: the next start says nothing and is the same.
    const auto made = Contents(master_->state_dir() + "/pki");
    ASSERT_EQ(master_->Stop().value(), 0);
    const base::Status again = master_->Restart();
    ASSERT_TRUE(again.ok()) << again.error().message();
    EXPECT_TRUE(Contents(master_->state_dir() + "/pki") == made);
    EXPECT_THAT(master_->Log(), testing::Not(HasSubstr("put aside")));
    if (HasFailure()) return;
  }
}

TEST_F(DamagedMaster, WithoutTheAuthoritysKeyNothingIsBegun) {
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    Restore();
    damage.spoil(Pki("ca.key"));
    ExpectRefused(Pki("ca.key"));
    if (HasFatalFailure()) return;
  }
  // The key of another authority beside a certificate that is lost: what it did not sign tells.
  Restore();
  ASSERT_TRUE(os::RemoveFile(Pki("ca.crt")).ok());
  ASSERT_TRUE(os::WriteFileAtomic(Pki("ca.key"), os::ReadFile(Pki("sa.key")).value(), 0600).ok());
  ExpectRefused(Pki("ca.crt"));
}

TEST_F(DamagedMaster, AStoreThatIsLostIsNotFollowedByAnEmptyOne) {
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    Restore();
    if (damage.name == std::string("bit flipped")) continue;  // below
    damage.spoil(Store("store.db"));
    ExpectRefused(master_->state_dir() + "/store");
    EXPECT_THAT(master_->Log(), HasSubstr("store.db"));
    if (HasFatalFailure()) return;
  }
  // A copy put back, and all goes on.
  Restore();
  const base::Status started = master_->Restart();
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ(Listed(), names_);
}

// In a row: that row is left out and named, and its object can be made anew. In what a page says of
// its rows: the whole is refused by its name. In what is history or free: nothing is lost.
TEST_F(DamagedMaster, ABitOfTheStoreCostsOneObjectOrIsToldAtTheStart) {
  const std::string bytes = damage::BytesOf(saved_ + "/store/store.db");
  constexpr size_t kPlaces = 12;
  for (size_t place = 1; place <= kPlaces; ++place) {
    SCOPED_TRACE(place);
    Restore();
    std::string spoilt = bytes;
    char& byte = spoilt[bytes.size() * place / (kPlaces + 1)];
    byte = static_cast<char>(byte ^ 0x04);
    damage::Rewrite(Store("store.db"), spoilt);
    const base::Status started = master_->Restart();
    if (!started.ok()) {
      EXPECT_THAT(started.error().message(), HasSubstr("/store"));
      EXPECT_THAT(started.error().message(), HasSubstr("restore a backup"));
      continue;
    }
    const std::set<std::string> listed = Listed();
    for (const std::string& name : names_) {
      if (listed.contains(name)) continue;
      EXPECT_EQ(listed.size() + 1, names_.size());
      EXPECT_THAT(master_->Log(), HasSubstr("configmaps/default/" + name));
      EXPECT_EQ(Ask("POST", kMaps, R"({"metadata":{"name":")" + name + R"("}})").code, 201);
      EXPECT_EQ(Listed(), names_);
    }
  }
}

// What is left of a commit that was cut off is no commit; the index is made anew.
TEST_F(DamagedMaster, WhatASqliteFileHasBesideItHarmsNothing) {
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    Restore();
    for (const char* name : {"store.db-wal", "store.db-shm"}) {
      ASSERT_TRUE(os::RemoveTree(Store(name)).ok());
      ASSERT_TRUE(os::WriteFileAtomic(Store(name), std::string(70'000, 'w'), 0600).ok());
      damage.spoil(Store(name));
    }
    const base::Status started = master_->Restart();
    ASSERT_TRUE(started.ok()) << started.error().message();
    EXPECT_EQ(Listed(), names_);
    if (HasFailure()) return;
  }
}

// What was answered by a process that was killed is in the log alone, and SQLite would take the log
// up to the damage for all of it.
TEST_F(DamagedMaster, ALogThatIsSpoiltAfterAKillIsNoClusterOfYesterday) {
  Restore();
  ASSERT_TRUE(master_->Restart().ok()) << master_->Log();
  for (int i = 0; i < 20; ++i) {
    const std::string name = "late-" + std::to_string(i);
    const auto made = Ask("POST", kMaps, R"({"metadata":{"name":")" + name + R"("}})");
    ASSERT_EQ(made.code, 201) << made.body;
    names_.insert(name);
  }
  master_->Kill();
  const std::string killed = dir_.path() + "/killed";
  Copy(master_->state_dir(), killed);
  const std::string log = damage::BytesOf(killed + "/store/store.db-wal");
  constexpr size_t kHeader = 32, kFrame = 24 + 4096;
  ASSERT_GT(log.size(), kHeader + 20 * kFrame);
  const auto as_killed = [&] {
    master_->Kill();
    Copy(killed, master_->state_dir());
  };
  const auto flip = [&](size_t at) {
    std::string spoilt = log;
    spoilt[at] = static_cast<char>(spoilt[at] ^ 0x04);
    damage::Rewrite(Store("store.db-wal"), spoilt);
  };
  const auto refused = [&] {
    ExpectRefused(Store("store.db-wal"));
    EXPECT_THAT(master_->Log(), HasSubstr("restore a backup"));
  };
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    as_killed();
    damage.spoil(Store("store.db-wal"));
    refused();
    if (HasFailure()) return;
  }
  for (const size_t at : {size_t{3}, size_t{18}, kHeader + 5, kHeader + 9 * kFrame + 2'000}) {
    SCOPED_TRACE(at);
    as_killed();
    flip(at);
    refused();
    if (HasFailure()) return;
  }
  // The index is made anew by each start; and as it was left all is there.
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    as_killed();
    if (os::Exists(Store("store.db-shm"))) damage.spoil(Store("store.db-shm"));
    const base::Status started = master_->Restart();
    ASSERT_TRUE(started.ok()) << started.error().message();
    EXPECT_EQ(Listed(), names_);
    if (HasFailure()) return;
  }
  // As the sentence says: without the mark it goes on with what can be read.
  as_killed();
  flip(kHeader + 9 * kFrame + 2'000);
  ASSERT_TRUE(os::RemoveFile(Store("store.db-answered")).ok());
  const base::Status started = master_->Restart();
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_GE(Listed().size(), 40u);
}

}  // namespace
}  // namespace keelson::load
