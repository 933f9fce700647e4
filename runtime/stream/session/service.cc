// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/service.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "lib/base/log.h"

namespace keelson::stream {
namespace {

constexpr size_t kMaxStrangers = 256;  // clients that have not shown a good token yet
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

Service::Service(os::EventLoop& loop, Config config, os::UniqueFd listener, os::UniqueFd control,
                 std::shared_ptr<TlsContext> tls)
    : loop_(loop),
      config_(std::move(config)),
      listener_(std::move(listener)),
      daemon_(loop, std::move(control)),
      tls_(std::move(tls)) {}

Service::~Service() {
  if (watch_ != 0) loop_.Unwatch(watch_);
}

base::Status Service::Start() {
  RETURN_IF_ERROR(daemon_.Start(
      [this](Packet packet) {
        const auto it = connections_.find(packet.session);
        if (it != connections_.end()) it->second->OnPacket(std::move(packet));
      },
      [this] { loop_.Stop(); }));
  ASSIGN_OR_RETURN(watch_, loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { OnClient(); }));
  daemon_.Send(Type::kReady, 0);
  return base::Ok();
}

bool Service::HasPlace() const {
  if (connections_.size() >= config_.max_sessions) return false;
  if (connections_.size() < kMaxStrangers) return true;
  size_t strangers = 0;
  for (const auto& [id, connection] : connections_) strangers += connection->granted() ? 0 : 1;
  return strangers < kMaxStrangers;
}

void Service::OnClient() {
  os::UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) Pause();
    return;
  }
  if (!HasPlace()) {
    const std::string text = FormatRefusal({503, "too many streams are open", {}});
    (void)send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  const int on = 1;
  (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const uint64_t id = next_++;
  const auto gone = [this, id] { loop_.Post([this, id] { connections_.erase(id); }); };
  auto& connection = connections_[id];
  connection =
      std::make_unique<Connection>(loop_, daemon_, id, config_, std::move(socket), tls_, gone);
  connection->Start();
}

// Out of descriptors: the listener would be reported again and again.
void Service::Pause() {
  base::LogWarn("no descriptor is left for another client, waiting for one");
  loop_.Unwatch(std::exchange(watch_, 0));
  loop_.After(kPause, [this] {
    base::Result<os::EventLoop::WatchId> watch =
        loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { OnClient(); });
    if (watch.ok()) watch_ = *watch;
  });
}

}  // namespace keelson::stream
