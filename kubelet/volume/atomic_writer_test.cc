// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/atomic_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <thread>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::volume {
namespace {

class AtomicWriter : public testing::Test {
 protected:
  std::string Read(const std::string& name) const {
    return os::ReadFile(At(name)).ValueOr("(none)");
  }
  std::string At(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string Target(const std::string& name) const {
    char text[PATH_MAX];
    const ssize_t n = readlink(At(name).c_str(), text, sizeof text);
    return n < 0 ? "" : std::string(text, static_cast<size_t>(n));
  }
  unsigned Mode(const std::string& name) const {
    struct stat st{};
    return stat(At(name).c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const os::DirEntry& entry : os::ListDir(dir_.path()).value()) names.push_back(entry.name);
    return names;
  }
  bool Write(const Payload& payload) {
    const base::Result<bool> written = WritePayload(dir_.path(), payload);
    EXPECT_TRUE(written.ok()) << written.error().message();
    return written.ok() && *written;
  }
  const os::TempDir dir_ = os::TempDir::Create("keelson-writer").value();
};

TEST_F(AtomicWriter, LaysFilesOutAsUpstreamDoes) {
  EXPECT_TRUE(
      Write({{"a", {"one", 0600}}, {"deep/er/b", {"two", 0640}}, {"./deep//c", {"three", 0444}}}));
  EXPECT_EQ(Read("a"), "one");
  EXPECT_EQ(Read("deep/er/b"), "two");
  EXPECT_EQ(Read("deep/c"), "three");
  EXPECT_EQ(Target("a"), "..data/a");
  EXPECT_EQ(Target("deep"), "..data/deep");
  EXPECT_TRUE(Target("..data").starts_with("..20")) << Target("..data");
  EXPECT_EQ(Mode("a"), 0600u);
  EXPECT_EQ(Mode("deep/er/b"), 0640u);
  EXPECT_EQ(Mode("deep/er"), 0755u);
  EXPECT_EQ(Names().size(), 4u);
  EXPECT_TRUE(Write({{"folders/with-a-name/longer-than/a-short-string/c", {"three"}}}));
  EXPECT_EQ(Read("folders/with-a-name/longer-than/a-short-string/c"), "three");
}

TEST_F(AtomicWriter, WritesNothingWhenNothingChanged) {
  EXPECT_TRUE(Write({{"a", {"one"}}}));
  const std::string first = Target("..data");
  EXPECT_FALSE(Write({{"a", {"one"}}}));
  EXPECT_EQ(Target("..data"), first);
  EXPECT_TRUE(Write({{"a", {"one", 0600}}})) << "a mode is a change";
  EXPECT_TRUE(Write({{"a", {"1", 0600}}}));
  EXPECT_EQ(Read("a"), "1");
  EXPECT_TRUE(Write({{"a", {"1", 0600}}, {"b", {""}}}));
  EXPECT_FALSE(Write({{"a", {"1", 0600}}, {"b", {""}}}));
}

TEST_F(AtomicWriter, NamesThatAreGoneLoseTheirLinks) {
  Write({{"a", {"1"}}, {"d/x", {"2"}}, {"d/y", {"3"}}});
  Write({{"d/y", {"3"}}});
  EXPECT_FALSE(os::Exists(At("a")));
  EXPECT_EQ(Read("d/x"), "(none)");
  EXPECT_EQ(Read("d/y"), "3");
  EXPECT_TRUE(Write({}));
  EXPECT_EQ(Names().size(), 2u) << "..data and its directory";
  EXPECT_FALSE(Write({}));
}

TEST_F(AtomicWriter, TidiesWhatACrashLeft) {
  ASSERT_TRUE(os::MakeDirs(At("..2020_01_01_00_00_00.dead/sub"), 0755).ok());
  ASSERT_EQ(symlink("..2020_01_01_00_00_00.dead", At("..data_tmp").c_str()), 0);
  ASSERT_EQ(symlink("..data/old", At("old").c_str()), 0);
  ASSERT_TRUE(os::WriteFileAtomic(At("theirs"), "kept", 0644).ok());
  Write({{"a", {"1"}}});
  EXPECT_EQ(Names(), (std::vector<std::string>{Target("..data"), "..data", "a", "theirs"}));
  ASSERT_EQ(unlink(At("a").c_str()), 0);
  EXPECT_TRUE(Write({{"a", {"1"}}})) << "a lost link comes back";
  EXPECT_EQ(Read("a"), "1");
}

TEST_F(AtomicWriter, ReadersSeeOnePayloadOrTheOther) {
  Write({{"a", {"0"}}, {"b", {"0"}}});
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!done) {
      // One directory handle is one payload: that is the promise. On the way to it the payload may
      // be exchanged, and the one before is gone.
      const std::string target = Target("..data");
      const base::Result<os::UniqueFd> data = os::Open(At("..data"), O_RDONLY | O_DIRECTORY);
      if (!data.ok()) {
        if (target.empty() || Target("..data") == target) ++torn;
        continue;
      }
      const base::Result<std::string> a = os::ReadFileAt(data->get(), "a"),
                                      b = os::ReadFileAt(data->get(), "b");
      if (a.ok() && b.ok() && *a != *b) ++torn;
      const std::string now = Target("..data");
      if (Read("a") == "(none)" && Target("..data") == now) ++torn;
    }
  });
  for (int i = 1; i < 200; ++i) Write({{"a", {std::to_string(i)}}, {"b", {std::to_string(i)}}});
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_F(AtomicWriter, AGroupMayReadWhatIsWritten) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const Payload payload = {{"a", {"1", 0400}}, {"d/b", {"2", 0644}}};
  ASSERT_TRUE(WritePayload(dir_.path(), payload, 4321).ok());
  EXPECT_EQ(Mode("a"), 0440u);
  EXPECT_EQ(Mode("d/b"), 0644u);
  EXPECT_EQ(Mode("d"), 02755u);
  EXPECT_EQ(Mode(".") & 02050u, 02050u);
  for (const char* name : {"a", "d", "d/b", ".", "..data"}) {
    struct stat st{};
    ASSERT_EQ(stat(At(name).c_str(), &st), 0);
    EXPECT_EQ(st.st_gid, 4321u) << name;
  }
  EXPECT_FALSE(WritePayload(dir_.path(), payload, 4321).value());
}

TEST_F(AtomicWriter, RefusesNamesThatAreNotItsUsers) {
  for (const char* path :
       {"", "/a", "..", "../a", "a/../b", "..data", "..a/b", ".", "./", "./..x"}) {
    EXPECT_FALSE(WritePayload(dir_.path(), {{path, {"1"}}}).ok()) << path;
  }
  EXPECT_FALSE(WritePayload(dir_.path(), {{std::string(256, 'x'), {"1"}}}).ok());
  EXPECT_TRUE(Names().empty());
  EXPECT_FALSE(WritePayload(At("missing"), {}).ok());
  EXPECT_EQ(CleanPayloadPath("a/..b").value(), "a/..b");
}

TEST_F(AtomicWriter, AFileBelowAFileIsRefusedAndNothingStays) {
  EXPECT_FALSE(WritePayload(dir_.path(), {{"a", {"1"}}, {"a/b", {"2"}}}).ok());
  EXPECT_TRUE(Names().empty());
}

}  // namespace
}  // namespace keelson::volume
