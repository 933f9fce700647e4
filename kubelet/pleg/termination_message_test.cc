// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pleg/termination_message.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubelet/pod/names.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::pleg {
namespace {

class LastWords : public testing::Test {
 protected:
  LastWords() {
    status_.set_exit_code(1);
    status_.set_log_path(log_);
    (*status_.mutable_annotations())[pod::kTerminationMessagePath] = "/dev/termination-log";
    (*status_.mutable_annotations())[pod::kTerminationMessagePolicy] = "File";
    cri::Mount& other = *status_.add_mounts();
    other.set_container_path("/dev");
    other.set_host_path(dir_.path());
    cri::Mount& mount = *status_.add_mounts();
    mount.set_container_path("/dev/termination-log");
    mount.set_host_path(file_);
  }
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(path, text, 0644).ok());
  }
  // A log of those lines, alternating between streams.
  void WriteLog(const std::vector<std::string>& lines) {
    std::string text;
    for (size_t i = 0; i < lines.size(); ++i)
      text += std::string("2026-01-02T03:04:05.123456789Z ") + (i % 2 == 0 ? "stdout" : "stderr") +
              " F " + lines[i] + "\n";
    Write(log_, text);
  }
  void FallBack() {
    (*status_.mutable_annotations())[pod::kTerminationMessagePolicy] = "FallbackToLogsOnError";
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-words").value();
  const std::string file_ = dir_.path() + "/message", log_ = dir_.path() + "/0.log";
  cri::ContainerStatus status_;
};

TEST_F(LastWords, AreWhatTheContainerWroteIntoItsFile) {
  Write(file_, "out of coffee\n");
  EXPECT_EQ(TerminationMessage(status_), "out of coffee\n");
  status_.set_message("the runtime's own");
  EXPECT_EQ(TerminationMessage(status_), "the runtime's own: out of coffee\n");
  Write(file_, "");
  EXPECT_EQ(TerminationMessage(status_), "the runtime's own");
  ASSERT_TRUE(os::RemoveFile(file_).ok());
  EXPECT_EQ(TerminationMessage(status_), "the runtime's own");
}

TEST_F(LastWords, AreTheEndOfALongFile) {
  Write(file_, std::string(5000, 'a') + std::string(4095, 'b') + "c");
  EXPECT_EQ(TerminationMessage(status_), std::string(4095, 'b') + "c");
  Write(file_, std::string(4096, 'd'));
  EXPECT_EQ(TerminationMessage(status_), std::string(4096, 'd'));
}

TEST_F(LastWords, AreReadThroughNoLinkAndFromNoDevice) {
  Write(dir_.path() + "/secret", "secret");
  ASSERT_EQ(symlink("secret", file_.c_str()), 0);
  EXPECT_EQ(TerminationMessage(status_), "");
  ASSERT_EQ(unlink(file_.c_str()), 0);
  ASSERT_EQ(mkfifo(file_.c_str(), 0666), 0);  // would block whoever opens it
  EXPECT_EQ(TerminationMessage(status_), "");
  ASSERT_EQ(unlink(file_.c_str()), 0);
  ASSERT_EQ(mkdir(file_.c_str(), 0755), 0);
  EXPECT_EQ(TerminationMessage(status_), "");
}

TEST_F(LastWords, AreTheEndOfTheLogWhereThePodAsksForIt) {
  WriteLog({"one", "two  words", ""});
  EXPECT_EQ(TerminationMessage(status_), "");
  FallBack();
  EXPECT_EQ(TerminationMessage(status_), "one\ntwo  words\n\n");
  status_.set_exit_code(0);
  EXPECT_EQ(TerminationMessage(status_), "");
  status_.set_exit_code(1);
  Write(file_, "the file comes first");
  EXPECT_EQ(TerminationMessage(status_), "the file comes first");
  ASSERT_TRUE(os::RemoveFile(log_).ok());
  Write(file_, "");
  EXPECT_EQ(TerminationMessage(status_), "");
}

TEST_F(LastWords, AreEightyLinesAtMost) {
  FallBack();
  std::vector<std::string> lines;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    lines.push_back("line " + std::to_string(i));
    if (i >= 2920) expected += lines.back() + "\n";
  }
  WriteLog(lines);
  EXPECT_EQ(TerminationMessage(status_), expected);
}

TEST_F(LastWords, AreTwoKilobytesOfTheLogAtMost) {
  FallBack();
  WriteLog({std::string(3000, 'a'), std::string(1000, 'b'), std::string(1100, 'c')});
  EXPECT_EQ(TerminationMessage(status_),
            std::string(2048 - 1 - 1100 - 1, 'b') + "\n" + std::string(1100, 'c') + "\n");
  // One long line, and one that was written in pieces.
  WriteLog({"short", std::string(16000, 'd')});
  EXPECT_EQ(TerminationMessage(status_), std::string(2047, 'd') + "\n");
  Write(log_, "2026-01-02T03:04:05.1Z stdout P " + std::string(16384, 'e') +
                  "\n2026-01-02T03:04:05.1Z stdout P fff\n2026-01-02T03:04:05.1Z stdout F ggg\n");
  EXPECT_EQ(TerminationMessage(status_), std::string(2048 - 7, 'e') + "fffggg\n");
}

TEST_F(LastWords, SkipWhatIsNoLogLine) {
  Write(log_, "\n \n  \nx\nx y\nx y F\nx y F \nx y F z\nx y F cut");
  EXPECT_EQ(LogTail(log_, 80, 2048), "\nz\ncut\n");
  EXPECT_EQ(LogTail(log_, 2, 2048), "z\ncut\n");
  EXPECT_EQ(LogTail(log_, 80, 5), "\ncut\n");
  EXPECT_EQ(LogTail(dir_.path(), 80, 2048), "");
  EXPECT_EQ(LogTail(dir_.path() + "/none", 80, 2048), "");
}

}  // namespace
}  // namespace keelson::pleg
