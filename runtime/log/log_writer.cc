// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "runtime/log/line_splitter.h"

namespace keelson::log {

struct LogWriter::File {
  os::UniqueFd dir;
  std::string name;
  os::UniqueFd fd;             // writer thread only
  uint64_t lost_by_disk = 0;   // writer thread only: bytes that write(2) refused
  uint64_t lost_by_queue = 0;  // reader's side only: bytes that found no room
};

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
                         O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                         0640));
  if (!fd) return base::Error::FromErrno(errno, "open log file '{}'", file.name);
  struct stat st{};
  if (fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return base::FailedPrecondition("log file '{}' is not a regular file", file.name);
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

void LogWriter::Add(const std::string& id, os::UniqueFd dir, const std::string& name,
                    const Reply& reply) {
  auto file = std::make_shared<File>();
  file->dir = std::move(dir);
  file->name = name;
  files_[id] = file;
  Push({nullptr, "", [file, reply] { reply(OpenFile(*file)); }});
}

void LogWriter::Append(const std::string& id, std::string_view stream, std::string entry) {
  const auto found = files_.find(id);
  if (found == files_.end()) return;
  File& file = *found->second;
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    room = queued_bytes_ + entry.size() + 256 <= kQueueBytes;
  }
  if (!room) {
    file.lost_by_queue += entry.size();
    return;
  }
  if (file.lost_by_queue > 0) entry = TakeMarker(file, stream) + entry;
  Push({found->second, std::move(entry), nullptr});
}

std::string LogWriter::TakeMarker(File& file, std::string_view stream) {
  return FormatTime(base::SystemClock().WallNanos()) + " " + std::string(stream) +
         " F [keelson: " + std::to_string(std::exchange(file.lost_by_queue, 0)) +
         " bytes of output were lost here, the log's disk was too slow]\n";
}

void LogWriter::End(const std::string& id, std::string_view stream) {
  const auto found = files_.find(id);
  if (found == files_.end() || found->second->lost_by_queue == 0) return;
  Push({found->second, TakeMarker(*found->second, stream),
        nullptr});  // one line more than the limit
}

void LogWriter::Reopen(const std::string& id, const Reply& reply) {
  const auto found = files_.find(id);
  if (found == files_.end()) return reply(base::NotFound("no log of container '{}'", id));
  const std::shared_ptr<File> file = found->second;
  Push({nullptr, "", [file, reply] { reply(OpenFile(*file)); }});
}

void LogWriter::Drain(const Reply& reply) {
  Push({nullptr, "", [reply] { reply(base::Ok()); }});
}

void LogWriter::Remove(const std::string& id, const Reply& reply) {
  files_.erase(id);
  Push({nullptr, "", [reply] { reply(base::Ok()); }});
}

void LogWriter::WriteEntries(File& file, const std::string& bytes) {
  if (file.lost_by_disk > 0) {
    const std::string marker = FormatTime(base::SystemClock().WallNanos()) +
                               " stderr F [keelson: " + std::to_string(file.lost_by_disk) +
                               " bytes of output were lost here, the log's disk refused them]\n";
    if (!file.fd || !os::WriteAll(file.fd.get(), marker).ok()) {
      file.lost_by_disk += bytes.size();
      return;
    }
    file.lost_by_disk = 0;
  }
  if (!file.fd || !os::WriteAll(file.fd.get(), bytes).ok()) file.lost_by_disk += bytes.size();
}

void LogWriter::Run() {
  while (true) {
    Item item;
    std::string bytes;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;
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
      WriteEntries(*item.file, bytes);
    } else {
      item.work();
    }
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes.size();
  }
}

}  // namespace keelson::log
