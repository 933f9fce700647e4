// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/audit/log.h"

#include <cstdio>

#include "lib/base/log.h"
#include "lib/os/files.h"

namespace keelson::audit {

base::Result<std::unique_ptr<Log>> Log::Open(Options options) {
  auto log = std::unique_ptr<Log>(new Log(std::move(options)));
  RETURN_IF_ERROR(log->OpenFile());
  log->thread_ = std::thread([raw = log.get()] { raw->Run(); });
  return log;
}

Log::~Log() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Log::Write(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + under_way_ + line.size() > options_.max_waiting_bytes) {
      ++stats_.lost;
      return false;
    }
    waiting_ += line;
    ++lines_;
  }
  changed_.notify_one();
  return true;
}

void Log::Reopen() {
  const std::lock_guard lock(mutex_);
  reopen_ = true;
}

Log::Stats Log::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Log::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::string batch = std::exchange(waiting_, {});
    const uint64_t lines = std::exchange(lines_, 0);
    const bool reopen = std::exchange(reopen_, false);
    under_way_ = batch.size();
    lock.unlock();
    if (reopen) file_.reset();
    const base::Status written = WriteBatch(batch);
    if (!written.ok()) {
      cut_ = true;
      if (!failing_)
        base::LogError("the audit log cannot be written, events are lost",
                       {{"file", options_.path}, {"error", written.error()}});
    } else if (failing_) {
      base::LogInfo("the audit log is written again", {{"file", options_.path}});
    }
    failing_ = !written.ok();
    lock.lock();
    under_way_ = 0;
    (written.ok() ? stats_.written : stats_.lost) += lines;
  }
}

base::Status Log::OpenFile() {
  ASSIGN_OR_RETURN(file_, os::Open(options_.path, O_WRONLY | O_APPEND | O_CREAT, 0600));
  struct stat status{};
  size_ = fstat(file_.get(), &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : 0;
  return base::Ok();
}

base::Status Log::WriteBatch(std::string_view batch) {
  if (!file_) RETURN_IF_ERROR(OpenFile());
  if (options_.max_file_bytes > 0 && size_ > 0 &&
      size_ + static_cast<int64_t>(batch.size()) > options_.max_file_bytes) {
    MoveAside();
    RETURN_IF_ERROR(OpenFile());
    cut_ = false;
  }
  if (cut_) RETURN_IF_ERROR(os::WriteAll(file_.get(), "\n"));
  cut_ = false;
  RETURN_IF_ERROR(os::WriteAll(file_.get(), batch));
  size_ += static_cast<int64_t>(batch.size());
  return base::Ok();
}

// What cannot be moved stays and grows.
void Log::MoveAside() {
  const auto named = [this](int number) {
    return number == 0 ? options_.path : options_.path + "." + std::to_string(number);
  };
  if (options_.max_backups == 0) {
    (void)os::RemoveFile(options_.path);
    return;
  }
  for (int i = options_.max_backups; i > 0; --i)
    (void)std::rename(named(i - 1).c_str(), named(i).c_str());
}

}  // namespace keelson::audit
