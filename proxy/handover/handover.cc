// SPDX-License-Identifier: Apache-2.0
#include "proxy/handover/handover.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/log.h"
#include "lib/os/socket.h"

namespace keelson::proxy::handover {
namespace {

constexpr char kVersion = 1;
constexpr size_t kMostSockets = 16;
constexpr size_t kMostConnections = 8;
constexpr std::chrono::milliseconds kBetween{100};
constexpr int kPatience = 5000;  // milliseconds, until a keeper has spoken

base::Status Say(int socket, const std::vector<int>& fds) {
  return os::SendMessage(socket, std::string_view(&kVersion, 1), fds);
}

}  // namespace

Keeper::~Keeper() {
  if (listener_) loop_.Unwatch(watch_);
  for (const auto& [fd, connection] : connections_) loop_.Unwatch(connection.watch);
  if (timer_) loop_.CancelTimer(*timer_);
}

base::Status Keeper::Listen(const std::string& path) {
  ASSIGN_OR_RETURN(os::UniqueFd listener, os::ListenUnix(path, SOCK_SEQPACKET | SOCK_NONBLOCK));
  if (chown(path.c_str(), kUser, static_cast<gid_t>(-1)) != 0)
    return base::Error::FromErrno(errno, "chown '{}'", path);
  ASSIGN_OR_RETURN(watch_,
                   loop_.Watch(listener.get(), EPOLLIN, [this](uint32_t) { OnConnection(); }));
  listener_ = std::move(listener);
  return base::Ok();
}

void Keeper::OnConnection() {
  // What the last one gave right before its end is this one's.
  std::vector<int> before;
  for (const auto& [fd, connection] : connections_) before.push_back(fd);
  for (const int fd : before) {
    pollfd said{fd, POLLIN, 0};
    if (poll(&said, 1, 0) > 0) OnMessage(fd);
  }
  base::Result<os::UniqueFd> socket = os::Accept(listener_.get());
  if (!socket.ok() || connections_.size() >= kMostConnections) return;
  const auto who = os::GetPeerIdentity(socket->get());
  if (!who.ok() || (who->uid != 0 && who->uid != kUser)) return;
  std::vector<int> fds;
  for (const os::UniqueFd& one : sockets_) fds.push_back(one.get());
  const int fd = socket->get();
  (void)Say(fd, fds);  // who has ended already may have given something before
  const auto watch = loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t) { OnMessage(fd); });
  if (!watch.ok()) return;
  connections_[fd] = {*std::move(socket), *watch};
  if (timer_) loop_.CancelTimer(*timer_);
  timer_.reset();
}

void Keeper::OnMessage(int fd) {
  base::Result<os::Message> message = os::ReceiveMessage(fd);
  if (!message.ok() || message->bytes != std::string_view(&kVersion, 1) ||
      message->fds.size() > kMostSockets)
    return End(fd);
  sockets_ = std::move(message->fds);
  base::LogInfo("the name server's sockets are kept for the next one",
                {{"sockets", sockets_.size()}});
}

void Keeper::End(int fd) {
  loop_.Unwatch(connections_.at(fd).watch);
  connections_.erase(fd);
  if (!connections_.empty() || sockets_.empty()) return;
  timer_ = loop_.After(patience_, [this] {
    timer_.reset();
    sockets_.clear();
    base::LogWarn("no name server came for the sockets of the last one; they are let go");
  });
}

Server::~Server() {
  if (watch_) loop_.Unwatch(*watch_);
  if (timer_) loop_.CancelTimer(*timer_);
}

// Names are answered by the same thread: whoever is slow there is not waited for.
base::Status Server::Connect() {
  ASSIGN_OR_RETURN(connection_, os::ConnectUnix(path_, SOCK_SEQPACKET | SOCK_NONBLOCK));
  return base::Ok();
}

std::vector<os::UniqueFd> Server::Take() {
  base::Status connected = Connect();
  if (!connected.ok()) {
    const int why = connected.error().os_errno();
    if (why != ENOENT && why != ECONNREFUSED)
      base::LogWarn("sockets of a name server before this one cannot be asked for",
                    {{"error", connected.error()}});
    return {};
  }
  pollfd answer{connection_.get(), POLLIN, 0};
  (void)poll(&answer, 1, kPatience);
  base::Result<os::Message> message = os::ReceiveMessage(connection_.get());
  if (message.ok() && message->bytes == std::string_view(&kVersion, 1))
    return std::move(message->fds);
  base::LogWarn("sockets of a name server before this one are not told",
                {{"error", message.ok() ? base::DataLoss("another version") : message.error()}});
  connection_.reset();
  return {};
}

void Server::Keep(std::vector<int> sockets) {
  sockets_ = std::move(sockets);
  if (connection_)
    Follow();
  else
    Again();
}

void Server::Follow() {
  if (!Say(connection_.get(), sockets_).ok()) return Again();
  const auto watch = loop_.Watch(connection_.get(), EPOLLIN, [this](uint32_t) {
    // What a keeper says that came later: a new one has nothing, another what is served here.
    const auto message = os::ReceiveMessage(connection_.get());
    if (!message.ok() && message.error().os_errno() != EAGAIN) Again();
  });
  if (!watch.ok()) return Again();
  watch_ = *watch;
}

void Server::Again() {
  if (watch_) loop_.Unwatch(*watch_);
  watch_.reset();
  connection_.reset();
  timer_ = loop_.After(kBetween, [this] {
    timer_.reset();
    if (Connect().ok())
      Follow();
    else
      Again();
  });
}

}  // namespace keelson::proxy::handover
