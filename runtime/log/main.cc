// SPDX-License-Identifier: Apache-2.0
// keelson-log: one per pod. Reads the pipes of the pod's containers and never waits for a disk
// while doing so; the writing half has its own thread. Descriptor 3 is the connection to the
// monitor, kept open by the anchor when the monitor dies: then this process goes on as if nothing
// had happened. It ends when both are gone.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <mutex>

#include "lib/base/clock.h"
#include "lib/os/event_loop.h"
#include "lib/os/pipe.h"
#include "runtime/log/line_splitter.h"
#include "runtime/log/log_writer.h"
#include "runtime/monitor/protocol.h"

namespace keelson::log {
namespace {

using monitor::Packet;
using monitor::Type;

constexpr int kMonitorSocket = 3;

struct Stream {
  explicit Stream(std::string stream_name) : name(std::move(stream_name)), splitter(name) {}
  std::string name;
  LineSplitter splitter;
  os::UniqueFd fd;
  os::EventLoop::WatchId watch = 0;
};

class LogProcess {
 public:
  explicit LogProcess(os::EventLoop& loop) : loop_(loop) {}

  void OnMonitor() {
    base::Result<Packet> packet = monitor::ReceivePacket(kMonitorSocket);
    if (!packet.ok()) return loop_.Stop();
    base::Reader r(packet->payload);
    const std::string id = r.String();
    const LogWriter::Reply reply = [this, number = packet->id](const base::Status& status) {
      const std::lock_guard lock(send_mutex_);
      (void)monitor::SendPacket(
          kMonitorSocket, Type::kAnswer, number,
          status.ok() ? monitor::AnswerOk() : monitor::AnswerError(status.error()));
    };
    switch (packet->type) {
      case Type::kLogAdd:
        if (packet->fds.size() != 3)
          return reply(base::InvalidArgument("a log takes three descriptors"));
        writer_.Add(id, std::move(packet->fds[2]), r.String(), reply);
        Watch(id, "stdout", std::move(packet->fds[0]));
        Watch(id, "stderr", std::move(packet->fds[1]));
        return;
      case Type::kLogReopen:
        return writer_.Reopen(id, reply);
      case Type::kLogDrain:
        for (const char* name : {"stdout", "stderr"}) {
          if (const auto found = streams_.find(id + "/" + name); found != streams_.end())
            Read(found->second, id, true);
        }
        return writer_.Drain(reply);
      case Type::kLogRemove:
        for (const char* name : {"stdout", "stderr"}) {
          if (const auto found = streams_.find(id + "/" + name); found != streams_.end())
            Read(found->second, id, true);
          Close(id, name);
        }
        return writer_.Remove(id, reply);
      default:
        return reply(
            base::Unimplemented("unknown message {}", static_cast<uint32_t>(packet->type)));
    }
  }

 private:
  void Watch(const std::string& id, const std::string& name, os::UniqueFd fd) {
    Close(id, name);  // of a start that came to nothing
    auto stream = std::make_shared<Stream>(name);
    (void)os::SetNonBlocking(fd.get(), true);
    stream->fd = std::move(fd);
    base::Result<os::EventLoop::WatchId> watch = loop_.Watch(
        stream->fd.get(), EPOLLIN, [this, stream, id](uint32_t) { Read(stream, id, false); });
    if (watch.ok()) stream->watch = *watch;
    streams_[id + "/" + name] = stream;
  }

  // `all`: until the pipe is empty, otherwise one bite, so that no container starves another.
  void Read(const std::shared_ptr<Stream>& stream, const std::string& id, bool all) {
    static char buffer[65536];
    const auto emit = [&](std::string entry) {
      writer_.Append(id, stream->name, std::move(entry));
    };
    // A process that writes for ever must not hold a drain for ever: one queue's worth is enough.
    for (size_t total = 0; stream->fd && total < kQueueBytes;) {
      const ssize_t n = read(stream->fd.get(), buffer, sizeof buffer);
      const int64_t now = base::SystemClock().WallNanos();
      if (n > 0) {
        stream->splitter.Feed(std::string_view(buffer, static_cast<size_t>(n)), now, emit);
        total += static_cast<size_t>(n);
      } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        stream->splitter.Finish(now, emit);
        Close(id, stream->name);
        return;
      } else if (errno == EAGAIN) {
        return;
      }
      if (!all) return;
    }
  }

  void Close(const std::string& id, const std::string& name) {
    const auto found = streams_.find(id + "/" + name);
    if (found == streams_.end()) return;
    const std::shared_ptr<Stream> stream = found->second;
    const auto emit = [&](std::string entry) {
      writer_.Append(id, stream->name, std::move(entry));
    };
    stream->splitter.Finish(base::SystemClock().WallNanos(), emit);
    writer_.End(id, stream->name);
    loop_.Unwatch(stream->watch);
    stream->fd.reset();
    streams_.erase(found);
  }

  os::EventLoop& loop_;
  std::mutex send_mutex_;
  LogWriter writer_;
  std::map<std::string, std::shared_ptr<Stream>> streams_;
};

}  // namespace
}  // namespace keelson::log

int main() {
  using namespace keelson;
  (void)signal(SIGPIPE, SIG_IGN);
  (void)prctl(PR_SET_NAME, "keelson-log");
  base::Result<std::unique_ptr<os::EventLoop>> loop = os::EventLoop::Create();
  if (!loop.ok()) return 1;
  {
    log::LogProcess process(**loop);
    if (!(*loop)->Watch(log::kMonitorSocket, EPOLLIN, [&](uint32_t) { process.OnMonitor(); }).ok())
      return 1;
    (*loop)->Run();
  }
  return 0;
}
