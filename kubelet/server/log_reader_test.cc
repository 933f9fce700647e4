// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/log_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::server {
namespace {

using std::chrono::milliseconds;

std::string Line(const std::string& text) { return "2026-01-02T03:04:05Z stdout F " + text + "\n"; }

// What a client has received so far.
class Received final : public http::BodyWriter {
 public:
  bool Write(std::string_view piece) override {
    const std::lock_guard lock(mutex_);
    text_ += piece;
    changed_.notify_all();
    return !gone_;
  }
  bool Wait(milliseconds time) override {
    std::unique_lock lock(mutex_);
    ++waits_;
    changed_.notify_all();
    return !changed_.wait_for(lock, time, [this] { return gone_; });
  }
  bool Until(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return text_ == text; });
  }
  // So many polls more have begun: everything that was there before has been seen.
  bool UntilPolls(int more) {
    std::unique_lock lock(mutex_);
    const int target = waits_ + more;
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return waits_ >= target; });
  }
  void Go() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  int waits_ = 0;
  bool gone_ = false;
};

class LogReaderTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(os::MakeDirs(directory_.path() + "/pod/main", 0755).ok()); }
  void TearDown() override {
    received_.Go();
    if (reader_.joinable()) reader_.join();
  }
  void Append(const std::string& text) const {
    const os::UniqueFd file = os::Open(path_, O_WRONLY | O_CREAT | O_APPEND, 0640).value();
    ASSERT_TRUE(os::WriteAll(file.get(), text).ok());
  }
  void Rotate() const { ASSERT_EQ(rename(path_.c_str(), (path_ + ".20260102-030405").c_str()), 0); }
  base::Result<NodeView::LogFile> Look() {
    const std::lock_guard lock(mutex_);
    if (before_next_look_) std::exchange(before_next_look_, nullptr)();
    return look_;
  }
  // `before` happens on the reader's thread, right before it is told of that.
  void SetLook(base::Result<NodeView::LogFile> look, std::function<void()> before = nullptr) {
    const std::lock_guard lock(mutex_);
    look_ = std::move(look);
    before_next_look_ = std::move(before);
  }
  void Follow(LogOptions options = {}) {
    options.follow = true;
    base::Result<os::UniqueFd> file = OpenLog(path_);
    auto fd = std::make_shared<os::UniqueFd>(file.ok() ? std::move(file).value() : os::UniqueFd());
    reader_ = std::thread([this, options, fd] {
      SendLog(
          std::move(*fd), path_, options, [this] { return Look(); }, received_, milliseconds(5));
    });
  }
  std::string Once(const LogOptions& options) {
    Received received;
    SendLog(OpenLog(path_).value(), path_, options, [this] { return Look(); }, received);
    return received.text();
  }

  os::TempDir directory_ = os::TempDir::Create("log").value();
  const std::string path_ = directory_.path() + "/pod/main/0.log";
  std::mutex mutex_;
  base::Result<NodeView::LogFile> look_ = NodeView::LogFile{path_, true};
  std::function<void()> before_next_look_;  // guarded by mutex_
  Received received_;
  std::thread reader_;
};

TEST_F(LogReaderTest, SendsWhatIsThereOnce) {
  Append(Line("a") + Line("b") + Line("c"));
  EXPECT_EQ(Once({}), "a\nb\nc\n");
  EXPECT_EQ(Once({.tail_lines = 2}), "b\nc\n");
  EXPECT_EQ(Once({.tail_lines = 0}), "");
  EXPECT_EQ(Once({.limit_bytes = 3}), "a\nb");
}

TEST_F(LogReaderTest, FollowsUntilTheContainerHasEndedAndAllIsRead) {
  Append(Line("a"));
  Follow();
  ASSERT_TRUE(received_.Until("a\n"));
  Append(Line("b"));
  ASSERT_TRUE(received_.Until("a\nb\n"));
  SetLook(NodeView::LogFile{path_, false}, [this] { Append(Line("last words")); });
  reader_.join();
  EXPECT_EQ(received_.text(), "a\nb\nlast words\n");
}

TEST_F(LogReaderTest, EndsWhenTheContainerRunsAgainOrThePodIsGone) {
  Append(Line("a"));
  SetLook(NodeView::LogFile{directory_.path() + "/pod/main/1.log", true});
  Follow();
  reader_.join();
  SetLook(base::NotFound("pod \"web\" does not exist"));
  Follow();
  reader_.join();
  EXPECT_EQ(received_.text(), "a\na\n");
}

TEST_F(LogReaderTest, FollowsTheTailOnly) {
  Append(Line("a") + Line("b"));
  Follow({.tail_lines = 1});
  ASSERT_TRUE(received_.Until("b\n"));
  Append(Line("c"));
  EXPECT_TRUE(received_.Until("b\nc\n"));
}

TEST_F(LogReaderTest, LosesNothingWhenTheFileIsRotated) {
  Append(Line("a"));
  Follow();
  ASSERT_TRUE(received_.Until("a\n"));
  // The writer keeps the old file until it reopens: what it writes there after the rename counts,
  // too.
  const os::UniqueFd old = os::Open(path_, O_WRONLY | O_APPEND).value();
  Rotate();
  ASSERT_TRUE(os::WriteAll(old.get(), Line("b")).ok());
  ASSERT_TRUE(received_.Until("a\nb\n"));
  ASSERT_TRUE(os::WriteAll(old.get(), "2026-01-02T03:04:05Z stdout P half ").ok());
  Append("2026-01-02T03:04:06Z stdout F line\n" + Line("c"));
  EXPECT_TRUE(received_.Until("a\nb\nhalf line\nc\n"));
  Rotate();
  Append(Line("d"));
  EXPECT_TRUE(received_.Until("a\nb\nhalf line\nc\nd\n"));
}

TEST_F(LogReaderTest, ReadsTheNewFileOfAContainerThatEndedRightAfterRotation) {
  Append(Line("a"));
  Follow();
  ASSERT_TRUE(received_.Until("a\n"));
  Rotate();
  SetLook(NodeView::LogFile{path_, false}, [this] { Append(Line("b")); });
  reader_.join();
  EXPECT_EQ(received_.text(), "a\nb\n");
}

TEST_F(LogReaderTest, WaitsForALogThatIsYetToBeMade) {
  Follow();
  ASSERT_TRUE(received_.UntilPolls(2));
  Append(Line("a"));
  EXPECT_TRUE(received_.Until("a\n"));
}

TEST_F(LogReaderTest, EndsWhenTheClientHasGone) {
  Append(Line("a"));
  Follow();
  ASSERT_TRUE(received_.Until("a\n"));
  received_.Go();
  reader_.join();
}

TEST_F(LogReaderTest, OpensNoSymlinksAndNothingButFiles) {
  ASSERT_TRUE(os::WriteFileAtomic(directory_.path() + "/secret", Line("secret"), 0600).ok());
  ASSERT_EQ(symlink("../../secret", path_.c_str()), 0);
  EXPECT_FALSE(OpenLog(path_).ok());
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(OpenLog(path_).error().code(), base::Code::kFailedPrecondition);
  ASSERT_EQ(symlink("/", (directory_.path() + "/pod/other").c_str()), 0);
  EXPECT_FALSE(OpenLog(directory_.path() + "/pod/other/etc").ok());
  EXPECT_EQ(OpenLog("0.log").error().code(), base::Code::kInvalidArgument);
}

}  // namespace
}  // namespace keelson::server
