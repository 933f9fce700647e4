// SPDX-License-Identifier: Apache-2.0
// A disk that fills under keelson-master: writes are refused as upstream's server refuses those
// that an etcd without room does not take, reads and watches go on, what was acknowledged is there
// when it was killed and started again, and with room writes work. A small tmpfs in a mount
// namespace of the test's own.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "tests/load/master_process.h"

namespace keelson::load {
namespace {

constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";

class MasterOnAFullDisk : public testing::Test {
 protected:
  void SetUp() override {
    const std::string state = dir_.path() + "/state";
    ASSERT_TRUE(os::MakeDirs(state, 0700).ok());
    if (::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "unshare: " << std::strerror(errno);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", state.c_str(), "tmpfs", 0, "size=9m") != 0) {
      GTEST_SKIP() << "mount: " << std::strerror(errno);
    }
    mounted_ = true;
    auto master = MasterProcess::Start({.dir = dir_.path()});
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(std::move(*master));
    Connect();
  }
  ~MasterOnAFullDisk() override {
    master_.reset();
    if (mounted_) ::umount2((dir_.path() + "/state").c_str(), MNT_DETACH);
  }
  // To the last page: what is started now has no room for so much as a mark.
  void FillUp() {
    const auto file = os::Open(dir_.path() + "/state/filler", O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_TRUE(file.ok()) << file.error().message();
    while (os::WriteAll(file->get(), std::string(4096, 'x')).ok()) continue;
  }
  void MakeRoom() {
    ASSERT_EQ(::mount(nullptr, (dir_.path() + "/state").c_str(), nullptr, MS_REMOUNT, "size=64m"),
              0);
  }
  void Connect() {
    auto connection = Connection::Open(*master_->client());
    ASSERT_TRUE(connection.ok()) << connection.error().message();
    connection_.emplace(std::move(*connection));
  }
  Answer Write(const std::string& name) {
    auto answer =
        connection_->Ask("POST", kMaps,
                         fmt::format(R"({{"metadata":{{"name":"{}"}},"data":{{"k":"{}"}}}})", name,
                                     std::string(20'000, 'v')));
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    return std::move(answer).ValueOr({});
  }
  std::set<std::string> Listed() {
    std::set<std::string> names;
    auto answer = connection_->Ask("GET", kMaps);
    EXPECT_TRUE(answer.ok());
    const auto list = json::ParseJson(std::move(answer).ValueOr({}).body);
    EXPECT_TRUE(list.ok());
    if (!list.ok()) return names;
    for (const json::Value& item : list->At({"items"}).items()) {
      const std::string& name = item.At({"metadata", "name"}).AsString();
      if (name != "kube-root-ca.crt") names.insert(name);
    }
    return names;
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-master-full");
  bool mounted_ = false;
  std::optional<MasterProcess> master_;
  std::optional<Connection> connection_;
};

TEST_F(MasterOnAFullDisk, RefusesWritesLosesNothingAndRecovers) {
  std::set<std::string> acknowledged;
  int refused = 0;
  for (int i = 0; i < 5'000 && refused < 10; ++i) {
    const std::string name = fmt::format("m-{}", i);
    const Answer answer = Write(name);
    if (answer.code == 201) {
      acknowledged.insert(name);
      continue;
    }
    ++refused;
    EXPECT_EQ(answer.code, 500) << answer.body;
    const auto status = json::ParseJson(answer.body);
    ASSERT_TRUE(status.ok()) << answer.body;
    EXPECT_EQ(status->At({"kind"}).AsString(), "Status");
    EXPECT_NE(answer.body.find("database space exceeded"), std::string::npos) << answer.body;
  }
  ASSERT_EQ(refused, 10);
  ASSERT_GT(acknowledged.size(), 20u);
  EXPECT_EQ(Listed(), acknowledged);

  master_->Kill();
  FillUp();
  const base::Status restarted = master_->Restart();
  ASSERT_TRUE(restarted.ok()) << restarted.error().message();
  Connect();
  EXPECT_EQ(Listed(), acknowledged) << "after a start on the full disk";
  MakeRoom();
  EXPECT_EQ(Write("again").code, 201);
  acknowledged.insert("again");
  master_->Kill();
  const base::Status again = master_->Restart();
  ASSERT_TRUE(again.ok()) << again.error().message();
  Connect();
  EXPECT_EQ(Listed(), acknowledged);
}

TEST_F(MasterOnAFullDisk, WritesWorkAgainWithRoomWithoutARestart) {
  Answer last;
  for (int i = 0; i < 5'000 && last.code != 500; ++i) last = Write(fmt::format("m-{}", i));
  ASSERT_EQ(last.code, 500) << last.body;
  const auto begun = connection_->Begin(std::string(kMaps) +
                                        "?watch=true&fieldSelector=metadata.name%3Dafterwards");
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->code, 200);
  Connection watching = std::move(*connection_);
  Connect();
  MakeRoom();
  EXPECT_EQ(Write("afterwards").code, 201);
  const auto event = watching.ReadLine();
  ASSERT_TRUE(event.ok()) << event.error().message();
  EXPECT_NE(event->find("afterwards"), std::string::npos);
}

}  // namespace
}  // namespace keelson::load
