// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "lib/os/socket_address.h"

namespace keelson::dns {
namespace {

constexpr size_t kLargest = 65535;
constexpr int kAtOnce = 64;               // datagrams, before others have their turn
constexpr size_t kMostAnswers = 1 << 20;  // bytes that wait for a client of TCP
constexpr int kWaiting = 2 << 20;         // bytes of questions that nobody has read yet

Answer Failure(Code code) {
  Answer answer;
  answer.code = code;
  return answer;
}

}  // namespace

struct Server::Connection {
  os::UniqueFd socket;
  os::EventLoop::WatchId watch = 0;
  std::optional<os::EventLoop::TimerId> timer;
  std::string in, out;
  bool writing = false;
  bool closed = false;
};

namespace {

base::Result<os::SocketAddress> AddressOf(const std::string& address, uint16_t port) {
  const std::optional<base::IpAddress> read = base::IpAddress::Parse(address);
  if (!read) return base::InvalidArgument("'{}' is no address", address);
  return os::SocketAddress::Of(*read, port);
}

base::Result<Sockets> BindOnce(const std::string& address, uint16_t port) {
  ASSIGN_OR_RETURN(os::SocketAddress at, AddressOf(address, port));
  const int family = at.any.sa_family;
  Sockets out;
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    os::UniqueFd fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return base::Error::FromErrno(errno, "socket");
    const int one = 1;
    setsockopt(fd.get(), SOL_SOCKET, type == SOCK_STREAM ? SO_REUSEADDR : SO_REUSEPORT, &one,
               sizeof one);
    // The address may be given to the node later, and may go and come back.
    if (family == AF_INET6)
      setsockopt(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof one);
    else
      setsockopt(fd.get(), IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
    if (family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    // Questions of some seconds, should this process be started again.
    if (type == SOCK_DGRAM &&
        setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kWaiting, sizeof kWaiting) != 0)
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kWaiting, sizeof kWaiting);
    if (bind(fd.get(), &at.any, at.size()) != 0)
      return base::Error::FromErrno(errno, "bind {} port {}", address, port);
    if (type == SOCK_STREAM && listen(fd.get(), 128) != 0)
      return base::Error::FromErrno(errno, "listen on {} port {}", address, port);
    // The kernel may have chosen the port: the same for both.
    socklen_t size = sizeof at;
    if (getsockname(fd.get(), &at.any, &size) != 0)
      return base::Error::FromErrno(errno, "getsockname");
    (type == SOCK_DGRAM ? out.udp : out.tcp) = std::move(fd);
  }
  return out;
}

}  // namespace

base::Result<Sockets> Bind(const std::string& address, uint16_t port) {
  // A port that the kernel chose for one protocol may be somebody's in the other.
  for (int tries = 0; port == 0 && tries < 100; ++tries) {
    base::Result<Sockets> sockets = BindOnce(address, port);
    if (sockets.ok() || sockets.error().os_errno() != EADDRINUSE) return sockets;
  }
  return BindOnce(address, port);
}

base::Result<Sockets> BindOrTake(const std::string& address, uint16_t port,
                                 std::vector<os::UniqueFd>& kept) {
  ASSIGN_OR_RETURN(const os::SocketAddress wanted, AddressOf(address, port));
  Sockets out;
  for (os::UniqueFd& one : kept) {
    os::SocketAddress at;
    int type = 0;
    socklen_t at_size = sizeof at, type_size = sizeof type;
    if (!one || getsockname(one.get(), &at.any, &at_size) != 0 ||
        at.address() != wanted.address() || at.port() != wanted.port() ||
        getsockopt(one.get(), SOL_SOCKET, SO_TYPE, &type, &type_size) != 0)
      continue;
    (type == SOCK_DGRAM ? out.udp : out.tcp) = std::move(one);
  }
  if (out.udp && out.tcp) return out;
  return Bind(address, port);
}

Server::Server(os::EventLoop& loop, const base::Clock& clock, Options options)
    : loop_(loop),
      options_(options),
      cache_(clock, options.cache),
      forwarder_(loop, clock, options.forward) {}

Server::~Server() {
  *alive_ = false;
  for (const auto watch : watches_) loop_.Unwatch(watch);
  const auto all = connections_;
  for (const auto& [fd, connection] : all) Close(connection);
}

base::Status Server::Serve(os::UniqueFd udp, os::UniqueFd tcp) {
  const int datagrams = udp.get();
  const int listener = tcp.get();
  ASSIGN_OR_RETURN(const auto first, loop_.Watch(datagrams, EPOLLIN, [this, datagrams](uint32_t) {
    OnDatagrams(datagrams);
  }));
  watches_.push_back(first);
  ASSIGN_OR_RETURN(const auto second, loop_.Watch(listener, EPOLLIN, [this, listener](uint32_t) {
    OnConnection(listener);
  }));
  watches_.push_back(second);
  sockets_.push_back(std::move(udp));
  sockets_.push_back(std::move(tcp));
  return base::Ok();
}

void Server::SetZone(std::shared_ptr<const Zone> zone, std::string domain) {
  zone_ = std::move(zone);
  domain_ = std::move(domain);
}

void Server::Handle(const std::string& packet, bool tcp, const Reply& reply) {
  ++counts_.questions;
  Code code = kNoError;
  const std::optional<Question> question = ReadQuestion(packet, code);
  if (!question) return reply("");
  const size_t limit = tcp ? kLargest : UdpLimit(*question);
  const auto refuse = [&](Code why) {
    ++counts_.refused;
    reply(WriteAnswer(*question, Failure(why), limit));
  };
  if (code != kNoError) return refuse(code);
  if (question->klass != 1) return refuse(kRefused);
  const bool inside = question->name == domain_ || question->name.ends_with("." + domain_);
  Answer answer;
  if (zone_ != nullptr && zone_->Find(*question, answer)) {
    ++counts_.own;
    return reply(WriteAnswer(*question, answer, limit));
  }
  if (inside) {
    ++counts_.failed;
    return reply(WriteAnswer(*question, Failure(kServFail), limit));
  }
  if (!question->recursion_desired) return refuse(kRefused);
  if (auto kept = cache_.Find(*question); kept && kept->size() <= limit) {
    ++counts_.cached;
    return reply(*std::move(kept));
  }
  ++counts_.forwarded;
  forwarder_.Ask(*question, packet, tcp,
                 [this, alive = alive_, asked = *question, limit, reply](const std::string& got) {
                   if (!*alive) return;
                   if (got.empty()) {
                     ++counts_.failed;
                     return reply(WriteAnswer(asked, Failure(kServFail), limit));
                   }
                   if (const auto read = ReadForeign(got, asked)) cache_.Keep(asked, *read, got);
                   reply(got);
                 });
}

void Server::OnDatagrams(int fd) {
  thread_local char bytes[kLargest];
  for (int i = 0; i < kAtOnce; ++i) {
    os::SocketAddress from;
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT, &from.any, &size);
    if (got < 0) return;
    if (!options_.clients.Include(from.address())) {
      ++counts_.strangers;
      continue;
    }
    Handle({bytes, static_cast<size_t>(got)}, false, [fd, from, size](const std::string& answer) {
      if (answer.empty()) return;
      // A full socket loses it, as the network may: the client asks again.
      (void)sendto(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL, &from.any, size);
    });
  }
}

void Server::OnConnection(int fd) {
  os::SocketAddress from;
  socklen_t size = sizeof from;
  os::UniqueFd socket(accept4(fd, &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket || connections_.size() >= options_.most_connections) return;
  if (!options_.clients.Include(from.address())) {
    ++counts_.strangers;
    return;
  }
  auto connection = std::make_shared<Connection>();
  connection->socket = std::move(socket);
  const auto watch =
      loop_.Watch(connection->socket.get(), EPOLLIN,
                  [this, weak = std::weak_ptr<Connection>(connection)](uint32_t ready) {
                    if (const auto kept = weak.lock()) OnBytes(kept, ready);
                  });
  if (!watch.ok()) return;
  connection->watch = *watch;
  connections_[connection->socket.get()] = connection;
  Touch(connection);
}

void Server::Touch(const std::shared_ptr<Connection>& connection) {
  if (connection->timer) loop_.CancelTimer(*connection->timer);
  connection->timer =
      loop_.After(options_.idle, [this, weak = std::weak_ptr<Connection>(connection)] {
        if (const auto kept = weak.lock()) {
          kept->timer.reset();
          Close(kept);
        }
      });
}

void Server::Close(const std::shared_ptr<Connection>& connection) {
  if (connection->closed) return;
  connection->closed = true;
  loop_.Unwatch(connection->watch);
  if (connection->timer) loop_.CancelTimer(*connection->timer);
  connections_.erase(connection->socket.get());
  connection->socket.reset();
}

void Server::OnBytes(const std::shared_ptr<Connection>& connection, uint32_t ready) {
  if ((ready & EPOLLOUT) != 0) Flush(connection);
  if (connection->closed || (ready & ~static_cast<uint32_t>(EPOLLOUT)) == 0) return;
  thread_local char bytes[kLargest];
  const ssize_t got = recv(connection->socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return Close(connection);
  connection->in.append(bytes, static_cast<size_t>(got));
  Touch(connection);
  while (!connection->closed && connection->in.size() >= 2) {
    const size_t size = static_cast<size_t>(static_cast<uint8_t>(connection->in[0])) << 8 |
                        static_cast<uint8_t>(connection->in[1]);
    if (connection->in.size() < size + 2) return;
    const std::string packet = connection->in.substr(2, size);
    connection->in.erase(0, size + 2);
    Handle(packet, true,
           [this, alive = alive_,
            weak = std::weak_ptr<Connection>(connection)](const std::string& answer) {
             const auto kept = weak.lock();
             if (!*alive || !kept || kept->closed || answer.empty()) return;
             kept->out += static_cast<char>(answer.size() >> 8);
             kept->out += static_cast<char>(answer.size() & 255);
             kept->out += answer;
             // Asks and asks and takes nothing.
             if (kept->out.size() > kMostAnswers) return Close(kept);
             Flush(kept);
           });
  }
}

void Server::Flush(const std::shared_ptr<Connection>& connection) {
  while (!connection->out.empty()) {
    const ssize_t sent = send(connection->socket.get(), connection->out.data(),
                              connection->out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return Close(connection);
    if (sent < 0) break;
    connection->out.erase(0, static_cast<size_t>(sent));
  }
  const bool wants = !connection->out.empty();
  if (wants == connection->writing) return;
  connection->writing = wants;
  (void)loop_.Modify(connection->watch, EPOLLIN | (wants ? static_cast<uint32_t>(EPOLLOUT) : 0u));
}

}  // namespace keelson::dns
