// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/power/power_disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "tests/crash/power/log_entry.h"

namespace keelson::power_test {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr std::chrono::minutes kLimit{2};
// ext4's superblock spans two sectors of 512 bytes and is not journalled when it is mounted: file
// systems count on blocks of 4 KiB being written whole, as today's drives do.
constexpr size_t kSector = 4096;

Status Run(std::vector<std::string> words) {
  ASSIGN_OR_RETURN(
      const os::CommandResult done,
      os::RunCommand({.argv = words, .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}, "", kLimit));
  if (done.status.code() == 0) return base::Ok();
  return base::Unknown("{} ended with {}: {}{}", words[0], done.status.code(), done.out, done.err);
}

Status MakeFileSystem(FileSystem kind, const std::string& image) {
  // XFS takes no less than 300 MB. Both are sparse.
  const bool ext4 = kind == FileSystem::kExt4;
  RETURN_IF_ERROR(os::WriteFileAtomic(image, "", 0600));
  if (truncate(image.c_str(), ext4 ? 128 << 20 : 300 << 20) != 0)
    return Error::FromErrno(errno, "truncate '{}'", image);
  if (ext4) {
    return Run({"mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4", "-E",
                "nodiscard,lazy_itable_init=0,lazy_journal_init=0", image});
  }
  return Run({"mkfs.xfs", "-q", "-K", image});
}

Result<os::UniqueFd> AttachLoop(const std::string& image) {
  if (!os::Exists("/dev/loop-control")) (void)Run({"modprobe", "loop"});
  ASSIGN_OR_RETURN(const os::UniqueFd control, os::Open("/dev/loop-control", O_RDWR));
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::Open(image, O_RDWR));
  for (;;) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return Error::FromErrno(errno, "find a free loop device");
    const std::string device = "/dev/loop" + std::to_string(number);
    if (!os::Exists(device) &&
        mknod(device.c_str(), S_IFBLK | 0600, makedev(7, static_cast<unsigned>(number))) != 0 &&
        errno != EEXIST)
      return Error::FromErrno(errno, "mknod '{}'", device);
    ASSIGN_OR_RETURN(os::UniqueFd loop, os::Open(device, O_RDWR));
    loop_config config{};
    config.fd = static_cast<uint32_t>(file.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY && errno != EAGAIN)  // somebody else was quicker
      return Error::FromErrno(errno, "attach '{}' to '{}'", image, device);
  }
}

// Only what is there: images are mostly holes.
Status CopySparse(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const os::UniqueFd in, os::Open(from, O_RDONLY));
  ASSIGN_OR_RETURN(const os::UniqueFd out, os::Open(to, O_RDWR | O_CREAT | O_TRUNC, 0600));
  struct stat st{};
  if (fstat(in.get(), &st) != 0 || ftruncate(out.get(), st.st_size) != 0)
    return Error::FromErrno(errno, "copy '{}'", from);
  std::string buffer(1 << 20, '\0');
  for (off_t at = 0; (at = lseek(in.get(), at, SEEK_DATA)) >= 0;) {
    const off_t end = lseek(in.get(), at, SEEK_HOLE);
    while (at < end) {
      const auto want = std::min<size_t>(buffer.size(), static_cast<size_t>(end - at));
      const ssize_t got = pread(in.get(), buffer.data(), want, at);
      if (got <= 0 || pwrite(out.get(), buffer.data(), static_cast<size_t>(got), at) != got)
        return Error::FromErrno(errno, "copy '{}'", from);
      at += got;
    }
  }
  return base::Ok();
}

Status WriteAt(int fd, uint64_t offset, std::string_view data) {
  if (pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset)) !=
      static_cast<ssize_t>(data.size()))
    return Error::FromErrno(errno, "write to the image");
  return base::Ok();
}

}  // namespace

const char* NameOf(FileSystem kind) { return kind == FileSystem::kExt4 ? "ext4" : "xfs"; }

Result<LoopMount> LoopMount::Mount(FileSystem kind, const std::string& image,
                                   const std::string& place) {
  RETURN_IF_ERROR(os::MakeDirs(place, 0700));
  ASSIGN_OR_RETURN(const os::UniqueFd loop, AttachLoop(image));
  char device[64];
  struct stat st{};
  if (fstat(loop.get(), &st) != 0) return Error::FromErrno(errno, "stat a loop device");
  (void)snprintf(device, sizeof device, "/dev/loop%u", minor(st.st_rdev));
  // Images of one disk have its UUID, which XFS would not have twice at a time.
  const char* options = kind == FileSystem::kXfs ? "nouuid" : nullptr;
  if (mount(device, place.c_str(), NameOf(kind), 0, options) != 0)
    return Error::FromErrno(errno, "mount '{}' ({}) at '{}'", image, NameOf(kind), place);
  return LoopMount(place);
}

LoopMount::~LoopMount() {
  if (!place_.empty()) (void)umount2(place_.c_str(), MNT_DETACH);
}

Status LoopMount::Unmount() {
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (umount2(place_.c_str(), 0) != 0) {
    // Whoever was told to end may hold it for a moment.
    if (errno != EBUSY || std::chrono::steady_clock::now() > deadline)
      return Error::FromErrno(errno, "unmount '{}'", place_);
    (void)poll(nullptr, 0, 5);
  }
  place_.clear();
  return base::Ok();
}

Result<std::unique_ptr<RecordedDisk>> RecordedDisk::Make(FileSystem kind, const std::string& dir,
                                                         const std::string& place) {
  std::unique_ptr<RecordedDisk> disk(new RecordedDisk);
  disk->kind_ = kind;
  disk->dir_ = dir;
  disk->place_ = place;
  disk->pristine_ = dir + "/pristine";
  RETURN_IF_ERROR(os::MakeDirs(dir + "/fuse", 0700));
  RETURN_IF_ERROR(MakeFileSystem(kind, disk->pristine_));
  RETURN_IF_ERROR(CopySparse(disk->pristine_, dir + "/disk"));
  RETURN_IF_ERROR(disk->Serve());
  ASSIGN_OR_RETURN(LoopMount mounted, LoopMount::Mount(kind, dir + "/fuse/disk", place));
  disk->mount_ = std::make_unique<LoopMount>(std::move(mounted));
  return disk;
}

Status RecordedDisk::Serve() {
  if (!os::Exists("/dev/fuse")) (void)Run({"modprobe", "fuse"});
  ASSIGN_OR_RETURN(const os::UniqueFd connection, os::Open("/dev/fuse", O_RDWR));
  const std::string options =
      "fd=" + std::to_string(connection.get()) + ",rootmode=40000,user_id=0,group_id=0";
  if (mount("keelson-recording-disk", (dir_ + "/fuse").c_str(), "fuse", MS_NOSUID | MS_NODEV,
            options.c_str()) != 0)
    return Error::FromErrno(errno, "mount a FUSE at '{}/fuse'", dir_);
  ASSIGN_OR_RETURN(os::ChildProcess server,
                   os::ChildProcess::Spawn({.argv = {base::BinDir() + "/keelson-recording-disk",
                                                     dir_ + "/disk", dir_ + "/log"},
                                            .env = {"PATH=/usr/bin:/bin"},
                                            .fds = {{connection.get(), 3}, {2, 2}}}));
  server_ = std::make_unique<os::ChildProcess>(std::move(server));
  return base::Ok();
}

RecordedDisk::~RecordedDisk() {
  mount_.reset();
  (void)umount2((dir_ + "/fuse").c_str(), MNT_DETACH);
}

Status RecordedDisk::Sync() {
  ASSIGN_OR_RETURN(const os::UniqueFd place, os::Open(place_, O_RDONLY | O_DIRECTORY));
  if (syncfs(place.get()) != 0) return Error::FromErrno(errno, "sync '{}'", place_);
  return base::Ok();
}

Status RecordedDisk::Unmount() {
  RETURN_IF_ERROR(mount_->Unmount());
  mount_.reset();
  return base::Ok();
}

void RecordedDisk::ReadLog() {
  const Result<os::UniqueFd> file = os::Open(dir_ + "/log", O_RDONLY);
  if (!file.ok()) return;
  for (LogHead head; pread(file->get(), &head, sizeof head, static_cast<off_t>(read_)) ==
                     static_cast<ssize_t>(sizeof head);) {
    Entry entry{head.offset, std::string(head.length, '\0')};
    if (pread(file->get(), entry.data.data(), head.length,
              static_cast<off_t>(read_ + sizeof head)) != static_cast<ssize_t>(head.length))
      return;
    read_ += sizeof head + head.length;
    log_.push_back(std::move(entry));
  }
}

size_t RecordedDisk::Position() {
  ReadLog();
  return log_.size();
}

const std::vector<RecordedDisk::Entry>& RecordedDisk::Log() {
  ReadLog();
  return log_;
}

Cutter::Cutter(RecordedDisk& disk, const std::string& dir)
    : disk_(disk), durable_(dir + "/durable") {}

Status Cutter::Cut(size_t position, Survivors survivors, std::mt19937& random,
                   const std::string& image) {
  if (next_ == 0) RETURN_IF_ERROR(CopySparse(disk_.pristine(), durable_));
  const std::vector<RecordedDisk::Entry>& log = disk_.Log();
  size_t flushed = next_;
  for (size_t i = next_; i < position; ++i) {
    if (log[i].data.empty()) flushed = i + 1;
  }
  {
    ASSIGN_OR_RETURN(const os::UniqueFd durable, os::Open(durable_, O_RDWR));
    for (; next_ < flushed; ++next_)
      RETURN_IF_ERROR(WriteAt(durable.get(), log[next_].offset, log[next_].data));
  }
  RETURN_IF_ERROR(CopySparse(durable_, image));
  if (survivors == Survivors::kNone) return base::Ok();
  ASSIGN_OR_RETURN(const os::UniqueFd out, os::Open(image, O_RDWR));
  for (size_t i = next_; i < position; ++i) {
    const RecordedDisk::Entry& entry = log[i];
    const bool torn = survivors == Survivors::kSome && i + 1 == position;
    if (survivors == Survivors::kSome && !torn && random() % 2 == 0) continue;
    if (!torn) {
      RETURN_IF_ERROR(WriteAt(out.get(), entry.offset, entry.data));
      continue;
    }
    // A drive writes whole sectors, in an order of its own.
    for (size_t at = 0; at < entry.data.size(); at += kSector) {
      if (random() % 2 == 0) continue;
      RETURN_IF_ERROR(
          WriteAt(out.get(), entry.offset + at, std::string_view(entry.data).substr(at, kSector)));
    }
  }
  return base::Ok();
}

}  // namespace keelson::power_test
