// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/link.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::stream {
namespace {

constexpr size_t kMaxWaiting = 8192;  // packets: a few of each session

}  // namespace

base::Result<std::shared_ptr<Link>> Link::Create(os::UniqueFd fd, const base::Clock& clock) {
  RETURN_IF_ERROR(os::SetNonBlocking(fd.get(), true));
  os::UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return base::Error::FromErrno(errno, "eventfd");
  return std::shared_ptr<Link>(new Link(std::move(fd), std::move(wake), clock));
}

void Link::Send(Type type, uint64_t session, std::string_view payload,
                const std::vector<int>& fds) {
  const std::lock_guard lock(mutex_);
  if (broken_) return;
  std::string bytes = FormatPacket(type, session, payload);
  if (queue_.empty()) {
    const base::Status sent = os::SendMessage(fd_.get(), bytes, fds);
    if (sent.ok()) return;
    if (sent.error().os_errno() != EAGAIN) {
      base::LogDebug("keelson-stream is not told", {{"error", sent.error()}});
      return;  // whoever receives sees the end of it
    }
    moved_ = clock_.Steady();
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
  }
  Waiting waiting{.bytes = std::move(bytes)};
  for (const int fd : fds) {
    base::Result<os::UniqueFd> copy = os::Duplicate(fd);
    if (copy.ok()) waiting.fds.push_back(std::move(copy).value());
  }
  const bool whole = waiting.fds.size() == fds.size();
  queue_.push_back(std::move(waiting));
  if (!whole || queue_.size() > kMaxWaiting) (void)shutdown(fd_.get(), SHUT_RDWR);
}

void Link::Flush() {
  const std::lock_guard lock(mutex_);
  while (!queue_.empty() && !broken_) {
    std::vector<int> fds;
    for (const os::UniqueFd& fd : queue_.front().fds) fds.push_back(fd.get());
    const base::Status sent = os::SendMessage(fd_.get(), queue_.front().bytes, fds);
    if (!sent.ok() && sent.error().os_errno() == EAGAIN) {
      if (clock_.Steady() - moved_ < kStuckTime) return;
      base::LogWarn("keelson-stream takes nothing any more, it is given up");
      (void)shutdown(fd_.get(), SHUT_RDWR);
      return;
    }
    queue_.pop_front();
    moved_ = clock_.Steady();
  }
}

bool Link::Wait(int stop_fd, std::chrono::milliseconds time) {
  uint64_t count = 0;
  (void)!read(wake_.get(), &count, sizeof count);
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    waits = !queue_.empty();
  }
  const std::chrono::milliseconds step(1000);  // to see that nothing moves
  if (waits && (time.count() < 0 || time > step)) time = step;
  struct pollfd fds[] = {{fd_.get(), static_cast<short>(POLLIN | (waits ? POLLOUT : 0)), 0},
                         {stop_fd, POLLIN, 0},
                         {wake_.get(), POLLIN, 0}};
  if (poll(fds, 3, static_cast<int>(time.count())) < 0) return false;
  if (waits) Flush();
  return (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

base::Result<Packet> Link::Receive() {
  ASSIGN_OR_RETURN(os::Message message, os::ReceiveMessage(fd_.get()));
  return ParsePacket(std::move(message));
}

void Link::Break() {
  const std::lock_guard lock(mutex_);
  broken_ = true;
  queue_.clear();
  (void)shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace keelson::stream
