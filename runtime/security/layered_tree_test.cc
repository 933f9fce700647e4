// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/layered_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/security/identity.h"

namespace keelson::security {
namespace {

class Layers : public testing::Test {
 protected:
  std::string Layer(const std::string& name) {
    const std::string path = dir_.path() + "/" + name;
    EXPECT_TRUE(os::MakeDirs(path + "/etc", 0755).ok());
    return path;
  }
  static void Put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(path, text, 0644).ok());
  }
  // Content of /etc/passwd as the stack shows it: the name of its one user, or why not.
  std::string User(const std::vector<std::string>& layers) {
    const auto tree = LayeredTree::Open(layers).value().Find("/etc/passwd");
    if (!tree.ok()) return tree.error().os_errno() == ENOENT ? "absent" : tree.error().message();
    return os::ReadFile("/proc/self/fd/" + std::to_string(tree->get())).value();
  }
  const os::TempDir dir_ = os::TempDir::Create().value();
  const std::string top_ = Layer("top");
  const std::string low_ = Layer("low");
};

TEST_F(Layers, TheTopLayerWinsAndTheLowerShinesThrough) {
  EXPECT_EQ(User({top_, low_}), "absent");
  Put(low_ + "/etc/passwd", "low");
  EXPECT_EQ(User({top_, low_}), "low");
  Put(top_ + "/etc/passwd", "top");
  EXPECT_EQ(User({top_, low_}), "top");
  EXPECT_EQ(User({}), "absent");
}

TEST_F(Layers, WhiteoutsAndOpaqueDirectoriesHide) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for whiteouts";
  Put(low_ + "/etc/passwd", "low");
  ASSERT_EQ(mknod((top_ + "/etc/passwd").c_str(), S_IFCHR | 0600, makedev(0, 0)), 0);
  EXPECT_EQ(User({top_, low_}), "absent");
  ASSERT_EQ(unlink((top_ + "/etc/passwd").c_str()), 0);
  if (setxattr((top_ + "/etc").c_str(), "trusted.overlay.opaque", "y", 1, 0) != 0)
    GTEST_SKIP() << "this file system has no trusted attributes";
  EXPECT_EQ(User({top_, low_}), "absent");
  Put(top_ + "/etc/passwd", "top");
  EXPECT_EQ(User({top_, low_}), "top");
}

TEST_F(Layers, AFileHidesADirectoryBelowAndTheOtherWayRound) {
  Put(low_ + "/etc/passwd", "low");
  ASSERT_EQ(rmdir((top_ + "/etc").c_str()), 0);
  Put(top_ + "/etc", "a file");
  EXPECT_NE(User({top_, low_}).find("Not a directory"), std::string::npos);
  EXPECT_TRUE(IdentityFiles::ReadFromLayers({top_, low_}).ok()) << "no /etc is no users";
}

TEST_F(Layers, SymlinksCrossLayersAndNeverLeave) {
  Put(dir_.path() + "/secret", "evil");
  Put(low_ + "/real", "real");
  for (const char* target :
       {"/real", "../real", "../../../../../../real", "../etc/../real", "/etc/hop"}) {
    (void)unlink((top_ + "/etc/passwd").c_str());
    (void)unlink((low_ + "/etc/hop").c_str());
    ASSERT_EQ(symlink(target, (top_ + "/etc/passwd").c_str()), 0);
    ASSERT_EQ(symlink("../real", (low_ + "/etc/hop").c_str()), 0);
    EXPECT_EQ(User({top_, low_}), "real") << target;
  }
  for (const std::string& target :
       {std::string("../../secret"), dir_.path() + "/secret", std::string("/proc/self/environ")}) {
    ASSERT_EQ(unlink((top_ + "/etc/passwd").c_str()), 0);
    ASSERT_EQ(symlink(target.c_str(), (top_ + "/etc/passwd").c_str()), 0);
    EXPECT_EQ(User({top_, low_}), "absent") << target;
  }
  ASSERT_EQ(unlink((top_ + "/etc/passwd").c_str()), 0);
  ASSERT_EQ(symlink("passwd", (top_ + "/etc/passwd").c_str()), 0);
  EXPECT_NE(User({top_, low_}).find("symbolic links"), std::string::npos);
}

TEST_F(Layers, UsersComeFromTheStack) {
  Put(low_ + "/etc/passwd", "web:x:7:8::/:\n");
  Put(top_ + "/etc/group", "web:x:9:\n");
  const auto files = IdentityFiles::ReadFromLayers({top_, low_});
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->FindUser("web")->uid, 7u);
  EXPECT_EQ(files->FindGroup("web")->gid, 9u);
  EXPECT_FALSE(IdentityFiles::ReadFromLayers({"/does/not/exist"}).ok());
}

}  // namespace
}  // namespace keelson::security
