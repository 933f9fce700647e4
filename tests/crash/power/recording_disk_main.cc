// SPDX-License-Identifier: Apache-2.0
// keelson-recording-disk DISK LOG: a file system (FUSE, its connection is descriptor 3) of one
// file, `disk`, whose bytes are kept in the file DISK. Each write and each request to make writes
// durable is added to LOG in the order in which they are answered, so a loop device on `disk`
// leaves there what a drive was told, write by write. One request at a time: when a flush comes,
// all writes before it were answered. A process of its own, so that whoever waits for the disk in
// the kernel is set free by its end. Source: linux/fuse.h, Documentation/filesystems/fuse.
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "tests/crash/power/log_entry.h"

namespace {

using keelson::power_test::LogHead;

constexpr int kConnection = 3;
constexpr uint64_t kDiskNode = 2;
constexpr uint32_t kMostBytes = 1 << 20;

int disk = -1, record = -1;

void Answer(uint64_t unique, int error, const void* data = nullptr, size_t size = 0) {
  fuse_out_header head{static_cast<uint32_t>(sizeof head + size), -error, unique};
  iovec parts[] = {{&head, sizeof head}, {const_cast<void*>(data), size}};
  // Nobody may wait for it any more.
  (void)!writev(kConnection, parts, size == 0 ? 1 : 2);
}

fuse_attr Attributes(uint64_t node) {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.blksize = 4096;
  attributes.nlink = 1;
  attributes.mode = S_IFDIR | 0700;
  if (node == kDiskNode) {
    struct stat st{};
    (void)fstat(disk, &st);
    attributes.size = static_cast<uint64_t>(st.st_size);
    attributes.mode = S_IFREG | 0600;
  }
  return attributes;
}

// Whole or not at all: the log's size is always the end of an entry.
bool Record(uint64_t offset, const char* data, uint32_t length) {
  LogHead head{offset, length, 0};
  iovec parts[] = {{&head, sizeof head}, {const_cast<char*>(data), length}};
  return writev(record, parts, length == 0 ? 1 : 2) == static_cast<ssize_t>(sizeof head + length);
}

void Initialise(uint64_t unique, const fuse_init_in& wish) {
  fuse_init_out out{};
  out.major = FUSE_KERNEL_VERSION;
  out.minor = FUSE_KERNEL_MINOR_VERSION;
  out.max_readahead = wish.max_readahead;
  out.flags = wish.flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_READ);
  out.max_write = kMostBytes;
  out.max_pages = kMostBytes / 4096;
  out.max_background = 16;
  out.congestion_threshold = 12;
  out.time_gran = 1;
  Answer(unique, 0, &out, sizeof out);
}

void Read(uint64_t unique, const fuse_read_in& in) {
  static std::vector<char> bytes(kMostBytes);
  const ssize_t size = pread(disk, bytes.data(), std::min<size_t>(in.size, kMostBytes),
                             static_cast<off_t>(in.offset));
  if (size < 0) return Answer(unique, errno);
  Answer(unique, 0, bytes.data(), static_cast<size_t>(size));
}

void Write(uint64_t unique, const fuse_write_in& in, const char* data) {
  if (pwrite(disk, data, in.size, static_cast<off_t>(in.offset)) != static_cast<ssize_t>(in.size) ||
      !Record(in.offset, data, in.size))
    return Answer(unique, EIO);
  const fuse_write_out out{in.size, 0};
  Answer(unique, 0, &out, sizeof out);
}

void Serve(const fuse_in_header& head, const char* body) {
  switch (head.opcode) {
    case FUSE_INIT:
      return Initialise(head.unique, *reinterpret_cast<const fuse_init_in*>(body));
    case FUSE_LOOKUP: {
      if (std::string_view(body) != "disk") return Answer(head.unique, ENOENT);
      fuse_entry_out out{};
      out.nodeid = kDiskNode;
      out.entry_valid = out.attr_valid = 1u << 30;
      out.attr = Attributes(kDiskNode);
      return Answer(head.unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {  // times alone: nobody else asks for a change
      fuse_attr_out out{};
      out.attr_valid = 1u << 30;
      out.attr = Attributes(head.nodeid);
      return Answer(head.unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN: {
      const fuse_open_out out{};
      return Answer(head.unique, 0, &out, sizeof out);
    }
    case FUSE_READ:
      return Read(head.unique, *reinterpret_cast<const fuse_read_in*>(body));
    case FUSE_WRITE:
      return Write(head.unique, *reinterpret_cast<const fuse_write_in*>(body),
                   body + sizeof(fuse_write_in));
    case FUSE_FSYNC:
      return Answer(head.unique, Record(0, nullptr, 0) ? 0 : EIO);
    case FUSE_RELEASE:
      return Answer(head.unique, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;  // these have no answer
    default:
      return Answer(head.unique, ENOSYS);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  disk = open(argv[1], O_RDWR | O_CLOEXEC);
  record = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (disk < 0 || record < 0) {
    std::perror("keelson-recording-disk");
    return 1;
  }
  alignas(8) static char request[kMostBytes + 8192];
  for (;;) {
    const ssize_t size = read(kConnection, request, sizeof request);
    if (size < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
    if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) return 0;  // unmounted
    Serve(*reinterpret_cast<const fuse_in_header*>(request), request + sizeof(fuse_in_header));
  }
}
