// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/fail_point.h"
#include "lib/os/files.h"
#include "runtime/log/line_splitter.h"

namespace keelson::log {

struct LogWriter::File {
  os::UniqueFd dir;
  std::string name;
  os::UniqueFd fd;             // writer thread only
  uint64_t lost_by_disk = 0;   // writer thread only: bytes that write(2) refused
  bool torn = false;           // writer thread only: the file ends within an entry
  uint64_t lost_by_queue = 0;  // reader's side only: bytes that found no room
  uint64_t lost_by_rate = 0;   // reader's side only: bytes over the container's rate
  uint64_t rate = 0;           // reader's side only: that rate
};

namespace {

constexpr std::chrono::seconds kNextTry{1};
constexpr size_t kMarkerBytes = 512;  // two of them

std::string Marker(std::string_view stream, const std::string& what) {
  return FormatTime(base::SystemClock().WallNanos()) + " " + std::string(stream) +
         " F [keelson: " + what + "]\n";
}

// Of `bytes`, which begin and end with an entry: those that are there as whole entries. A file that
// then ends within one is cut back, or `torn`.
size_t WriteWhole(int fd, std::string_view bytes, bool& torn) {
  if (torn && write(fd, "\n", 1) != 1) return 0;
  torn = false;
  size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    written += static_cast<size_t>(n);
  }
  const size_t whole = written == 0 ? 0 : bytes.rfind('\n', written - 1) + 1;
  if (whole == written) return whole;
  const off_t end = lseek(fd, 0, SEEK_END);
  torn = end < 0 || ftruncate(fd, end - static_cast<off_t>(written - whole)) != 0;
  return whole;
}

}  // namespace

LogWriter::LogWriter() : thread_([this] { Run(); }) {}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ready_.notify_one();
  thread_.join();
}

base::Status LogWriter::OpenFile(File& file) {
  // One step: whoever follows the name sees a file of ours or none, and never through a symlink
  // (CVE-2024-5154).
  os::UniqueFd fd(openat(file.dir.get(), file.name.c_str(),
                         O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0640));
  if (!fd) return base::Error::FromErrno(errno, "open log file '{}'", file.name);
  struct stat st{};
  if (fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return base::FailedPrecondition("log file '{}' is not a regular file", file.name);
  char last = '\n';
  file.torn = st.st_size > 0 && pread(fd.get(), &last, 1, st.st_size - 1) == 1 && last != '\n';
  FAIL_POINT("log.file.opened");
  file.fd = std::move(fd);
  return base::Ok();
}

void LogWriter::Push(Item item) {
  {
    const std::lock_guard lock(mutex_);
    queued_bytes_ += item.entry.size();
    queue_.push_back(std::move(item));
  }
  ready_.notify_one();
}

void LogWriter::Add(const std::string& id, os::UniqueFd dir, const std::string& name, bool resumed,
                    const Reply& reply) {
  auto file = std::make_shared<File>();
  file->dir = std::move(dir);
  file->name = name;
  files_[id] = file;
  Push({nullptr, "", [file, reply] { reply(OpenFile(*file)); }});
  if (resumed)
    Push({file,
          Marker("stderr",
                 "the log process ended unexpectedly, output that it held here was lost with it"),
          nullptr});
}

bool LogWriter::HasRoom(size_t bytes) {
  const std::lock_guard lock(mutex_);
  return queued_bytes_ + bytes + kMarkerBytes <= kQueueBytes;
}

bool LogWriter::Append(const std::string& id, std::string_view stream, std::string entry) {
  const auto found = files_.find(id);
  if (found == files_.end()) return true;
  File& file = *found->second;
  if (!HasRoom(entry.size())) {
    file.lost_by_queue += entry.size();
    return false;
  }
  Push({found->second, TakeMarkers(file, stream) + entry, nullptr});
  return true;
}

bool LogWriter::SayLost(const std::string& id, std::string_view stream) {
  if (!HasRoom(0)) return false;
  End(id, stream);
  return true;
}

void LogWriter::LoseByRate(const std::string& id, size_t bytes, uint64_t bytes_per_second) {
  const auto found = files_.find(id);
  if (found == files_.end()) return;
  found->second->lost_by_rate += bytes;
  found->second->rate = bytes_per_second;
}

std::string LogWriter::TakeMarkers(File& file, std::string_view stream) {
  std::string markers;
  if (file.lost_by_queue > 0)
    markers += Marker(stream, fmt::format("{} bytes of output were lost here, the log's disk was "
                                          "too slow",
                                          std::exchange(file.lost_by_queue, 0)));
  if (file.lost_by_rate > 0)
    markers += Marker(stream, fmt::format("{} bytes of output were lost here, over the log's rate "
                                          "of {} bytes a second",
                                          std::exchange(file.lost_by_rate, 0), file.rate));
  return markers;
}

void LogWriter::End(const std::string& id, std::string_view stream) {
  const auto found = files_.find(id);
  if (found == files_.end()) return;
  std::string markers = TakeMarkers(*found->second, stream);
  if (!markers.empty())
    Push({found->second, std::move(markers), nullptr});  // a line or two more than the limit
}

void LogWriter::Reopen(const std::string& id, base::SteadyTime until, const Reply& reply) {
  const auto found = files_.find(id);
  if (found == files_.end()) return reply(base::NotFound("no log of container '{}'", id));
  Push({nullptr, "", [file = found->second, until, reply] {
          if (until != base::SteadyTime() && base::SystemClock().Steady() > until)
            return reply(base::Aborted("the log's disk took too long, it is not opened anew"));
          reply(OpenFile(*file));
        }});
}

void LogWriter::Drain(const Reply& reply) {
  Push({nullptr, "", [reply] { reply(base::Ok()); }});
}

void LogWriter::Remove(const std::string& id, const Reply& reply) {
  std::shared_ptr<File> file;
  if (const auto found = files_.find(id); found != files_.end()) file = found->second;
  files_.erase(id);
  Push({nullptr, "", [this, file, reply] {
          owing_.erase(file);
          reply(base::Ok());
        }});
}

bool LogWriter::WriteMarker(File& file) {
  if (!file.fd && !OpenFile(file).ok()) return false;
  const std::string marker =
      Marker("stderr", fmt::format("{} bytes of output were lost here, the log's disk refused them",
                                   file.lost_by_disk));
  if (WriteWhole(file.fd.get(), marker, file.torn) != marker.size()) return false;
  file.lost_by_disk = 0;
  return true;
}

void LogWriter::WriteEntries(const std::shared_ptr<File>& file, const std::string& bytes) {
  size_t whole = 0;
  if ((file->lost_by_disk == 0 || WriteMarker(*file)) && (file->fd || OpenFile(*file).ok()))
    whole = WriteWhole(file->fd.get(), bytes, file->torn);
  file->lost_by_disk += bytes.size() - whole;
  if (file->lost_by_disk > 0) {
    owing_.insert(file);
  } else {
    owing_.erase(file);
  }
  FAIL_POINT("log.file.written");
}

void LogWriter::Run() {
  while (true) {
    Item item;
    std::string bytes;
    {
      std::unique_lock lock(mutex_);
      const auto something = [this] { return stop_ || !queue_.empty(); };
      if (owing_.empty()) {
        ready_.wait(lock, something);
      } else if (!ready_.wait_for(lock, kNextTry, something)) {
        // Nobody may write any more who would find the disk well again.
        lock.unlock();
        std::erase_if(owing_, [](const std::shared_ptr<File>& file) { return WriteMarker(*file); });
        continue;
      }
      if (queue_.empty()) break;
      item = std::move(queue_.front());
      queue_.pop_front();
      bytes = std::move(item.entry);
      // Entries of one file that wait in a row are one write.
      while (item.file && !queue_.empty() && queue_.front().file == item.file &&
             bytes.size() < 65536) {
        bytes += queue_.front().entry;
        queue_.pop_front();
      }
    }
    if (item.file) {
      WriteEntries(item.file, bytes);
    } else {
      item.work();
    }
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes.size();
  }
  for (const std::shared_ptr<File>& file : owing_) (void)WriteMarker(*file);
}

}  // namespace keelson::log
