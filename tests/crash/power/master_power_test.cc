// SPDX-License-Identifier: Apache-2.0
// keelson-master behind its API, its whole state folder (store, keys, certificates) on a disk that
// loses what was not made durable, cut at every write of its first start, of some fifty requests,
// and of a start with new certificates and one after a kill in between. After each cut it starts by
// itself: each durable write that was answered is there whole, all is as it was after one of the
// requests, revisions go on above every one that was told, the authority is the one that was first
// told, its certificates and tokens are good. Before anything was answered it is a first start.
// KEELSON_POWER_CUTS=N: at most so many cuts a file system, evenly spread; "all".
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <optional>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "tests/crash/power/cuts.h"
#include "tests/crash/power/memory.h"
#include "tests/crash/power/power_disk.h"
#include "tests/load/master_process.h"
#include "tests/load/nodes.h"

namespace keelson::power_test {
namespace {

using load::Answer;
using load::Client;
using load::Connection;
using load::Identity;
using load::MasterProcess;

constexpr int kRequests = 52;
constexpr char kCore[] = "/api/v1/namespaces/default/";

struct Kind {
  const char* name;
  const char* list;
  bool durable;
};
constexpr Kind kKinds[] = {
    {"configmaps", "/api/v1/namespaces/default/configmaps", true},
    {"secrets", "/api/v1/namespaces/default/secrets", true},
    {"pods", "/api/v1/namespaces/default/pods", true},
    {"leases", "/apis/coordination.k8s.io/v1/namespaces/default/leases", false},
};

using Contents = std::map<std::string, std::string>;  // "secrets/k-1" → what it holds

struct Done {
  size_t begun = 0, ended = 0;  // positions
  bool durable = false;
  std::string key;
  int64_t revision = 0;  // of what was written; 0: it was deleted
  Contents after;
};
template <typename What>
struct Told {
  size_t position = 0;
  What what;
};

int64_t RevisionOf(const json::Value& object) {
  const std::string& text = object.At({"metadata", "resourceVersion"}).AsString();
  return static_cast<int64_t>(base::ParseUint64(text).value_or(0));
}
std::string ContentOf(const Kind& kind, const json::Value& object) {
  const std::string_view name = kind.name;
  if (name == "leases") return object.At({"spec", "holderIdentity"}).AsString();
  if (name == "pods") return object.At({"metadata", "annotations", "k"}).AsString();
  return object.At({"data", "k"}).AsString();
}
std::string BodyOf(const Kind& kind, const std::string& name, const std::string& content) {
  const std::string_view what = kind.name;
  if (what == "leases")
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"holderIdentity":")" + content +
           R"("}})";
  if (what == "pods")
    return R"({"metadata":{"name":")" + name + R"(","annotations":{"k":")" + content +
           R"("}},"spec":{"containers":[{"name":"c","image":"i"}]}})";
  return R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" + content + R"("}})";
}

class MasterPower : public testing::TestWithParam<FileSystem> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    MountMemory(dir_.path(), "size=1500m");
  }
  void TearDown() override {
    if (master_ && HasFailure()) std::fprintf(stderr, "%s", master_->Log().c_str());
    master_.reset();
    (void)umount2(dir_.path().c_str(), MNT_DETACH);
  }
  std::string folder() const { return dir_.path() + "/master"; }
  std::string Pki(const std::string& name) const { return folder() + "/state/pki/" + name; }

  static Answer AskAs(const Client& client, const std::string& method, const std::string& path,
                      const std::string& body = "", const std::string& type = "application/json",
                      const std::string& headers = "") {
    auto connection = Connection::Open(client);
    EXPECT_TRUE(connection.ok()) << connection.error().message();
    if (!connection.ok()) return {};
    auto answer = connection->Ask(method, path, body, type, headers);
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    return std::move(answer).ValueOr({});
  }
  Answer Ask(const std::string& method, const std::string& path, const std::string& body = "",
             const std::string& type = "application/json") {
    return AskAs(*master_->client(), method, path, body, type);
  }

  // --- while the disk is recorded
  // The i-th changes one object: made, replaced, or deleted now and then.
  void Request(int i) {
    const Kind& kind = kKinds[i % 4];
    const std::string name = "k-" + std::to_string(i * 7 / 4 % 4), path = kind.list + ("/" + name);
    const std::string key = std::string(kind.name) + "/" + name;
    std::string content = std::to_string(i) + std::string(static_cast<size_t>(i * 211 % 6000), 'x');
    if (kind.name == std::string("secrets")) content = base::Base64Encode(content);
    Done done{.begun = disk_->Position(), .durable = kind.durable, .key = key};
    Answer answer;
    if (!contents_.contains(key)) {
      answer = Ask("POST", kind.list, BodyOf(kind, name, content));
      contents_[key] = content;
    } else if (i % 5 == 4) {
      answer = Ask("DELETE", path, R"({"gracePeriodSeconds":0})");
      contents_.erase(key);
    } else if (kind.name == std::string("pods")) {
      answer = Ask("PATCH", path, R"({"metadata":{"annotations":{"k":")" + content + R"("}}})",
                   "application/merge-patch+json");
      contents_[key] = content;
    } else if (!kind.durable) {
      answer = Ask("PATCH", path, R"({"spec":{"holderIdentity":")" + content + R"("}})",
                   "application/merge-patch+json");
      contents_[key] = content;
    } else {
      answer = Ask("PUT", path, BodyOf(kind, name, content));
      contents_[key] = content;
    }
    ASSERT_TRUE(answer.code == 200 || answer.code == 201) << answer.code << " " << answer.body;
    if (contents_.contains(key)) done.revision = RevisionOf(json::ParseJson(answer.body).value());
    done.ended = disk_->Position();
    done.after = contents_;
    done_.push_back(std::move(done));
  }
  void RequestToken(const std::string& account) {
    const auto answer =
        Ask("POST", std::string(kCore) + "serviceaccounts/" + account + "/token",
            R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})");
    ASSERT_EQ(answer.code, 201) << answer.body;
    const std::string token =
        json::ParseJson(answer.body).value().At({"status", "token"}).AsString();
    tokens_.push_back({disk_->Position(), token});
  }
  void LearnIdentity() {
    identities_.push_back({disk_->Position(), load::ReadKubeconfig(master_->kubeconfig()).value()});
  }
  void Record() {
    begin_ = disk_->Position();
    auto master = MasterProcess::Start({.dir = folder()});
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(std::move(*master));
    LearnIdentity();
    authority_ = {disk_->Position(), os::ReadFile(Pki("ca.key")).value()};
    ASSERT_TRUE(load::WaitForAccount(*master_->client()).ok());
    for (int i = 0; i < kRequests; ++i) {
      Request(i);
      if (HasFatalFailure()) return;
      if (i == 10) RequestToken("default");
      if (i == 17) {
        // Their time has come: others are made.
        ASSERT_EQ(master_->Stop().value(), 0);
        for (const char* name : {"admin.crt", "apiserver.crt"})
          ASSERT_TRUE(os::RemoveFile(Pki(name)).ok());
        ASSERT_TRUE(master_->Restart().ok());
        LearnIdentity();
      }
      if (i == 25) {
        const auto made = Ask("POST", std::string(kCore) + "serviceaccounts",
                              R"({"metadata":{"name":"worker"}})");
        ASSERT_EQ(made.code, 201) << made.body;
        RequestToken("worker");
      }
      if (i == 37) {
        master_->Kill();
        ASSERT_TRUE(master_->Restart().ok());
      }
    }
    end_ = disk_->Position();
    master_->Kill();
  }

  // --- after a cut
  void Start(size_t position) {
    base::Status started = master_->Restart();
    if (!started.ok() && position < authority_.position) {
      // Nobody was told anything yet: whoever starts it anew has a cluster.
      ++refused_;
      started = master_->Restart();
    }
    ASSERT_TRUE(started.ok()) << started.error().message();
  }
  // By key; the highest revision into `highest`.
  Contents Listed(size_t position, int64_t& highest) {
    std::map<int64_t, const Done*> given;
    for (const Done& done : done_) {
      if (done.ended <= position && done.revision > 0) given[done.revision] = &done;
    }
    Contents found;
    for (const Kind& kind : kKinds) {
      const auto list = json::ParseJson(Ask("GET", kind.list).body);
      EXPECT_TRUE(list.ok()) << kind.name;
      if (!list.ok()) continue;
      highest = std::max(highest, RevisionOf(*list));
      for (const json::Value& item : list->At({"items"}).items()) {
        const std::string& name = item.At({"metadata", "name"}).AsString();
        if (!name.starts_with("k-")) continue;  // the control plane's own
        const std::string key = std::string(kind.name) + "/" + name;
        found[key] = ContentOf(kind, item);
        const auto one = given.find(RevisionOf(item));
        if (one == given.end()) continue;
        EXPECT_EQ(one->second->key, key) << "a revision is given out twice: " << one->first;
        EXPECT_EQ(one->second->after.at(key), found[key]) << key << " at " << one->first;
      }
    }
    return found;
  }
  void CheckContents(size_t position) {
    size_t least = 0, begun = 0;  // how many requests
    int64_t told = 0, highest = 0;
    for (size_t i = 0; i < done_.size(); ++i) {
      if (done_[i].begun < position) begun = i + 1;
      if (done_[i].ended > position) continue;
      if (done_[i].durable) least = i + 1;
      told = std::max(told, done_[i].revision);
    }
    const Contents found = Listed(position, highest);
    bool is_one = false;
    for (size_t count = least; count <= begun && !is_one; ++count)
      is_one = found == (count == 0 ? Contents() : done_[count - 1].after);
    EXPECT_TRUE(is_one) << "not what it held after " << least << " to " << begun << " requests";
    EXPECT_GE(highest, told) << "a list says that it is older than what was told";
    const Answer more =
        Ask("POST", std::string(kCore) + "configmaps", R"({"metadata":{"name":"more"}})");
    ASSERT_EQ(more.code, 201) << more.body;
    EXPECT_GT(RevisionOf(json::ParseJson(more.body).value()), std::max(told, highest))
        << "a revision is given out twice";
  }
  void CheckClients(size_t position) {
    if (authority_.position <= position) {
      EXPECT_EQ(os::ReadFile(Pki("ca.key")).ValueOr(""), authority_.what) << "another authority";
    }
    const int port = master_->client()->port();
    for (const Told<Identity>& one : identities_) {
      if (one.position > position) continue;
      const auto client = Client::Make(one.what, port);
      ASSERT_TRUE(client.ok()) << client.error().message();
      EXPECT_EQ(AskAs(*client, "GET", kKinds[0].list).code, 200) << "of " << one.position;
    }
    for (const Told<std::string>& one : tokens_) {
      if (one.position > position) continue;
      const auto client = Client::Make({identities_[0].what.authority, "", ""}, port);
      // 403: known, and may not; 401: nobody.
      EXPECT_EQ(AskAs(*client, "GET", kKinds[0].list, "", "application/json",
                      "Authorization: Bearer " + one.what + "\r\n")
                    .code,
                403)
          << "the token of " << one.position;
    }
    for (const os::DirEntry& entry : os::ListDir(Pki("")).value())
      EXPECT_EQ(entry.name.find(".new-"), std::string::npos) << entry.name << " stays for ever";
  }
  void Check(size_t position, const std::string& image, bool whole) {
    auto mounted = LoopMount::Mount(GetParam(), image, master_->state_dir());
    ASSERT_TRUE(mounted.ok()) << mounted.error().message();
    Start(position);
    if (HasFatalFailure()) return;
    CheckContents(position);
    CheckClients(position);
    if (whole) {
      int64_t highest = 0;
      const Contents found = Listed(position, highest);
      ASSERT_EQ(master_->Stop().value(), 0);
      const base::Status again = master_->Restart();
      ASSERT_TRUE(again.ok()) << again.error().message();
      EXPECT_EQ(Listed(position, highest), found);
    }
    master_->Kill();
    const base::Status gone = mounted->Unmount();
    ASSERT_TRUE(gone.ok()) << gone.error().message();
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-master-power");
  std::unique_ptr<RecordedDisk> disk_;
  std::optional<MasterProcess> master_;
  Contents contents_;
  std::vector<Done> done_;
  std::vector<Told<Identity>> identities_;
  std::vector<Told<std::string>> tokens_;
  Told<std::string> authority_;
  size_t begin_ = 0, end_ = 0;
  int refused_ = 0;
};

TEST_P(MasterPower, ACutAtAnyWriteLosesNothingThatWasAnswered) {
  auto disk = RecordedDisk::Make(GetParam(), dir_.path() + "/disk", folder() + "/state");
  ASSERT_TRUE(disk.ok()) << disk.error().message();
  disk_ = std::move(*disk);
  Record();
  ASSERT_FALSE(HasFailure());
  ASSERT_TRUE(disk_->Unmount().ok());
  size_t cuts = 0;
  const size_t usual = GetParam() == FileSystem::kExt4 ? 40 : 15;
  ForEachCut(
      *disk_, begin_, end_, dir_.path(), usual,
      [&](size_t position, const std::string& image) { Check(position, image, cuts++ % 8 == 0); });
  std::printf(
      "%s: %zu writes and flushes (%zu until the first start was over) of %zu requests, "
      "%zu cuts, %d first starts refused and mended by the next\n",
      NameOf(GetParam()), end_ - begin_, authority_.position - begin_, done_.size(), cuts,
      refused_);
}

INSTANTIATE_TEST_SUITE_P(On, MasterPower, testing::Values(FileSystem::kExt4, FileSystem::kXfs),
                         [](const auto& file_system) { return NameOf(file_system.param); });

}  // namespace
}  // namespace keelson::power_test
