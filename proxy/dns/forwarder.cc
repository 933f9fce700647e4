// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/forwarder.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include <cerrno>
#include <optional>

#include "lib/base/result.h"

namespace keelson::dns {
namespace {

constexpr size_t kLargest = 65535;

uint16_t RandomId() {
  uint16_t id = 0;
  KEELSON_CHECK(getrandom(&id, sizeof id, 0) == sizeof id);  // never short for so few bytes
  return id;
}

void SetId(std::string& packet, uint16_t id) {
  packet[0] = static_cast<char>(id >> 8);
  packet[1] = static_cast<char>(id & 255);
}

}  // namespace

struct Forwarder::Asked {
  std::string key;
  Question question;
  std::string packet;  // with our id
  bool tcp = false;
  std::vector<std::pair<uint16_t, Done>> askers;  // with their ids
  base::SteadyTime until{};
  size_t tries = 0;
  size_t upstream = 0;
  os::UniqueFd socket;
  std::string out, in;  // of TCP
  std::optional<os::EventLoop::WatchId> watch;
  std::optional<os::EventLoop::TimerId> timer;
};

Forwarder::~Forwarder() {
  for (auto& [key, asked] : open_) Release(*asked);
}

void Forwarder::SetUpstreams(const std::vector<std::pair<std::string, uint16_t>>& upstreams) {
  upstreams_.clear();
  for (const auto& [text, port] : upstreams) {
    if (const auto address = base::IpAddress::Parse(text))
      upstreams_.push_back(os::SocketAddress::Of(*address, port));
  }
  next_ = 0;
}

void Forwarder::Ask(const Question& question, const std::string& packet, bool tcp, Done done) {
  std::string key = packet.substr(2) + (tcp ? "t" : "u");
  if (const auto found = open_.find(key); found != open_.end()) {
    found->second->askers.emplace_back(question.id, std::move(done));
    return;
  }
  if (upstreams_.empty() || open_.size() >= options_.most_open) {
    loop_.Post([done = std::move(done)] { done(""); });
    return;
  }
  auto asked = std::make_shared<Asked>();
  asked->key = key;
  asked->question = question;
  asked->packet = packet;
  asked->tcp = tcp;
  asked->until = clock_.Steady() + options_.give_up;
  asked->upstream = next_ % upstreams_.size();
  asked->askers.emplace_back(question.id, std::move(done));
  open_[std::move(key)] = asked;
  // Never from within: a refused connection is known at once.
  loop_.Post([this, weak = std::weak_ptr<Asked>(asked)] {
    if (const auto kept = weak.lock(); kept && !kept->askers.empty()) Try(kept);
  });
}

void Forwarder::Release(Asked& asked) {
  if (asked.watch) loop_.Unwatch(*asked.watch);
  if (asked.timer) loop_.CancelTimer(*asked.timer);
  asked.watch.reset();
  asked.timer.reset();
  asked.socket.reset();
  asked.in.clear();
}

// Each resolver in turn, round and round until the time is over.
void Forwarder::Try(const std::shared_ptr<Asked>& asked) {
  Release(*asked);
  const auto left = asked->until - clock_.Steady();
  if (upstreams_.empty() || left <= std::chrono::nanoseconds(0) || asked->tries > 20)
    return Finish(asked, "");
  if (asked->tries++ > 0) asked->upstream = (asked->upstream + 1) % upstreams_.size();
  SetId(asked->packet, RandomId());
  asked->timer =
      loop_.After(std::min<std::chrono::nanoseconds>(options_.try_for, left), [this, asked] {
        asked->timer.reset();
        Try(asked);
      });
  Connect(asked);
}

void Forwarder::Connect(const std::shared_ptr<Asked>& asked) {
  const os::SocketAddress& upstream = upstreams_[asked->upstream % upstreams_.size()];
  const int type = asked->tcp ? SOCK_STREAM : SOCK_DGRAM;
  asked->socket.reset(socket(upstream.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Connected: answers of others never reach us.
  const int connected = connect(asked->socket.get(), &upstream.any, upstream.size());
  if (!asked->socket || (connected != 0 && errno != EINPROGRESS)) return;  // the timer tries on
  if (asked->tcp) {
    asked->out = {static_cast<char>(asked->packet.size() >> 8),
                  static_cast<char>(asked->packet.size() & 255)};
    asked->out += asked->packet;
  } else if (send(asked->socket.get(), asked->packet.data(), asked->packet.size(), MSG_NOSIGNAL) <
             0) {
    return;
  }
  auto watch = loop_.Watch(asked->socket.get(),
                           EPOLLIN | (asked->tcp ? static_cast<uint32_t>(EPOLLOUT) : 0u),
                           [this, weak = std::weak_ptr<Asked>(asked)](uint32_t ready) {
                             if (const auto kept = weak.lock()) OnReady(kept, ready);
                           });
  if (watch.ok()) asked->watch = *watch;
}

void Forwarder::OnReady(const std::shared_ptr<Asked>& asked, uint32_t ready) {
  thread_local char bytes[kLargest];
  if (!asked->tcp) {
    const ssize_t got = recv(asked->socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    // A refusal (nobody listens there): the next one, at once.
    if (got < 0) return errno == EAGAIN || errno == EINTR ? void() : Try(asked);
    return Took(asked, {bytes, static_cast<size_t>(got)});
  }
  if ((ready & EPOLLOUT) != 0 && !asked->out.empty()) {
    const ssize_t sent =
        send(asked->socket.get(), asked->out.data(), asked->out.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? void() : Try(asked);
    asked->out.erase(0, static_cast<size_t>(sent));
    if (asked->out.empty()) (void)loop_.Modify(*asked->watch, EPOLLIN);
  }
  if ((ready & ~static_cast<uint32_t>(EPOLLOUT)) == 0) return;
  const ssize_t got = recv(asked->socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return Try(asked);
  asked->in.append(bytes, static_cast<size_t>(got));
  if (asked->in.size() < 2) return;
  const size_t size = static_cast<size_t>(static_cast<uint8_t>(asked->in[0])) << 8 |
                      static_cast<uint8_t>(asked->in[1]);
  if (asked->in.size() >= size + 2) Took(asked, asked->in.substr(2, size));
}

void Forwarder::Took(const std::shared_ptr<Asked>& asked, const std::string& answer) {
  if (answer.size() < 12 || answer.compare(0, 2, asked->packet, 0, 2) != 0) return;
  const std::optional<Foreign> read = ReadForeign(answer, asked->question);
  if (!read) return;  // a forgery, or broken: the right one may still come
  if (read->code == kServFail || read->code == kRefused) {
    if (asked->tries < upstreams_.size()) return Try(asked);
  }
  next_ = asked->upstream;
  Finish(asked, answer);
}

void Forwarder::Finish(const std::shared_ptr<Asked>& asked, const std::string& answer) {
  Release(*asked);
  open_.erase(asked->key);
  auto askers = std::move(asked->askers);
  asked->askers.clear();
  for (auto& [id, done] : askers) {
    std::string own = answer;
    if (!own.empty()) SetId(own, id);
    done(own);
  }
}

}  // namespace keelson::dns
