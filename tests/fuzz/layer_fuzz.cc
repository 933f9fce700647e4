// SPDX-License-Identifier: Apache-2.0
// Layers of images. Input that begins with 'G' is a stream as it comes from a registry (gzip, zstd
// or plain). Any other describes a tar, so that changes get past its checksums; one entry a line,
// tabs between: type, octal mode, name, link, content. For pax headers (x, g) the content is
// KEY=VALUE, several parted by '|', the lengths are put in front. The archive is unpacked into a
// folder of a file system of its own by a thread that sees nothing else: whatever appears beside
// that folder came out of it.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/unpack/decompress.h"
#include "runtime/unpack/extractor.h"
#include "runtime/unpack/pax.h"
#include "runtime/unpack/tar_reader.h"
#include "tests/fuzz/require.h"

namespace {

using namespace keelson;
using fuzz::Require;
using fuzz::RequireSentence;

constexpr uint64_t kMaxBytes = 256 << 10;
constexpr size_t kBlock = 512;

std::string PaxText(std::string_view records) {
  std::string out;
  for (const std::string_view record : base::Split(records, '|')) {
    size_t length = record.size() + 2;  // the space and the newline
    length += std::to_string(length + std::to_string(length).size()).size();
    out += std::to_string(length) + " " + std::string(record) + "\n";
  }
  return out;
}

std::string Entry(std::string_view line) {
  std::vector<std::string_view> fields = base::Split(line, '\t');
  fields.resize(5);
  const char type = fields[0].empty() ? '0' : fields[0].front();
  const std::string content =
      type == 'x' || type == 'g' ? PaxText(fields[4]) : std::string(fields[4]);
  std::array<char, kBlock> header{};
  const auto put = [&header](size_t at, size_t width, std::string_view text) {
    std::copy_n(text.begin(), std::min(width, text.size()), &header[at]);
  };
  char octal[16];
  put(0, 100, fields[2]);
  put(100, 7, fields[1]);
  put(108, 7, "0000000");
  put(116, 7, "0000000");
  std::snprintf(octal, sizeof octal, "%011zo", content.size());
  put(124, 11, octal);
  put(136, 11, "14000000000");
  put(148, 8, "        ");
  header[156] = type;
  put(157, 100, fields[3]);
  put(257, 8,
      std::string_view("ustar\0"
                       "00",
                       8));
  put(329, 7, "0000001");
  put(337, 7, "0000003");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(octal, sizeof octal, "%06o", sum);
  put(148, 7, std::string_view(octal, 7));
  std::string out(header.data(), header.size());
  out += content;
  out.append((kBlock - content.size() % kBlock) % kBlock, '\0');
  return out;
}

std::string Archive(std::string_view text) {
  std::string out;
  for (const std::string_view line : base::Split(text, '\n')) {
    if (!line.empty()) out += Entry(line);
  }
  return out.append(2 * kBlock, '\0');
}

void ReadThrough(unpack::ByteSource& source) {
  unpack::TarReader reader(source);
  std::vector<char> buffer(1000);
  for (;;) {
    unpack::TarEntry entry;
    const auto more = reader.Next(&entry);
    if (!more.ok()) return RequireSentence(more.error().message());
    if (!*more) return;
    Require(!entry.path.empty() && entry.path.size() <= unpack::TarReader::kMaxPath,
            "a name without end or none", entry.path);
    Require(
        entry.path.find('\0') == std::string::npos && entry.link.find('\0') == std::string::npos,
        "a name with NUL", entry.path);
    Require((entry.mode & ~07777u) == 0, "a mode that is none", entry.path);
    Require(entry.xattrs.size() <= unpack::TarReader::kMaxXattrs, "attributes without end",
            entry.path);
    uint64_t read = 0;
    for (;;) {
      const auto n = reader.ReadContent(buffer.data(), buffer.size());
      if (!n.ok()) return RequireSentence(n.error().message());
      if (*n == 0) break;
      read += *n;
    }
    Require(read == entry.size || entry.kind != unpack::TarEntry::Kind::kFile,
            "content of another size than was said", entry.path);
  }
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const os::DirEntry& entry : os::ListDir(directory).value()) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

// One thread with a root of its own, that takes one archive after another.
class Unpacker {
 public:
  Unpacker() : thread_([this] { Work(); }) {}
  ~Unpacker() {
    Hand(nullptr);
    thread_.join();
  }
  void Unpack(const std::string& archive) { Hand(&archive); }

 private:
  void Hand(const std::string* archive) {
    std::unique_lock lock(mutex_);
    archive_ = archive;
    asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !asked_; });
  }
  void Work() {
    const bool able = MakeRoot();
    std::unique_lock lock(mutex_);
    for (bool more = true; more;) {
      changed_.wait(lock, [this] { return asked_; });
      more = archive_ != nullptr;
      if (more && able) UnpackOne(*archive_);
      asked_ = false;
      changed_.notify_all();
    }
  }
  bool MakeRoot() {
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0) return false;  // only read then
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    const std::string path = directory_.path();
    if (mount("none", path.c_str(), "tmpfs", 0, "size=64m,nr_inodes=10000") != 0) return false;
    return chroot(path.c_str()) == 0 && chdir("/") == 0;
  }
  static void UnpackOne(const std::string& bytes) {
    Require(os::MakeDirs("/a/b/layer", 0755).ok() &&
                os::WriteFileAtomic("/canary", "untouched", 0644).ok(),
            "no place to unpack in");
    {
      const os::RootedDir root = os::RootedDir::Open("/a/b/layer").value();
      unpack::MemorySource source(bytes, 700);
      unpack::TarReader reader(source);
      const auto done =
          unpack::Extractor(root, {.max_bytes = kMaxBytes, .max_inodes = 200, .max_depth = 20})
              .Run(reader);
      if (done.ok()) {
        Require(done->inodes <= 200, "more files than allowed");
      } else {
        RequireSentence(done.error().message());
      }
    }
    Require(NamesIn("/") == std::vector<std::string>{"a", "canary"} &&
                NamesIn("/a") == std::vector<std::string>{"b"} &&
                NamesIn("/a/b") == std::vector<std::string>{"layer"} &&
                os::ReadFile("/canary").value() == "untouched",
            "something came out of the folder", bytes);
    struct stat st{};
    Require(stat("/canary", &st) == 0 && st.st_mode == (S_IFREG | 0644) && st.st_uid == 0 &&
                st.st_nlink == 1,
            "attributes came out of the folder", bytes);
    Require(os::RemoveTree("/a").ok(), "what was unpacked cannot be removed", bytes);
  }

  const os::TempDir directory_ = std::move(os::TempDir::Create("keelson-fuzz")).value();
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::string* archive_ = nullptr;  // guarded by mutex_
  bool asked_ = false;                    // guarded by mutex_
  std::thread thread_;                    // last: begins at once
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto pax = unpack::ParsePax(text);
  if (!pax.ok()) RequireSentence(pax.error().message());
  std::string archive;
  if (text.starts_with('G')) {
    unpack::MemorySource source(text.substr(1), 100);
    const auto plain = unpack::OpenCompressed(source, kMaxBytes);
    if (!plain.ok()) {
      RequireSentence(plain.error().message());
      return 0;
    }
    std::vector<char> buffer(5000);
    for (;;) {
      const auto n = (*plain)->Read(buffer.data(), buffer.size());
      if (!n.ok()) RequireSentence(n.error().message());
      if (!n.ok() || *n == 0) break;
      archive.append(buffer.data(), *n);
    }
    Require(archive.size() <= kMaxBytes, "more than the budget came out");
  } else {
    archive = Archive(text);
  }
  unpack::MemorySource source(archive, 300);
  ReadThrough(source);
  static Unpacker unpacker;
  unpacker.Unpack(archive);
  return 0;
}
