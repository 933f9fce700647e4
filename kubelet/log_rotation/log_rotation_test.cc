// SPDX-License-Identifier: Apache-2.0
#include "kubelet/log_rotation/log_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::log_rotation {
namespace {

using testing::ElementsAre;

constexpr int64_t kNow = 1'767'323'045'000'000'000;  // 2026-01-02 03:04:05 UTC
constexpr Limits kSmall{.max_bytes = 100, .max_files = 5};

TEST(LogRotationPlan, GoesByNamesAlone) {
  struct Case {
    std::string_view name;
    int64_t size = 100;
    std::vector<std::string> files;
    Limits limits = kSmall;
    std::vector<std::string> remove, compress;
    std::string rename_to = "0.log.20260102-030405";
  };
  const Case cases[] = {
      {.name = "one byte short of the limit",
       .size = 99,
       .files = {"0.log", "0.log.20260101-000000", "0.log.20260101-000000.tmp"},
       .rename_to = ""},
      {.name = "at the limit", .files = {"0.log"}},
      {.name = "no limit",
       .size = int64_t{1} << 40,
       .files = {"0.log"},
       .limits = {.max_bytes = -1},
       .rename_to = ""},
      {.name = "the earlier one is compressed",
       .files = {"0.log.20260102-020000", "0.log"},
       .compress = {"0.log.20260102-020000"}},
      {.name = "five in all",
       .files = {"0.log", "0.log.20260102-010000.gz", "0.log.20251230-000000.gz",
                 "0.log.20260102-020000", "0.log.20260101-000000.gz"},
       .remove = {"0.log.20251230-000000.gz"},
       .compress = {"0.log.20260102-020000"}},
      {.name = "what goes is not compressed first",
       .files = {"0.log", "0.log.20260101-000000", "0.log.20260102-000000"},
       .limits = {.max_bytes = 100, .max_files = 3},
       .remove = {"0.log.20260101-000000"},
       .compress = {"0.log.20260102-000000"}},
      {.name = "two files: none but the present and the last",
       .files = {"0.log", "0.log.20260101-000000.gz", "0.log.20260102-000000"},
       .limits = {.max_bytes = 100, .max_files = 2},
       .remove = {"0.log.20260101-000000.gz", "0.log.20260102-000000"}},
      {.name = "fewer than two files is two",
       .files = {"0.log", "0.log.20260102-000000"},
       .limits = {.max_bytes = 100, .max_files = 0},
       .remove = {"0.log.20260102-000000"}},
      {.name = "what an interrupted compression left",
       .files = {"0.log", "0.log.20260101-000000", "0.log.20260101-000000.tmp",
                 "0.log.20260101-120000", "0.log.20260101-120000.gz"},
       .remove = {"0.log.20260101-000000.tmp", "0.log.20260101-120000"},
       .compress = {"0.log.20260101-000000"}},
      {.name = "other attempts' and other people's files stay",
       .files = {"0.log", "1.log", "1.log.20260101-000000", "0.log.old", "0.log.20261301-000000",
                 "0.log.20260101-000000.zst", "0.log.20260101-00000x", "0.log.",
                 "10.log.20260101-000000.tmp", "0.log.20260101-000000.gz.gz"}},
      {.name = "twice in one second",
       .files = {"0.log", "0.log.20260102-030405"},
       .compress = {"0.log.20260102-030405"},
       .rename_to = "0.log.20260102-030406"},
      {.name = "the clock went back: still the newest by name",
       .files = {"0.log", "0.log.20260228-235959.gz"},
       .rename_to = "0.log.20260301-000000"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Plan plan = PlanRotation("0.log", c.size, c.files, kNow, c.limits);
    EXPECT_EQ(plan.remove, c.remove);
    EXPECT_EQ(plan.compress, c.compress);
    EXPECT_EQ(plan.rename_to, c.rename_to);
  }
}

class LogRotation : public testing::Test {
 protected:
  std::string At(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string Read(const std::string& name) const {
    return os::ReadFile(At(name)).ValueOr("(none)");
  }
  void Write(const std::string& name, const std::string& text) {
    const base::Status written = os::WriteFileAtomic(At(name), text, 0640);
    ASSERT_TRUE(written.ok()) << written.error().message();
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const os::DirEntry& entry : os::ListDir(dir_.path()).value()) names.push_back(entry.name);
    return names;
  }
  std::string Unpacked(const std::string& name) const {
    const std::string packed = Read(name);
    std::string text(64u << 20, '\0');
    inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    state.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(packed.data()));
    state.avail_in = static_cast<uint32_t>(packed.size());
    state.next_out = reinterpret_cast<uint8_t*>(text.data());
    state.avail_out = static_cast<uint32_t>(text.size());
    if (isal_inflate(&state) != ISAL_DECOMP_OK || state.block_state != ISAL_BLOCK_FINISH)
      return "(not gzip)";
    text.resize(state.total_out);
    return text;
  }
  // As a runtime opens it.
  base::Status Opened() {
    ++opened_;
    return os::WriteFileAtomic(At("0.log"), "", 0640);
  }
  base::Status Turn(int64_t at = kNow, const Limits& limits = kSmall) {
    return Rotate(At("0.log"), at, limits, [this] { return Opened(); });
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-logs").value();
  const std::string full_ = std::string(120, 'x') + "\n";
  int opened_ = 0;
};

TEST_F(LogRotation, LeavesASmallLogAlone) {
  Write("0.log", "a line\n");
  EXPECT_TRUE(Turn().ok());
  EXPECT_EQ(opened_, 0);
  EXPECT_THAT(Names(), ElementsAre("0.log"));
}

TEST_F(LogRotation, TurnsOverAndKeepsFiveInAll) {
  for (int i = 0; i < 8; ++i) {
    Write("0.log", std::to_string(i) + full_);
    ASSERT_TRUE(Turn(kNow + i * int64_t{1'000'000'000}).ok());
    EXPECT_EQ(Read("0.log"), "");
  }
  EXPECT_EQ(opened_, 8);
  EXPECT_THAT(Names(), ElementsAre("0.log", "0.log.20260102-030409.gz", "0.log.20260102-030410.gz",
                                   "0.log.20260102-030411.gz", "0.log.20260102-030412"));
  EXPECT_EQ(Unpacked("0.log.20260102-030409.gz"), "4" + full_);
  EXPECT_EQ(Unpacked("0.log.20260102-030411.gz"), "6" + full_);
  EXPECT_EQ(Read("0.log.20260102-030412"), "7" + full_);
}

TEST_F(LogRotation, CompressesFilesLargerThanItsPieces) {
  std::string text;
  uint32_t noise = 1;
  while (text.size() < (3u << 20) + 17)
    text += "2026-01-02T03:04:05.000000000Z stdout F " +
            std::to_string(noise = noise * 1664525 + 1013904223) + "\n";
  Write("0.log", full_);
  Write("0.log.20260102-030400", text);
  Write("0.log.20260102-030401", "");
  ASSERT_TRUE(Turn().ok());
  EXPECT_TRUE(Unpacked("0.log.20260102-030400.gz") == text);
  EXPECT_EQ(Unpacked("0.log.20260102-030401.gz"), "");
  EXPECT_LT(Read("0.log.20260102-030400.gz").size(), text.size() / 2);
}

TEST_F(LogRotation, KeepsTheModeOfWhatItCompresses) {
  Write("0.log", full_);
  Write("0.log.20260102-030400", full_);
  ASSERT_EQ(chmod(At("0.log.20260102-030400").c_str(), 0644), 0);
  const mode_t mask = umask(0077);
  const base::Status turned = Turn();
  umask(mask);
  ASSERT_TRUE(turned.ok());
  struct stat status{};
  ASSERT_EQ(stat(At("0.log.20260102-030400.gz").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

TEST_F(LogRotation, PutsTheLogBackWhenTheRuntimeDoesNotOpenIt) {
  Write("0.log", full_);
  const base::Status turned =
      Rotate(At("0.log"), kNow, kSmall, [] { return base::Unavailable("no answer"); });
  ASSERT_FALSE(turned.ok());
  EXPECT_EQ(turned.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(Read("0.log"), full_);
  EXPECT_THAT(Names(), ElementsAre("0.log"));
}

TEST_F(LogRotation, DoesNotPutTheLogBackOverANewOne) {
  Write("0.log", full_);
  const base::Status turned = Rotate(At("0.log"), kNow, kSmall, [this]() -> base::Status {
    Write("0.log", "first line of the new one\n");
    return base::DeadlineExceeded("too slow an answer");
  });
  EXPECT_FALSE(turned.ok());
  EXPECT_EQ(Read("0.log"), "first line of the new one\n");
  EXPECT_EQ(Read("0.log.20260102-030405"), full_);
}

TEST_F(LogRotation, AsksForALogThatIsMissing) {
  EXPECT_TRUE(Turn().ok());
  EXPECT_EQ(opened_, 1);
  EXPECT_THAT(Names(), ElementsAre("0.log"));
}

TEST_F(LogRotation, TurnsOverEvenIfAnEarlierOneCannotBeCompressed) {
  Write("0.log", full_);
  ASSERT_TRUE(os::MakeDir(At("0.log.20260102-000000"), 0755).ok());
  const base::Status turned = Turn();
  ASSERT_FALSE(turned.ok());
  EXPECT_THAT(turned.error().message(), testing::HasSubstr("0.log.20260102-000000"));
  EXPECT_EQ(Read("0.log"), "");
  EXPECT_EQ(Read("0.log.20260102-030405"), full_);
}

TEST_F(LogRotation, FollowsNoLink) {
  Write("secret", full_);
  ASSERT_EQ(symlink("secret", At("0.log").c_str()), 0);
  EXPECT_FALSE(Turn().ok());
  ASSERT_EQ(unlink(At("0.log").c_str()), 0);
  Write("0.log", full_);
  ASSERT_EQ(symlink("secret", At("0.log.20260102-000000").c_str()), 0);
  EXPECT_FALSE(Turn().ok());
  EXPECT_FALSE(os::Exists(At("0.log.20260102-000000.gz")));
  EXPECT_EQ(Read("secret"), full_);
}

TEST_F(LogRotation, NamesADirectoryThatIsNotThere) {
  const base::Status turned = Rotate(At("gone/0.log"), kNow, kSmall, [this] { return Opened(); });
  ASSERT_FALSE(turned.ok());
  EXPECT_EQ(turned.error().code(), base::Code::kNotFound);
  EXPECT_EQ(opened_, 0);
  EXPECT_FALSE(Rotate("0.log", kNow, kSmall, [this] { return Opened(); }).ok());
}

}  // namespace
}  // namespace keelson::log_rotation
