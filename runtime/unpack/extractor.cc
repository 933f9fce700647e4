// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/extractor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/os/files.h"
#include "runtime/unpack/attributes.h"
#include "runtime/unpack/entry_path.h"

namespace keelson::unpack {

using base::Error;
using base::InvalidArgument;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufsPrivate = ".wh..wh.";
constexpr size_t kMaxReportedDirs = 100'000;
constexpr os::RootedDir::Limits kInside{.no_xdev = true, .no_symlinks = true};

std::string Quote(std::string_view path) { return base::QuoteIfNeeded(path); }

bool IsWhiteoutNode(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

bool IsAufsPrivate(const std::string& path) {
  for (const std::string_view part : base::Split(path, '/')) {
    if (part.starts_with(kAufsPrivate) && part != kOpaque) return true;
  }
  return false;
}

}  // namespace

Status Extractor::CountInode() {
  if (++done_.inodes > budget_.max_inodes && !KEELSON_WEAKENED_AT("unpack-budget")) {
    return base::ResourceExhausted("the layer has more than its budget of {} files",
                                   budget_.max_inodes);
  }
  return base::Ok();
}

Result<Extracted> Extractor::Run(TarReader& archive) {
  TarEntry entry;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, archive.Next(&entry));
    if (!more) break;
    ++done_.entries;
    RETURN_IF_ERROR(Apply(entry, archive).WithContext("layer entry " + Quote(entry.path)));
  }
  RETURN_IF_ERROR(FinishDirectories());
  done_.opaque_dirs.assign(opaque_.begin(), opaque_.end());
  done_.implicit_dirs.assign(implicit_.begin(), implicit_.end());
  return std::move(done_);
}

Status Extractor::Apply(const TarEntry& entry, TarReader& archive) {
  ASSIGN_OR_RETURN(const std::string path, CleanEntryPath(entry.path, budget_.max_depth));
  if (path.empty()) {
    if (entry.kind != TarEntry::Kind::kDirectory)
      return InvalidArgument("the layer's root must be a directory");
    ASSIGN_OR_RETURN(const UniqueFd self, os::OpenAt(root_.fd(), ".", O_RDONLY | O_DIRECTORY));
    dir_times_[""] = {entry.mtime_seconds, entry.mtime_nanos};
    return SetAttributes(self.get(), entry);
  }
  if (IsAufsPrivate(path)) return base::Ok();
  const auto [dir, name] = SplitEntryPath(path);
  if (name.starts_with(kWhiteout)) return ApplyWhiteout(dir, name, entry);
  const bool is_null_device = entry.kind == TarEntry::Kind::kCharDevice &&
                              entry.device_major == 0 && entry.device_minor == 0;
  if (is_null_device) return ApplyWhiteout(dir, std::string(kWhiteout) + name, entry);
  ASSIGN_OR_RETURN(const int parent, Parent(dir, entry));
  if (entry.kind == TarEntry::Kind::kDirectory) return MakeDirectory(parent, path, name, entry);
  return MakeOther(parent, path, name, entry, archive);
}

Status Extractor::ApplyWhiteout(const std::string& dir, const std::string& name,
                                const TarEntry& entry) {
  ASSIGN_OR_RETURN(const int parent, Parent(dir, entry));
  if (name == kOpaque) return MakeOpaque(dir);
  const std::string target = name.substr(kWhiteout.size());
  if (target.empty() || target == "." || target == "..")
    return InvalidArgument("a whiteout of no name");
  const std::string path = dir.empty() ? target : dir + "/" + target;
  if (mknodat(parent, target.c_str(), S_IFCHR, makedev(0, 0)) == 0) return CountInode();
  if (errno != EEXIST) return Error::FromErrno(errno, "make a whiteout");
  // A whiteout speaks of the layers below only; what this layer brought already hides them, a
  // directory once it is opaque.
  struct stat st{};
  if (fstatat(parent, target.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::FromErrno(errno, "stat");
  return S_ISDIR(st.st_mode) ? MakeOpaque(path) : base::Ok();
}

Status Extractor::MakeOpaque(const std::string& path) {
  if (opaque_.size() >= kMaxReportedDirs)
    return base::ResourceExhausted("the layer has more than {} opaque directories",
                                   kMaxReportedDirs);
  opaque_.insert(path);
  return base::Ok();
}

// Descriptor of the entry's directory, kept for the next entry: archives list a directory's files
// one after another.
Result<int> Extractor::Parent(const std::string& dir, const TarEntry& entry) {
  if (dir.empty()) return root_.fd();
  if (parent_ && parent_path_ == dir) return parent_.get();
  parent_.reset();
  Result<UniqueFd> found = root_.OpenAt(dir, O_PATH | O_DIRECTORY, 0, kInside);
  if (!found.ok() && found.error().os_errno() != ELOOP) found = MakeParents(dir, entry);
  if (!found.ok()) {
    if (found.error().os_errno() == ELOOP)
      return InvalidArgument("goes through a symlink of the same layer");
    return found.error();
  }
  parent_ = std::move(found).value();
  parent_path_ = dir;
  return parent_.get();
}

Result<UniqueFd> Extractor::MakeParents(const std::string& dir, const TarEntry&) {
  ASSIGN_OR_RETURN(UniqueFd at, os::OpenAt(root_.fd(), ".", O_PATH | O_DIRECTORY));
  std::string path;
  for (const std::string_view part : base::Split(dir, '/')) {
    const std::string name(part);
    path += path.empty() ? name : "/" + name;
    UniqueFd next(openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next && errno == ENOTDIR) {
      struct stat st{};
      if (fstatat(at.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return Error::FromErrno(errno, "stat");
      if (S_ISLNK(st.st_mode))
        return InvalidArgument("goes through the symlink {} of the same layer", Quote(path));
      if (!IsWhiteoutNode(st))
        return InvalidArgument("lies below {}, which is not a directory", Quote(path));
      // Removed below and made anew here: nothing of the layers below may show through.
      if (unlinkat(at.get(), name.c_str(), 0) != 0) return Error::FromErrno(errno, "unlink");
      RETURN_IF_ERROR(MakeOpaque(path));
      errno = ENOENT;
    }
    if (!next) {
      if (errno != ENOENT) return Error::FromErrno(errno, "open {}", Quote(path));
      if (mkdirat(at.get(), name.c_str(), 0755) != 0)
        return Error::FromErrno(errno, "make directory {}", Quote(path));
      RETURN_IF_ERROR(CountInode());
      done_.disk_bytes += 4096;
      if (implicit_.size() < kMaxReportedDirs) implicit_.insert(path);
      next.reset(openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return Error::FromErrno(errno, "open {}", Quote(path));
    }
    at = std::move(next);
  }
  return at;
}

Status Extractor::MakeDirectory(int parent, const std::string& path, const std::string& name,
                                const TarEntry& entry) {
  if (mkdirat(parent, name.c_str(), 0700) == 0) {
    RETURN_IF_ERROR(CountInode());
    done_.disk_bytes += 4096;
  } else {
    if (errno != EEXIST) return Error::FromErrno(errno, "make directory");
    struct stat st{};
    if (fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::FromErrno(errno, "stat");
    if (!S_ISDIR(st.st_mode)) {
      if (unlinkat(parent, name.c_str(), 0) != 0) return Error::FromErrno(errno, "replace");
      if (IsWhiteoutNode(st)) RETURN_IF_ERROR(MakeOpaque(path));
      if (mkdirat(parent, name.c_str(), 0700) != 0)
        return Error::FromErrno(errno, "make directory");
      done_.disk_bytes += 4096;
    }
  }
  implicit_.erase(path);
  ASSIGN_OR_RETURN(const UniqueFd self,
                   os::OpenAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  dir_times_[path] = {entry.mtime_seconds, entry.mtime_nanos};
  return SetAttributes(self.get(), entry);
}

// Whatever of that name came earlier in this archive goes away: the later entry counts.
Status Extractor::MakeRoomFor(int parent, const std::string& path, const std::string& name) {
  struct stat st{};
  if (fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::FromErrno(errno, "stat");
  if (!S_ISDIR(st.st_mode)) {
    if (unlinkat(parent, name.c_str(), 0) != 0) return Error::FromErrno(errno, "replace");
    return base::Ok();
  }
  ForgetBelow(path);
  return os::RemoveTree(parent, name);
}

void Extractor::ForgetBelow(const std::string& path) {
  // Everything below "a/b" sorts between "a/b/" and "a/b0".
  const std::string first = path + "/", last = path + "0";
  opaque_.erase(path);
  implicit_.erase(path);
  dir_times_.erase(path);
  opaque_.erase(opaque_.lower_bound(first), opaque_.lower_bound(last));
  implicit_.erase(implicit_.lower_bound(first), implicit_.lower_bound(last));
  dir_times_.erase(dir_times_.lower_bound(first), dir_times_.lower_bound(last));
}

Status Extractor::MakeOther(int parent, const std::string& path, const std::string& name,
                            const TarEntry& entry, TarReader& archive) {
  Status made = Create(parent, name, entry, archive);
  if (!made.ok() && made.error().os_errno() == EEXIST) {
    RETURN_IF_ERROR(MakeRoomFor(parent, path, name));
    made = Create(parent, name, entry, archive);
  }
  return made;
}

Status Extractor::Create(int parent, const std::string& name, const TarEntry& entry,
                         TarReader& archive) {
  const char* at = name.c_str();
  switch (entry.kind) {
    case TarEntry::Kind::kFile: {
      const UniqueFd file(
          openat(parent, at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
      if (!file) return Error::FromErrno(errno, "create");
      RETURN_IF_ERROR(CountInode());
      done_.disk_bytes += (entry.size + 4095) / 4096 * 4096;
      RETURN_IF_ERROR(WriteContent(file.get(), archive));
      RETURN_IF_ERROR(SetAttributes(file.get(), entry));
      return SetTimes(file.get(), entry);
    }
    case TarEntry::Kind::kHardLink: {
      Result<std::string> target = CleanEntryPath(entry.link, budget_.max_depth);
      if (!target.ok()) return target.error().WithContext("hard link");
      const auto [target_dir, target_name] = SplitEntryPath(*target);
      if (target_name.empty()) return InvalidArgument("a hard link to the root");
      Result<UniqueFd> dir = target_dir.empty()
                                 ? os::OpenAt(root_.fd(), ".", O_PATH | O_DIRECTORY)
                                 : root_.OpenAt(target_dir, O_PATH | O_DIRECTORY, 0, kInside);
      if (!dir.ok() || linkat(dir->get(), target_name.c_str(), parent, at, 0) != 0) {
        const int code = dir.ok() ? errno : dir.error().os_errno();
        if (code == EEXIST) return Error::FromErrno(code, "link");
        if (code == ELOOP)
          return InvalidArgument("hard link to {}: goes through a symlink of the same layer",
                                 Quote(entry.link));
        if (code == ENOENT || code == ENOTDIR)
          return InvalidArgument("hard link to {}, which this layer does not bring",
                                 Quote(entry.link));
        return Error::FromErrno(code, "hard link to {}", Quote(entry.link));
      }
      return base::Ok();
    }
    case TarEntry::Kind::kSymlink:
      if (symlinkat(entry.link.c_str(), parent, at) != 0)
        return Error::FromErrno(errno, "make symlink");
      break;
    case TarEntry::Kind::kFifo:
      if (mknodat(parent, at, S_IFIFO | 0600, 0) != 0) return Error::FromErrno(errno, "make fifo");
      break;
    case TarEntry::Kind::kCharDevice:
    case TarEntry::Kind::kBlockDevice: {
      const mode_t type = entry.kind == TarEntry::Kind::kCharDevice ? S_IFCHR : S_IFBLK;
      if (mknodat(parent, at, type | 0600, makedev(entry.device_major, entry.device_minor)) != 0)
        return Error::FromErrno(errno, "make device");
      break;
    }
    case TarEntry::Kind::kDirectory:
      return base::Internal("a directory among other entries");
  }
  RETURN_IF_ERROR(CountInode());
  return SetAttributesAt(parent, name, entry);
}

Status Extractor::WriteContent(int file, TarReader& archive) {
  for (;;) {
    ASSIGN_OR_RETURN(const size_t n, archive.ReadContent(buffer_.data(), buffer_.size()));
    if (n == 0) return base::Ok();
    RETURN_IF_ERROR(os::WriteAll(file, {buffer_.data(), n}));
  }
}

Status Extractor::FinishDirectories() {
  parent_.reset();
  for (auto it = dir_times_.rbegin(); it != dir_times_.rend(); ++it) {
    const std::string& path = it->first;
    Result<UniqueFd> dir = path.empty() ? os::OpenAt(root_.fd(), ".", O_RDONLY | O_DIRECTORY)
                                        : root_.OpenAt(path, O_RDONLY | O_DIRECTORY, 0, kInside);
    if (!dir.ok()) continue;  // replaced by a later entry that is no directory
    TarEntry times;
    times.mtime_seconds = it->second.first;
    times.mtime_nanos = it->second.second;
    RETURN_IF_ERROR(SetTimes(dir->get(), times));
  }
  return base::Ok();
}

}  // namespace keelson::unpack
