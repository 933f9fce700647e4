// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/identity.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::security {
namespace {

using Groups = std::vector<uint32_t>;

IdentityFiles Files() {
  return IdentityFiles::Parse(
             "root:x:0:0:root:/root:/bin/sh\n"
             "1000:x:0:0:a trap:/root:/bin/sh\n"
             "# comment\n\n+::\n"
             "toobig:x:4294967295:0::/:\n"
             "web:x:101:102:web:/var/www:/bin/false\n"
             "web:x:0:0:second:/root:/bin/sh\n"
             "bob:x:1001:1001::/home/bob\n",
             "root:x:0:\n"
             "staff:x:50:bob, web\n"
             "audio:x:29:bob\n"
             "50:x:0:\n"
             "again:x:29:bob\n"
             "broken:x:-1:bob\n"
             "web:x:102:\n")
      .value();
}

struct UserCase {
  const char* text;
  uint32_t uid;
  uint32_t gid;
  Groups groups;
};

TEST(ResolveUserOfImage, EveryFormOfUserAndGroup) {
  const UserCase cases[] = {
      {"", 0, 0, {0}},
      {"0", 0, 0, {0}},
      {"00", 0, 0, {0}},
      {"1", 1, 0, {0}},
      {"1000", 1000, 0, {0}},  // a user named "1000" with uid 0 is never asked
      {"1000:50", 1000, 50, {50}},
      {"web", 101, 102, {102, 50}},  // the first line wins
      {"web:staff", 101, 50, {50}},
      {"101", 101, 102, {102, 50}},
      {"101:0", 101, 0, {0, 50}},
      {"bob", 1001, 1001, {1001, 50, 29}},
      {"bob:audio", 1001, 29, {29, 50}},
      {"1001:1001", 1001, 1001, {1001, 50, 29}},
      {"2147483648", 2147483648u, 0, {0}},
      {"4294967294:4294967294", 4294967294u, 4294967294u, {4294967294u}},
  };
  for (const UserCase& c : cases) {
    SCOPED_TRACE(c.text);
    UserRequest request;
    request.image_user = c.text;
    const auto identity = ResolveUser(request, Files());
    ASSERT_TRUE(identity.ok()) << identity.error().message();
    EXPECT_EQ(identity->uid, c.uid);
    EXPECT_EQ(identity->gid, c.gid);
    EXPECT_EQ(identity->groups, c.groups);
  }
}

TEST(ResolveUserOfImage, WhatIsNotAUserIsRefusedAndNeverRoot) {
  const std::string cases[] = {"4294967295",
                               "4294967296",
                               "18446744073709551616",
                               std::string(100000, '9'),
                               "0x0",
                               " 0",
                               "0 ",
                               "-1",
                               "+0",
                               "-0",
                               ":",
                               ":0",
                               "0:",
                               "web:",
                               "1:2:3",
                               "web:4294967295",
                               "web:-1",
                               "nobody-here",
                               "web:nogroup",
                               "toobig",
                               "a\nb",
                               std::string("0\0", 2),
                               "web\t",
                               "a/b",
                               "root,web",
                               std::string(300, 'a'),
                               "1.0",
                               "1e3",
                               "٠"};
  for (const std::string& text : cases) {
    SCOPED_TRACE(text.substr(0, 60));
    UserRequest request;
    request.image_user = text;
    const auto identity = ResolveUser(request, Files());
    ASSERT_FALSE(identity.ok());
    EXPECT_EQ(identity.error().code(), base::Code::kInvalidArgument);
    EXPECT_LT(identity.error().message().size(), 700u);
  }
}

TEST(ResolveUserOfCri, TheRequestStandsInsteadOfTheImage) {
  UserRequest request;
  request.image_user = "bob:audio";
  request.run_as_user = 0;
  EXPECT_EQ(ResolveUser(request, Files())->uid, 0u);
  EXPECT_EQ(ResolveUser(request, Files())->groups, Groups({0}));
  request.run_as_user = 1001;
  request.run_as_group = 7;
  EXPECT_EQ(ResolveUser(request, Files())->gid, 7u);
  EXPECT_EQ(ResolveUser(request, Files())->groups, Groups({7, 50, 29}));
  request.run_as_user.reset();
  request.run_as_username = "web";
  EXPECT_EQ(ResolveUser(request, Files())->uid, 101u);
  EXPECT_EQ(ResolveUser(request, Files())->gid, 7u);
  request.run_as_username = "1000";
  EXPECT_EQ(ResolveUser(request, Files())->uid, 1000u);
  request.run_as_username = "web:root";
  EXPECT_FALSE(ResolveUser(request, Files()).ok());
  request.run_as_username.clear();
  EXPECT_FALSE(ResolveUser(request, Files()).ok()) << "a group without a user";
  request = {};
  for (const int64_t bad :
       {int64_t{-1}, int64_t{4294967295}, int64_t{4294967296}, INT64_MIN, INT64_MAX}) {
    request.run_as_user = bad;
    EXPECT_EQ(ResolveUser(request, Files()).error().code(), base::Code::kInvalidArgument) << bad;
    UserRequest group;
    group.run_as_user = 1;
    group.run_as_group = bad;
    EXPECT_FALSE(ResolveUser(group, Files()).ok()) << bad;
    UserRequest supplemental;
    supplemental.supplemental_groups = {bad};
    EXPECT_FALSE(ResolveUser(supplemental, Files()).ok()) << bad;
  }
}

TEST(ResolveUserOfCri, SupplementalGroupsFollowThePolicy) {
  UserRequest request;
  request.run_as_user = 1001;
  request.supplemental_groups = {9, 50, 9};
  EXPECT_EQ(ResolveUser(request, Files())->groups, Groups({1001, 9, 50, 29}));
  request.policy = GroupsPolicy::kStrict;
  EXPECT_EQ(ResolveUser(request, Files())->groups, Groups({1001, 9, 50}));
  request.supplemental_groups.clear();
  EXPECT_EQ(ResolveUser(request, Files())->groups, Groups({1001}));
  request.run_as_user = 5555;  // in no file
  request.run_as_group = 6;
  request.policy = GroupsPolicy::kMerge;
  EXPECT_EQ(ResolveUser(request, Files())->groups, Groups({6}));
}

TEST(IdentityFilesBounds, HugeFilesAndLinesAreErrors) {
  EXPECT_EQ(IdentityFiles::Parse(std::string(kMaxIdentityFile + 1, 'a'), "").error().code(),
            base::Code::kResourceExhausted);
  EXPECT_EQ(IdentityFiles::Parse("", std::string(kMaxIdentityLine + 1, 'a')).error().code(),
            base::Code::kResourceExhausted);
  std::string many;
  while (many.size() < kMaxIdentityFile - 64)
    many += "g" + std::to_string(many.size()) + ":x:" + std::to_string(many.size()) + ":bob\n";
  UserRequest request;
  request.image_user = "bob";
  const auto identity = ResolveUser(request, IdentityFiles::Parse("bob:x:1:1::/:", many).value());
  ASSERT_TRUE(identity.ok());
  EXPECT_LE(identity->groups.size(), kMaxGroups);
}

class ImageTree : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(os::MakeDirs(dir_.path() + "/root/etc", 0755).ok()); }
  base::Result<IdentityFiles> Read() const {
    return IdentityFiles::ReadFrom(os::RootedDir::Open(dir_.path() + "/root").value());
  }
  const os::TempDir dir_ = os::TempDir::Create().value();
  const std::string passwd_ = dir_.path() + "/root/etc/passwd";
};

TEST_F(ImageTree, AbsentFilesAreEmpty) {
  const auto files = Read();
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->FindUser(0u), nullptr);
}

TEST_F(ImageTree, ASparseGiantAPipeAndADirectoryAreRefused) {
  ASSERT_TRUE(os::WriteFileAtomic(passwd_, "", 0644).ok());
  ASSERT_EQ(truncate(passwd_.c_str(), 10ll << 30), 0);
  EXPECT_EQ(Read().error().code(), base::Code::kResourceExhausted);
  unlink(passwd_.c_str());
  ASSERT_EQ(mkfifo(passwd_.c_str(), 0600), 0);
  EXPECT_FALSE(Read().ok());
  unlink(passwd_.c_str());
  ASSERT_EQ(mkdir(passwd_.c_str(), 0700), 0);
  EXPECT_FALSE(Read().ok());
}

TEST_F(ImageTree, ASymlinkStaysInsideTheImage) {
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/secret", "evil:x:7:7::/:\n", 0644).ok());
  ASSERT_EQ(symlink("../../secret", passwd_.c_str()), 0);
  EXPECT_TRUE(!Read().ok() || Read()->FindUser("evil") == nullptr);
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/root/secret", "inside:x:8:8::/in:\n", 0644).ok());
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(Read()->FindUser("inside")->uid, 8u);
}

TEST(Home, ComesFromTheImageWhenItIsPlain) {
  const IdentityFiles files =
      IdentityFiles::Parse("a:x:1:1::/home/a:\nb:x:2:2::evil\x01:\nc:x:3:3::rel:\n", "").value();
  EXPECT_EQ(HomeOf({1, 1, {}}, files), "/home/a");
  EXPECT_EQ(HomeOf({2, 2, {}}, files), "/");
  EXPECT_EQ(HomeOf({3, 3, {}}, files), "/");
  EXPECT_EQ(HomeOf({0, 0, {}}, files), "/root");
  EXPECT_EQ(HomeOf({9, 9, {}}, files), "/");
}

}  // namespace
}  // namespace keelson::security
