// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/served_session.h"

#include <utility>
#include <vector>

#include "lib/base/log.h"

namespace keelson::stream {

constexpr size_t kMaxWaiting = 256;  // pieces of work of one session: only its size comes often

Grant ServedSession::MakeGrant() const {
  const ProcessRequest& p = asked_.process;
  return {.kind = asked_.kind,
          .tty = p.tty,
          .in = p.in,
          .out = p.out,
          .err = p.err,
          .ports = asked_.ports};
}

void ServedSession::Post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (closed_ || posted_.size() >= kMaxWaiting) return;
  posted_.push_back(std::move(work));
  if (running_) return;
  running_ = true;
  workers_.Post([self = shared_from_this()] { self->RunPosted(); });
}

void ServedSession::RunPosted() {
  for (;;) {
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex_);
      if (posted_.empty()) {
        running_ = false;
        return;
      }
      work = std::move(posted_.front());
      posted_.pop_front();
    }
    work();
  }
}

void ServedSession::Open() {
  if (asked_.kind == Kind::kPortForward) return;
  Post([this] { DoOpen(); });
}

void ServedSession::DoOpen() {
  if (std::exchange(opened_, true)) return;
  base::Result<std::unique_ptr<Session>> session =
      backend_.Open(asked_.process, [link = link_, id = id_](const Ended& ended) {
        link->Send(Type::kEnded, id,
                   Encode(EndedMessage{.exit_code = ended.exit_code, .error = ended.error}));
      });
  if (!session.ok()) {
    base::LogInfo("a stream's process does not start",
                  {{"container", asked_.process.container_id}, {"error", session.error()}});
    link_->Send(Type::kOpened, id_, EncodeOpened(session.error()));
    return;
  }
  session_ = std::move(session).value();
  const Ends ends = session_->TakeEnds();
  Opened opened;
  std::vector<int> fds;
  const auto add = [&fds](const os::UniqueFd& fd) {
    if (fd.valid()) fds.push_back(fd.get());
    return fd.valid();
  };
  opened.in = add(ends.in);
  opened.out = add(ends.out);
  opened.err = add(ends.err);
  opened.terminal = add(ends.terminal);
  link_->Send(Type::kOpened, id_, EncodeOpened(opened), fds);
}

void ServedSession::Resize(Size size) {
  Post([this, size] {
    if (session_ == nullptr) return;
    const base::Status resized = session_->Resize(size.columns, size.rows);
    if (!resized.ok())
      base::LogDebug("a terminal keeps its size",
                     {{"container", asked_.process.container_id}, {"error", resized.error()}});
  });
}

void ServedSession::Connect(stream::Connect connect) {
  if (asked_.kind != Kind::kPortForward) return;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
  }
  connectors_.Post([self = shared_from_this(), connect] {
    const base::Result<os::UniqueFd> socket =
        self->backend_.Connect(self->asked_.sandbox_id, connect.port);
    Connected connected{.lane = connect.lane};
    if (!socket.ok()) connected.error = socket.error().message();
    self->link_->Send(Type::kConnected, self->id_, Encode(connected),
                      socket.ok() ? std::vector<int>{socket->get()} : std::vector<int>{});
  });
}

void ServedSession::Close() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true)) return;
  posted_.clear();  // nobody waits for it
  posted_.push_back([this] { session_.reset(); });
  if (std::exchange(running_, true)) return;
  workers_.Post([self = shared_from_this()] { self->RunPosted(); });
}

}  // namespace keelson::stream
