// SPDX-License-Identifier: Apache-2.0
// The real jailed process on archives made by libarchive and by hand: what is right arrives whole,
// what reaches out is refused and touches nothing outside.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/temp_dir.h"
#include "runtime/unpack/client.h"

namespace keelson::unpack {
namespace {

struct Entry {
  std::string path;
  mode_t type = AE_IFREG;
  std::string content;
  std::string link;  // symlink target, or hard link target for regular files
  mode_t mode = 0644;
};

std::string Archive(const std::vector<Entry>& entries,
                    const std::function<void(archive*)>& filter) {
  std::string bytes(8 << 20, '\0');
  size_t used = 0;
  archive* a = archive_write_new();
  archive_write_set_format_pax_restricted(a);
  filter(a);
  archive_write_set_bytes_in_last_block(a, 1);
  archive_write_open_memory(a, bytes.data(), bytes.size(), &used);
  for (const Entry& e : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, e.path.c_str());
    archive_entry_set_filetype(entry, e.type);
    archive_entry_set_perm(entry, e.mode);
    archive_entry_set_size(entry, static_cast<int64_t>(e.content.size()));
    if (e.type == AE_IFLNK) archive_entry_set_symlink(entry, e.link.c_str());
    if (e.type == AE_IFREG && !e.link.empty()) archive_entry_set_hardlink(entry, e.link.c_str());
    archive_write_header(a, entry);
    if (!e.content.empty()) archive_write_data(a, e.content.data(), e.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(a);
  archive_write_free(a);
  bytes.resize(used);
  return bytes;
}
void Gzip(archive* a) { archive_write_add_filter_gzip(a); }
void Zstd(archive* a) { archive_write_add_filter_zstd(a); }
void Plain(archive* a) { archive_write_add_filter_none(a); }

class Unpack : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/layer", 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/canary", "untouched", 0600).ok());
  }
  base::Result<Report> Run(const std::string& bytes) {
    os::Pipe pipe = std::move(os::CreatePipe()).value();
    const os::UniqueFd layer =
        std::move(os::Open(dir_.path() + "/layer", O_RDONLY | O_DIRECTORY)).value();
    base::Result<UnpackProcess> process = UnpackProcess::Start(
        base::BinDir() + "/keelson-unpack", std::move(pipe.read_end), layer.get(), Budget{});
    if (!process.ok()) return process.error();
    std::thread writer([&] {
      (void)os::WriteAll(pipe.write_end.get(), bytes);
      pipe.write_end.reset();
    });
    base::Result<Report> report = process->Wait();
    writer.join();
    return report;
  }
  std::string Content(const std::string& path) {
    return os::ReadFile(dir_.path() + "/layer/" + path).ValueOr("<none>");
  }
  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-unpack")).value();
};

TEST_F(Unpack, AnOrdinaryLayerArrivesWholeInEveryCompression) {
  const std::string big(300000, 'x');
  for (const auto& filter : {Plain, Gzip, Zstd}) {
    ASSERT_TRUE(os::RemoveTree(dir_.path() + "/layer").ok());
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/layer", 0755).ok());
    const base::Result<Report> report = Run(Archive({{"etc", AE_IFDIR, "", "", 0755},
                                                     {"etc/passwd", AE_IFREG, "root:x:0:0\n"},
                                                     {"bin/tool", AE_IFREG, big, "", 04755},
                                                     {"bin/again", AE_IFREG, "", "bin/tool"},
                                                     {"sbin", AE_IFLNK, "", "/usr/sbin"}},
                                                    filter));
    ASSERT_TRUE(report.ok()) << report.error().message();
    EXPECT_EQ(Content("etc/passwd"), "root:x:0:0\n");
    EXPECT_EQ(Content("bin/again"), big);
    struct stat st{};
    ASSERT_EQ(stat((dir_.path() + "/layer/bin/tool").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 04755u);
    EXPECT_EQ(st.st_nlink, 2u);
    char target[64] = {};
    ASSERT_GT(readlink((dir_.path() + "/layer/sbin").c_str(), target, sizeof target - 1), 0);
    EXPECT_STREQ(target, "/usr/sbin") << "absolute symlinks are ordinary and kept";
    EXPECT_TRUE(report->diff_id.starts_with("sha256:"));
  }
}

TEST_F(Unpack, NothingReachesOut) {
  struct Case {
    std::string name;
    std::vector<Entry> entries;
  };
  const std::vector<Case> cases = {
      {"dots", {{"../canary", AE_IFREG, "evil"}}},
      {"dots inside", {{"a/../../canary", AE_IFREG, "evil"}}},
      {"absolute", {{dir_.path() + "/canary", AE_IFREG, "evil"}}},
      {"through a link", {{"out", AE_IFLNK, "", ".."}, {"out/canary", AE_IFREG, "evil"}}},
      {"through an absolute link",
       {{"out", AE_IFLNK, "", dir_.path()}, {"out/canary", AE_IFREG, "evil"}}},
      {"hard link outward", {{"mine", AE_IFREG, "", "../canary"}, {"mine", AE_IFREG, "evil"}}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_TRUE(os::RemoveTree(dir_.path() + "/layer").ok());
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/layer", 0755).ok());
    (void)Run(Archive(c.entries, Plain));
    EXPECT_EQ(os::ReadFile(dir_.path() + "/canary").value(), "untouched");
    EXPECT_EQ(os::ListDir(dir_.path()).value().size(), 2u);
  }
  EXPECT_FALSE(Run(Archive({{"../canary", AE_IFREG, "evil"}}, Plain)).ok());
}

TEST_F(Unpack, ABrokenStreamIsAnError) {
  const std::string whole = Archive({{"f", AE_IFREG, std::string(100000, 'y')}}, Gzip);
  EXPECT_FALSE(Run(whole.substr(0, whole.size() / 2)).ok());
  EXPECT_FALSE(Run("this is no archive at all, only a sentence that goes on for a while").ok());
}

}  // namespace
}  // namespace keelson::unpack
