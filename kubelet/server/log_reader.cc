// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "kubelet/server/log_lines.h"
#include "lib/os/rooted_dir.h"

namespace keelson::server {

using base::Error;
using base::Result;
using os::UniqueFd;

namespace {

constexpr size_t kReadBytes = 64 << 10;

ssize_t ReadAtOffset(int file, char* bytes, size_t size, int64_t offset) {
  while (true) {
    const ssize_t got = pread(file, bytes, size, offset);
    if (got >= 0 || errno != EINTR) return got;
  }
}

int64_t SizeOf(int file) {
  struct stat status{};
  return fstat(file, &status) == 0 ? status.st_size : 0;
}

bool SameFile(int a, int b) {
  struct stat first{}, second{};
  return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

int64_t TailOf(int file, const LogOptions& options) {
  const ReadAt read = [file](int64_t offset, size_t size, std::string& buffer) {
    buffer.resize(size);
    size_t filled = 0;
    while (filled < size) {
      const ssize_t got = ReadAtOffset(file, buffer.data() + filled, size - filled,
                                       offset + static_cast<int64_t>(filled));
      if (got <= 0) return false;
      filled += static_cast<size_t>(got);
    }
    return true;
  };
  return FindTail(read, SizeOf(file), *options.tail_lines, options.stream);
}

class Sender {
 public:
  Sender(UniqueFd file, const LogOptions& options, http::BodyWriter& writer)
      : file_(std::move(file)), joiner_(options), writer_(writer), buffer_(kReadBytes, '\0') {
    if (options.tail_lines && file_) offset_ = TailOf(file_.get(), options);
  }

  // To the file's end or `limit`; false when nothing more may be sent.
  bool Drain(int64_t limit) {
    while (file_ && offset_ < limit) {
      const size_t size = static_cast<size_t>(std::min<int64_t>(kReadBytes, limit - offset_));
      const ssize_t got = ReadAtOffset(file_.get(), buffer_.data(), size, offset_);
      if (got <= 0) break;
      offset_ += got;
      out_.clear();
      joiner_.Feed({buffer_.data(), static_cast<size_t>(got)}, out_);
      if (!writer_.Write(out_) || joiner_.full()) return false;
    }
    return true;
  }
  void Finish() {
    out_.clear();
    joiner_.Finish(out_);
    writer_.Write(out_);
  }
  bool Reads(int other) const { return file_ && SameFile(file_.get(), other); }
  bool has_file() const { return file_.valid(); }
  void Switch(UniqueFd file) {
    file_ = std::move(file);
    offset_ = 0;
    out_.clear();
    joiner_.EndFile(out_);
    writer_.Write(out_);  // if the client has gone the next write says so again
  }

 private:
  UniqueFd file_;
  int64_t offset_ = 0;
  LineJoiner joiner_;
  http::BodyWriter& writer_;
  std::string buffer_, out_;
};

}  // namespace

Result<UniqueFd> OpenLog(const std::string& path) {
  size_t slash = path.size();
  for (int i = 0; i < 3 && slash != std::string::npos && slash > 0; ++i)
    slash = path.rfind('/', slash - 1);
  if (slash == std::string::npos || slash == 0)
    return base::InvalidArgument("'{}' is not a log file's path", path);
  ASSIGN_OR_RETURN(const os::RootedDir logs, os::RootedDir::Open(path.substr(0, slash)));
  ASSIGN_OR_RETURN(UniqueFd file,
                   logs.OpenAt(path.substr(slash + 1), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
                               {.no_symlinks = true}));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return Error::FromErrno(errno, "fstat '{}'", path);
  if (!S_ISREG(status.st_mode)) return base::FailedPrecondition("'{}' is not a regular file", path);
  return file;
}

void SendLog(UniqueFd file, const std::string& path, const LogOptions& options,
             const LookAtLog& look, http::BodyWriter& writer, std::chrono::milliseconds poll) {
  // Read once means what is there now: a container that writes faster than we read must not make an
  // endless answer.
  const int64_t limit = options.follow ? std::numeric_limits<int64_t>::max() : SizeOf(file.get());
  Sender sender(std::move(file), options, writer);
  bool ended = false, moved_before = false;
  while (true) {
    if (!sender.Drain(limit)) return;
    if (!options.follow) break;
    Result<UniqueFd> now = OpenLog(path);
    const bool moved = now.ok() && !sender.Reads(now->get());
    // The runtime may write to the old file until it has opened the new one: it is read once more a
    // poll later.
    if (moved && (moved_before || !sender.has_file())) {
      sender.Switch(std::move(now).value());
      moved_before = false;
      continue;
    }
    if (ended && !moved) break;
    moved_before = moved;
    if (!ended) {
      const Result<NodeView::LogFile> state = look();
      ended = !state.ok() || state->path != path || !state->running;
    }
    if (!writer.Wait(poll)) return;
  }
  sender.Finish();
}

}  // namespace keelson::server
