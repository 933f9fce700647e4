// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/daemon_link.h"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "lib/base/log.h"
#include "lib/os/pipe.h"
#include "lib/os/socket.h"

namespace keelson::stream {

DaemonLink::~DaemonLink() {
  if (watch_ != 0) loop_.Unwatch(watch_);
}

base::Status DaemonLink::Start(std::function<void(Packet)> on_packet,
                               std::function<void()> on_end) {
  on_packet_ = std::move(on_packet);
  on_end_ = std::move(on_end);
  RETURN_IF_ERROR(os::SetNonBlocking(socket_.get(), true));
  ASSIGN_OR_RETURN(
      watch_, loop_.Watch(socket_.get(), EPOLLIN, [this](uint32_t events) { OnReady(events); }));
  return base::Ok();
}

void DaemonLink::Send(Type type, uint64_t session, std::string_view payload) {
  // A size that is not sent yet is overtaken by the next.
  std::string packet = FormatPacket(type, session, payload);
  if (type == Type::kResize && !queue_.empty() && queue_.back().size() == packet.size() &&
      queue_.back().starts_with(FormatPacket(type, session)))
    queue_.pop_back();
  queue_.push_back(std::move(packet));
  Flush();
}

void DaemonLink::Flush() {
  while (!queue_.empty()) {
    const base::Status sent = os::SendMessage(socket_.get(), queue_.front());
    if (!sent.ok() && sent.error().os_errno() == EAGAIN) break;
    queue_.pop_front();
  }
  const bool waits = !queue_.empty();
  if (waits == waits_ || watch_ == 0) return;
  waits_ = waits;
  (void)loop_.Modify(watch_, EPOLLIN | (waits ? EPOLLOUT : 0u));
}

void DaemonLink::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  base::Result<os::Message> message = os::ReceiveMessage(socket_.get());
  if (!message.ok()) {
    if (message.error().os_errno() == EAGAIN) return;
    base::LogDebug("the runtime is gone", {{"error", message.error()}});
    return on_end_();
  }
  base::Result<Packet> packet = ParsePacket(std::move(message).value());
  if (!packet.ok()) {
    base::LogError("the runtime speaks another protocol, ending", {{"error", packet.error()}});
    return on_end_();
  }
  on_packet_(std::move(packet).value());
}

}  // namespace keelson::stream
