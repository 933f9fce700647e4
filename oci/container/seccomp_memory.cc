// SPDX-License-Identifier: Apache-2.0
#include "oci/container/seccomp_memory.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::oci {

namespace {

constexpr char kFirstLine[] = "keelson seccomp 1\n";
constexpr size_t kMostFiles = 64;
constexpr size_t kMostBytes = 4 << 20;

std::string Head(const std::string& key) {
  return fmt::format("{}{} {}", kFirstLine, key.size(), key);
}

// FNV-1a: a name alone, the key itself stands in the file.
uint64_t NumberOf(const std::string& key) {
  uint64_t number = 0xcbf29ce484222325;
  for (const char c : key) number = (number ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return number;
}

}  // namespace

// No container's id may begin like that.
SeccompMemory::SeccompMemory(const std::string& root) : folder_(root + "/!seccomp") {}

std::string SeccompMemory::PathOf(const std::string& key) const {
  return fmt::format("{}/{:016x}", folder_, NumberOf(key));
}

std::optional<std::string> SeccompMemory::Find(const std::string& key) const {
  const base::Result<os::UniqueFd> file = os::Open(PathOf(key), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat st{};
  if (!file.ok() || fstat(file->get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) return {};
  const base::Result<std::string> text = os::ReadAll(file->get(), kMostBytes);
  const std::string head = Head(key);
  if (!text.ok() || !text->starts_with(head)) return {};
  std::string program = text->substr(head.size());
  if (program.empty() || program.size() % sizeof(sock_filter) != 0) return {};
  return program;
}

void SeccompMemory::Keep(const std::string& key, const std::string& program) const {
  if (key.size() + program.size() > kMostBytes / 2 || !os::MakeDirs(folder_, 0700).ok()) return;
  if (const auto entries = os::ListDir(folder_); entries.ok() && entries->size() >= kMostFiles) {
    for (const os::DirEntry& entry : *entries) (void)os::RemoveFile(folder_ + "/" + entry.name);
  }
  (void)os::WriteFileAtomic(PathOf(key), Head(key) + program, 0600);
}

}  // namespace keelson::oci
