// SPDX-License-Identifier: Apache-2.0
#include "lib/os/socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/weakness.h"

namespace keelson::os {

using base::Error;
using base::Result;
using base::Status;

namespace {

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::InvalidArgument("socket path '{}' is empty or longer than {} bytes", path,
                                 sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

Result<UniqueFd> ListenUnix(const std::string& path, int type) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return Error::FromErrno(errno, "socket");
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return Error::FromErrno(errno, "unlink '{}'", path);
  // bind(2) makes the file with the mode of the socket's inode, so there is no moment in which
  // others may connect.
  if (fchmod(fd.get(), KEELSON_WEAKENED_AT("socket-mode") ? 0666 : 0600) != 0)
    return Error::FromErrno(errno, "chmod socket");
  if (KEELSON_WEAKENED_AT("abstract-socket")) {
    sockaddr_un second{.sun_family = AF_UNIX};
    path.copy(second.sun_path + 1, sizeof second.sun_path - 1);
    UniqueFd other(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    (void)bind(other.get(), reinterpret_cast<const sockaddr*>(&second), sizeof second);
    (void)listen(other.release(), 1);
  }
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::FromErrno(errno, "bind '{}'", path);
  }
  if (listen(fd.get(), 128) != 0) return Error::FromErrno(errno, "listen '{}'", path);
  return fd;
}

Result<UniqueFd> ConnectUnix(const std::string& path, int type) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return Error::FromErrno(errno, "socket");
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) return Error::FromErrno(errno, "connect to '{}'", path);
  }
  return fd;
}

Result<UniqueFd> Accept(int listener) {
  while (true) {
    UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) return fd;
    if (errno != EINTR && errno != ECONNABORTED) return Error::FromErrno(errno, "accept");
  }
}

Result<SocketPair> CreateSocketPair(int type) {
  int fds[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
    return Error::FromErrno(errno, "socketpair");
  return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<PeerIdentity> GetPeerIdentity(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return Error::FromErrno(errno, "SO_PEERCRED");
  return PeerIdentity{credentials.pid, credentials.uid, credentials.gid};
}

Result<UniqueFd> AcceptOwner(int listener) {
  ASSIGN_OR_RETURN(UniqueFd fd, Accept(listener));
  if (IsOwner(fd.get())) return fd;
  return base::PermissionDenied("a process of another user that is not root connected");
}

bool IsOwner(int socket) {
  const Result<PeerIdentity> peer = GetPeerIdentity(socket);
  return peer.ok() && (peer->uid == 0 || peer->uid == geteuid());
}

Status SendMessage(int socket, std::string_view bytes, const std::vector<int>& fds) {
  if (bytes.size() > kMaxMessageBytes || fds.size() > kMaxMessageFds) {
    return base::InvalidArgument("message of {} bytes and {} descriptors is over the limit",
                                 bytes.size(), fds.size());
  }
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxMessageFds * sizeof(int))];
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    std::memset(control, 0, header.msg_controllen);
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size() * sizeof(int));
  }
  while (sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return Error::FromErrno(errno, "send message");
  }
  return base::Ok();
}

Result<Message> ReceiveMessage(int socket) {
  Message message;
  message.bytes.resize(kMaxMessageBytes);
  iovec part{message.bytes.data(), message.bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxMessageFds * sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n = 0;
  while ((n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno != EINTR) return Error::FromErrno(errno, "receive message");
  }
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      message.fds.emplace_back(fd);
    }
  }
  if (n == 0 && message.fds.empty()) return base::Unavailable("peer closed the connection");
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return base::DataLoss("message was cut: over the size limit");
  message.bytes.resize(static_cast<size_t>(n));
  message.bytes.shrink_to_fit();
  return message;
}

}  // namespace keelson::os
