// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/log_process.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::log {

using base::Status;
using monitor::Packet;
using monitor::Type;
using os::UniqueFd;

namespace {
constexpr const char* kNames[] = {"stdout", "stderr"};
constexpr std::chrono::seconds kSilence{1};  // after which is said what was lost
}  // namespace

LogProcess::LogProcess(os::EventLoop& loop, int socket)
    : loop_(loop),
      socket_(socket),
      attachments_(loop, {[this](uint64_t session, const std::string& why) {
                            base::Writer w;
                            w.U64(session);
                            w.String(why);
                            Tell(Type::kLogAttachEnded, w.bytes());
                          },
                          [this](const std::string& container) {
                            base::Writer w;
                            w.String(container);
                            Tell(Type::kLogInputClosed, w.bytes());
                          }}) {}

void LogProcess::Tell(Type type, const std::string& payload) {
  const std::lock_guard lock(send_mutex_);
  (void)monitor::SendPacket(socket_, type, 0, payload);
}

void LogProcess::OnMonitor() {
  base::Result<Packet> packet = monitor::ReceivePacket(socket_);
  if (!packet.ok()) return loop_.Stop();
  base::Reader r(packet->payload);
  const LogWriter::Reply reply = [this, number = packet->id](const Status& status) {
    const std::lock_guard lock(send_mutex_);
    (void)monitor::SendPacket(
        socket_, Type::kAnswer, number,
        status.ok() ? monitor::AnswerOk() : monitor::AnswerError(status.error()));
  };
  if (packet->type == Type::kLogDetach) return attachments_.Detach(r.U64());
  const std::string id = r.String();
  switch (packet->type) {
    case Type::kLogAdd:
      if (const Status added = Add(id, r, packet->fds, reply); !added.ok()) reply(added);
      return;
    case Type::kLogAttach:
      return reply(Attach(id, r, packet->fds));
    case Type::kLogReopen:
      return writer_.Reopen(id, base::SteadyTime(std::chrono::nanoseconds(r.AtEnd() ? 0 : r.I64())),
                            reply);
    case Type::kLogDrain:
      ReadAll(id);
      attachments_.End(id);
      // Whoever still has the other side of a terminal keeps it for ever; a pipe may go on.
      if (const auto found = streams_.find(id + "/stdout");
          found != streams_.end() && found->second->peer)
        Close(id, "stdout");
      return writer_.Drain(reply);
    case Type::kLogRemove:
      ReadAll(id);
      for (const char* name : kNames) Close(id, name);
      attachments_.Remove(id);
      return writer_.Remove(id, reply);
    default:
      if (packet->id == 0) return;
      return reply(base::Unimplemented("unknown message {}", static_cast<uint32_t>(packet->type)));
  }
}

Status LogProcess::Add(const std::string& id, base::Reader& r, std::vector<UniqueFd>& fds,
                       const LogWriter::Reply& reply) {
  const std::string name = r.String();
  const uint8_t flags = r.AtEnd() ? uint8_t{monitor::kLogFile} : r.U8();
  const bool file = (flags & monitor::kLogFile) != 0;
  const bool terminal = (flags & monitor::kLogTerminal) != 0;
  const bool input = (flags & monitor::kLogInput) != 0;
  const bool once = (flags & monitor::kLogInputOnce) != 0;
  const auto limit = std::make_shared<Limit>();
  bool resumed = false;
  if (!r.AtEnd()) {
    limit->rate = Rate(r.U64());
    limit->drop = r.Bool();
    resumed = r.Bool();
  }
  const size_t fixed = file ? 3 : 2;
  if (!r.ok() || fds.size() != fixed + (input && !terminal ? 1 : 0))
    return base::InvalidArgument("a log's descriptors are not what its flags {} say", flags);
  for (const char* stream : kNames) Close(id, stream);  // of a start that came to nothing
  auto out = std::make_shared<Stream>("stdout", limit);
  if (input && terminal) {
    ASSIGN_OR_RETURN(UniqueFd copy, os::Duplicate(fds[0].get()));
    attachments_.AddInput(id, std::move(copy), true, once);
  } else if (input) {
    attachments_.AddInput(id, std::move(fds[fixed]), false, once);
  }
  out->fd = std::move(fds[0]);
  if (terminal) out->peer = std::move(fds[1]);
  Watch(id, out);
  if (!terminal) {
    auto err = std::make_shared<Stream>("stderr", limit);
    err->fd = std::move(fds[1]);
    Watch(id, err);
  }
  if (file) {
    writer_.Add(id, std::move(fds[2]), name, resumed, reply);
  } else {
    reply(base::Ok());
  }
  return base::Ok();
}

Status LogProcess::Attach(const std::string& id, base::Reader& r, std::vector<UniqueFd>& fds) {
  const uint64_t session = r.U64();
  const uint8_t flags = r.U8();
  Attachments::Streams streams;
  streams.terminal = (flags & monitor::kAttachTerminal) != 0;
  size_t next = 0;
  const std::pair<uint8_t, UniqueFd*> wanted[] = {
      {uint8_t{monitor::kAttachIn}, &streams.in},
      {static_cast<uint8_t>(monitor::kAttachOut | monitor::kAttachTerminal), &streams.out},
      {uint8_t{monitor::kAttachErr}, &streams.err}};
  for (const auto& [flag, fd] : wanted) {
    if ((flags & flag) != 0 && next < fds.size()) *fd = std::move(fds[next++]);
  }
  if (!r.ok() || next != fds.size() || fds.empty())
    return base::InvalidArgument("an attachment's descriptors are not what its flags {} say",
                                 flags);
  return attachments_.Attach(session, id, std::move(streams));
}

void LogProcess::Watch(const std::string& id, const StreamPtr& stream) {
  (void)os::SetNonBlocking(stream->fd.get(), true);
  stream->timer = 0;
  base::Result<os::EventLoop::WatchId> watch = loop_.Watch(
      stream->fd.get(), EPOLLIN, [this, stream, id](uint32_t) { Read(stream, id, false); });
  if (watch.ok()) stream->watch = *watch;
  streams_[id + "/" + stream->name] = stream;
}

void LogProcess::Read(const StreamPtr& stream, const std::string& id, bool all) {
  static char buffer[65536];
  const auto emit = [&](std::string entry) { Emit(id, *stream, std::move(entry)); };
  // What has ended need not wait for its last words.
  if (!all && Waits(id, stream)) return;
  // A process that writes for ever must not hold a drain for ever: one queue's worth is enough.
  for (size_t total = 0; stream->fd && total < kQueueBytes;) {
    const ssize_t n = read(stream->fd.get(), buffer, sizeof buffer);
    if (n > 0) {
      const std::string_view bytes(buffer, static_cast<size_t>(n));
      if (!stream->limit->drop) stream->limit->rate.Owe(bytes.size(), base::SystemClock().Steady());
      stream->splitter.Feed(bytes, base::SystemClock().WallNanos(), emit);
      attachments_.Output(id, stream->name == kNames[1], bytes);
      total += bytes.size();
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      return Close(id, stream->name);
    } else if (errno == EAGAIN) {
      return;
    }
    if (!all) return;
  }
}

bool LogProcess::Waits(const std::string& id, const StreamPtr& stream) {
  if (stream->limit->drop) return false;
  const std::chrono::nanoseconds wait = stream->limit->rate.Wait(base::SystemClock().Steady());
  if (wait.count() == 0) return false;
  loop_.Unwatch(std::exchange(stream->watch, 0));
  stream->timer = loop_.After(wait, [this, id, stream] { Watch(id, stream); });
  return true;
}

void LogProcess::Emit(const std::string& id, const Stream& stream, std::string entry) {
  Limit& limit = *stream.limit;
  bool kept = true;
  if (limit.drop && !limit.rate.Take(entry.size(), base::SystemClock().Steady())) {
    writer_.LoseByRate(id, entry.size(), limit.rate.bytes_per_second());
    kept = false;
  } else {
    kept = writer_.Append(id, stream.name, std::move(entry));
  }
  if (!kept && !limit.to_say) SaySoon(id, stream.name, stream.limit);
}

void LogProcess::SaySoon(const std::string& id, const std::string& stream,
                         const std::shared_ptr<Limit>& limit) {
  limit->to_say = true;
  loop_.After(kSilence, [this, id, stream, limit] {
    limit->to_say = false;
    if (!writer_.SayLost(id, stream)) SaySoon(id, stream, limit);
  });
}

void LogProcess::ReadAll(const std::string& id) {
  for (const char* name : kNames) {
    if (const auto found = streams_.find(id + "/" + name); found != streams_.end()) {
      const StreamPtr stream = found->second;
      Read(stream, id, true);
    }
  }
}

void LogProcess::Close(const std::string& id, const std::string& name) {
  const auto found = streams_.find(id + "/" + name);
  if (found == streams_.end()) return;
  const StreamPtr stream = found->second;
  const auto emit = [&](std::string entry) { Emit(id, *stream, std::move(entry)); };
  stream->splitter.Finish(base::SystemClock().WallNanos(), emit);
  writer_.End(id, stream->name);
  if (stream->watch != 0) loop_.Unwatch(stream->watch);
  if (stream->timer != 0) loop_.CancelTimer(stream->timer);
  stream->fd.reset();
  stream->peer.reset();
  streams_.erase(found);
}

}  // namespace keelson::log
