// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/backend/backend.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::store {
namespace {

using testing::HasSubstr;

class BackendTest : public testing::Test {
 protected:
  BackendOptions Options(std::string store = "sqlite") {
    return {.store = std::move(store), .state_dir = dir_.path() + "/state"};
  }
  std::string Path(const std::string& name) { return dir_.path() + "/" + name; }
  std::unique_ptr<Store> MustOpen(const BackendOptions& options) {
    auto store = OpenBackend(options, "/registry/", clock_);
    EXPECT_TRUE(store.ok()) << store.error().message();
    return store.ok() ? std::move(*store) : nullptr;
  }
  static std::string ValueOf(Store& store, std::string_view key) {
    const auto found = store.Get(key);
    return found.ok() ? std::string(found->value.view()) : "-";
  }

  os::TempDir dir_ = *os::TempDir::Create("backend");
  const base::SystemClock clock_;
};

TEST_F(BackendTest, WordsThatNameNoStoreAreRefused) {
  for (const char* store : {"sqlit", "etcd://", "etcd://a:1,,b:1", "sqlite:", "ftp://x"}) {
    EXPECT_FALSE(CheckBackend(Options(store)).ok()) << store;
  }
  for (const char* store :
       {"sqlite", "sqlite:/x", "/x", "etcd://a:1", "etcd://a:1,b:2", "https://a:1,https://b:1"}) {
    EXPECT_TRUE(CheckBackend(Options(store)).ok()) << store;
  }
  BackendOptions options = Options();
  options.ca_file = "/ca";
  EXPECT_THAT(CheckBackend(options).error().message(), HasSubstr("for an etcd"));
  options = Options("etcd://a:1");
  options.key_file = "/key";
  EXPECT_THAT(CheckBackend(options).error().message(), HasSubstr("go together"));
}

TEST_F(BackendTest, AFolderOfItsOwn) {
  const auto store = MustOpen(Options("sqlite:" + Path("elsewhere")));
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(os::Exists(Path("elsewhere/store.db")));
}

TEST_F(BackendTest, ABackupOfAStoreInUseIsRestoredAboveItsRevisions) {
  auto store = MustOpen(Options());
  ASSERT_TRUE(store->Commit({{"/registry/a", Bytes::Copy("1"), kAny}}).ok());
  const auto said = BackUp(Options(), Path("backup"), clock_);
  ASSERT_TRUE(said.ok()) << said.error().message();
  EXPECT_THAT(*said, HasSubstr("1 keys"));
  const Revision last = *store->Commit({{"/registry/a", Bytes::Copy("2"), kAny}});

  EXPECT_EQ(Restore(Options(), Path("backup")).error().code(), base::Code::kFailedPrecondition);
  EXPECT_EQ(ValueOf(*store, "/registry/a"), "2");
  store.reset();
  ASSERT_TRUE(Restore(Options(), Path("backup")).ok());
  store = MustOpen(Options());
  EXPECT_EQ(ValueOf(*store, "/registry/a"), "1");
  EXPECT_GT(*store->Commit({{"/registry/a", Bytes::Copy("3"), kAny}}), last);
}

TEST_F(BackendTest, ADamagedBackupChangesNothing) {
  {
    const auto store = MustOpen(Options());
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(store
                      ->Commit({{"/registry/" + std::to_string(i),
                                 Bytes::Copy(std::string(1000, 'x')), kAny}})
                      .ok());
    }
    ASSERT_TRUE(BackUp(Options(), Path("backup"), clock_).ok());
  }
  std::string bytes = *os::ReadFile(Path("backup"));
  bytes[bytes.find(std::string(500, 'x')) + 250] = 'y';
  ASSERT_TRUE(os::WriteFileAtomic(Path("backup"), bytes, 0600).ok());
  EXPECT_EQ(Restore(Options(), Path("backup")).error().code(), base::Code::kDataLoss);
  ASSERT_TRUE(os::WriteFileAtomic(Path("backup"), bytes.substr(0, bytes.size() / 2), 0600).ok());
  EXPECT_EQ(Restore(Options(), Path("backup")).error().code(), base::Code::kDataLoss);
  const auto store = MustOpen(Options());
  EXPECT_EQ(ValueOf(*store, "/registry/99"), std::string(1000, 'x'));
}

}  // namespace
}  // namespace keelson::store
