// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/node_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::node_api {
namespace {

using testing::HasSubstr;

class Gathered final : public http::BodyWriter {
 public:
  bool Write(std::string_view piece) override {
    text += piece;
    return true;
  }
  bool Wait(std::chrono::milliseconds) override { return true; }
  std::string text;
};

class NodeLogTest : public testing::Test {
 protected:
  NodeLogTest() {
    EXPECT_TRUE(os::MakeDirs(logs_ + "/pods/<a>", 0755).ok());
    EXPECT_TRUE(os::WriteFileAtomic(logs_ + "/system.log", std::string(200'000, 'x'), 0644).ok());
    EXPECT_TRUE(os::WriteFileAtomic(dir_.path() + "/secret", "secret", 0644).ok());
  }
  std::pair<int, std::string> Ask(const std::string& path) const {
    http::Response response = NodeLog(logs_, path);
    if (!response.stream) return {response.status, response.body};
    Gathered gathered;
    response.stream(gathered);
    return {response.status, gathered.text};
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-node-logs").value();
  const std::string logs_ = dir_.path() + "/log";
};

TEST_F(NodeLogTest, FilesAndFoldersAreShown) {
  EXPECT_EQ(Ask("/system.log").second, std::string(200'000, 'x'));
  EXPECT_THAT(Ask("/").second, HasSubstr("<a href=\"./system.log\">system.log</a>\n"));
  EXPECT_THAT(Ask("/pods/").second, HasSubstr("<a href=\"./%3Ca%3E/\">&lt;a&gt;/</a>\n"));
  const http::Response moved = NodeLog(logs_, "/pods");
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(moved.headers.at(0).second, "pods/");
  EXPECT_EQ(NodeLog(logs_, "").headers.at(0).second, "logs/");
}

TEST_F(NodeLogTest, NothingLeadsOutOfTheFolder) {
  ASSERT_EQ(symlink("../secret", (logs_ + "/up").c_str()), 0);
  ASSERT_EQ(symlink((dir_.path() + "/secret").c_str(), (logs_ + "/away").c_str()), 0);
  ASSERT_EQ(symlink("/proc/self/root", (logs_ + "/root").c_str()), 0);
  ASSERT_EQ(symlink("system.log", (logs_ + "/near").c_str()), 0);
  ASSERT_EQ(mkfifo((logs_ + "/pipe").c_str(), 0644), 0);
  for (const char* path : {"/up", "/away", "/root/etc/passwd", "/../secret", "/pods/../../secret",
                           "/pipe", "/none", "/system.log/"})
    EXPECT_EQ(Ask(path).first, 404) << path;
  EXPECT_EQ(Ask("/near").first, 200);
  EXPECT_EQ(NodeLog(dir_.path() + "/nowhere", "/").status, 404);
}

}  // namespace
}  // namespace keelson::node_api
