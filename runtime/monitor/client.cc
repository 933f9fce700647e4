// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/client.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "lib/base/log.h"
#include "lib/os/event_loop.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "runtime/monitor/protocol.h"
#include "runtime/spec/encode.h"

namespace keelson::monitor {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

constexpr std::chrono::seconds kPatience{10};

// One thread reads for all pods: 110 pods are not 110 threads.
class ReaderThread {
 public:
  static Result<std::shared_ptr<ReaderThread>> Create() {
    ASSIGN_OR_RETURN(std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
    return std::shared_ptr<ReaderThread>(new ReaderThread(std::move(loop)));
  }
  ~ReaderThread() {
    loop_->Stop();
    thread_.join();
  }
  os::EventLoop& loop() { return *loop_; }
  bool OnThread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  explicit ReaderThread(std::unique_ptr<os::EventLoop> loop)
      : loop_(std::move(loop)), thread_([this] { loop_->Run(); }) {}
  std::unique_ptr<os::EventLoop> loop_;
  std::thread thread_;
};

Status StartAnchor(const AnchorOptions& options, const std::string& socket_path) {
  ASSIGN_OR_RETURN(const UniqueFd listener, os::ListenUnix(socket_path, SOCK_SEQPACKET));
  ASSIGN_OR_RETURN(const UniqueFd log,
                   os::Open(options.run_dir + "/anchor.log", O_WRONLY | O_CREAT | O_APPEND, 0600));
  os::SpawnOptions spawn;
  spawn.argv = {options.binary_dir + "/keelson-anchor", options.run_dir, options.state_dir,
                options.binary_dir};
  spawn.fds = {{listener.get(), 3}, {log.get(), 1}, {log.get(), 2}};
  spawn.new_session = true;
  ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(spawn));
  child.Release();
  return base::Ok();
}

// To the anchor of `run_dir`, which is started when there is none.
Result<UniqueFd> ReachAnchor(const AnchorOptions& options) {
  const std::string path = options.run_dir + "/anchor.sock";
  Result<UniqueFd> socket = os::ConnectUnix(path, SOCK_SEQPACKET);
  if (socket.ok()) return socket;
  RETURN_IF_ERROR(StartAnchor(options, path).WithContext("start keelson-anchor"));
  return os::ConnectUnix(path, SOCK_SEQPACKET);
}

class AnchorConnection {
 public:
  AnchorConnection(AnchorOptions options, UniqueFd socket)
      : options_(std::move(options)), socket_(std::move(socket)) {}
  Result<Packet> Ask(Type type, std::string_view payload, const std::vector<int>& fds = {}) {
    const std::lock_guard lock(mutex_);
    Result<Packet> answer = Try(type, payload, fds);
    if (!answer.ok() && type != Type::kStopAnchor) {
      // It died. Pods that run go on; another one takes new pods, and knows nothing of the old
      // ones.
      base::LogWarn("the anchor is gone, another is started",
                    {{"run_dir", options_.run_dir}, {"error", answer.error()}});
      ASSIGN_OR_RETURN(socket_, ReachAnchor(options_));
      answer = Try(type, payload, fds);
    }
    if (!answer.ok()) return answer;
    ASSIGN_OR_RETURN(answer->payload, ReadAnswer(answer->payload));
    return answer;
  }

 private:
  Result<Packet> Try(Type type, std::string_view payload, const std::vector<int>& fds) {
    RETURN_IF_ERROR(SendPacket(socket_.get(), type, 1, payload, fds));
    return ReceivePacket(socket_.get());
  }
  const AnchorOptions options_;
  std::mutex mutex_;
  UniqueFd socket_;  // guarded by mutex_
};

struct Waiter {
  std::condition_variable done;
  std::optional<Result<std::string>> answer;
};

// Shared with the reader thread's callbacks, which may still run while the client object goes.
struct Connection {
  UniqueFd socket;
  MonitorClient::ExitHandler on_exit;
  MonitorClient::LostHandler on_lost;
  os::EventLoop::WatchId watch = 0;
  std::mutex mutex;
  uint64_t next_id = 1;                              // guarded by mutex
  std::map<uint64_t, std::shared_ptr<Waiter>> open;  // guarded by mutex
  bool lost = false;                                 // guarded by mutex
  bool closing = false;                              // guarded by mutex
};

void OnReadable(ReaderThread& reader, const std::shared_ptr<Connection>& connection) {
  Result<Packet> packet = ReceivePacket(connection->socket.get());
  if (!packet.ok()) {
    reader.loop().Unwatch(connection->watch);
    bool tell = false;
    {
      const std::lock_guard lock(connection->mutex);
      connection->lost = true;
      tell = !connection->closing;
      for (auto& [id, waiter] : connection->open) {
        waiter->answer = Result<std::string>(base::Unavailable("the pod's monitor is gone"));
        waiter->done.notify_all();
      }
      connection->open.clear();
    }
    if (tell && connection->on_lost) connection->on_lost();
    return;
  }
  if (packet->type == Type::kExited) {
    base::Reader r(packet->payload);
    const ExitRecord record = GetExitRecord(r);
    if (r.ok() && connection->on_exit) connection->on_exit(record);
    return;
  }
  const std::lock_guard lock(connection->mutex);
  const auto found = connection->open.find(packet->id);
  if (found == connection->open.end()) return;
  found->second->answer = ReadAnswer(packet->payload);
  found->second->done.notify_all();
  connection->open.erase(found);
}

class MonitorClientImpl final : public MonitorClient {
 public:
  MonitorClientImpl(std::string sandbox_id, std::shared_ptr<ReaderThread> reader,
                    std::shared_ptr<AnchorConnection> anchor,
                    std::shared_ptr<Connection> connection)
      : sandbox_id_(std::move(sandbox_id)),
        reader_(std::move(reader)),
        anchor_(std::move(anchor)),
        connection_(std::move(connection)) {}

  ~MonitorClientImpl() override {
    {
      const std::lock_guard lock(connection_->mutex);
      connection_->closing = true;
      if (connection_->lost) return;
    }
    const std::shared_ptr<Connection> connection = connection_;
    const std::shared_ptr<ReaderThread> reader = reader_;
    reader_->loop().Post(
        [connection, loop = &reader->loop()] { loop->Unwatch(connection->watch); });
  }

  Result<std::vector<ContainerState>> ListContainers() override {
    ASSIGN_OR_RETURN(const std::string answer, Ask(Type::kList, ""));
    base::Reader r(answer);
    std::vector<ContainerState> states;
    for (uint32_t n = r.Count(18); n > 0; --n) states.push_back(GetContainerState(r));
    if (!r.ok()) return base::DataLoss("the monitor's list is malformed");
    return states;
  }

  Result<StartedContainer> Start(const spec::ContainerSpec& spec, std::vector<UniqueFd> fds,
                                 UniqueFd log_dir) override {
    ASSIGN_OR_RETURN(const UniqueFd memfd,
                     os::CreateSealedMemfd("container-spec", spec::Encode(spec)));
    std::vector<int> raw = {memfd.get()};
    if (log_dir) raw.push_back(log_dir.get());
    for (const UniqueFd& fd : fds) raw.push_back(fd.get());
    base::Writer w;
    w.Bool(log_dir.valid());
    ASSIGN_OR_RETURN(const std::string answer, Ask(Type::kStart, w.bytes(), raw));
    base::Reader r(answer);
    StartedContainer started;
    started.pid = r.I32();
    started.started_at = r.I64();
    if (!r.ok()) return base::DataLoss("the monitor's answer is malformed");
    return started;
  }

  Status Signal(const std::string& container_id, int signal) override {
    base::Writer w;
    w.String(container_id);
    w.I32(signal);
    return Plain(Type::kSignal, w.bytes());
  }
  Status KillAll(const std::string& container_id) override {
    return Plain(Type::kKillAll, Named(container_id));
  }
  Status ReopenLog(const std::string& container_id) override {
    return Plain(Type::kReopenLog, Named(container_id));
  }
  Status Forget(const std::string& container_id) override {
    return Plain(Type::kForget, Named(container_id));
  }

  Result<ExecResult> Exec(ExecRequest request) override {
    ASSIGN_OR_RETURN(const UniqueFd memfd,
                     os::CreateSealedMemfd("exec-spec", spec::Encode(request.process)));
    std::vector<int> raw = {memfd.get()};
    uint8_t which = 0;
    const UniqueFd* streams[] = {&request.in, &request.out, &request.err};
    for (int i = 0; i < 3; ++i) {
      if (!*streams[i]) continue;
      which = static_cast<uint8_t>(which | 1 << i);
      raw.push_back(streams[i]->get());
    }
    base::Writer w;
    w.String(request.container_id);
    w.I64(request.timeout.count());
    w.U8(which);
    // Without a time-out of its own a command may run for ever; the answer comes at its end.
    std::optional<std::chrono::milliseconds> patience;
    if (request.timeout.count() > 0) patience = request.timeout + kPatience;
    ASSIGN_OR_RETURN(const std::string answer,
                     Ask(Type::kExec, w.bytes(), raw, patience, [&request] {
                       request.in.reset();
                       request.out.reset();
                       request.err.reset();
                     }));
    base::Reader r(answer);
    ExecResult result;
    result.exit_code = r.I32();
    result.timed_out = r.Bool();
    if (!r.ok()) return base::DataLoss("the monitor's answer is malformed");
    return result;
  }

  Status Shutdown() override {
    {
      const std::lock_guard lock(connection_->mutex);
      connection_->closing = true;
    }
    (void)Ask(Type::kShutdown, "");
    const Result<Packet> dropped = anchor_->Ask(Type::kDropPod, Named(sandbox_id_));
    // An anchor that is gone keeps nothing and starts nobody anew.
    if (!dropped.ok() && dropped.error().code() != base::Code::kUnavailable) return dropped.error();
    return base::Ok();
  }

 private:
  static std::string Named(const std::string& id) {
    base::Writer w;
    w.String(id);
    return w.Take();
  }
  Status Plain(Type type, std::string_view payload) {
    ASSIGN_OR_RETURN([[maybe_unused]] const std::string answer, Ask(type, payload));
    return base::Ok();
  }

  Result<std::string> Ask(Type type, std::string_view payload, const std::vector<int>& fds = {},
                          std::optional<std::chrono::milliseconds> patience = kPatience,
                          const std::function<void()>& sent = {}) {
    KEELSON_CHECK(!reader_->OnThread());
    const auto waiter = std::make_shared<Waiter>();
    std::unique_lock lock(connection_->mutex);
    if (connection_->lost) return base::Unavailable("the pod's monitor is gone");
    const uint64_t id = connection_->next_id++;
    RETURN_IF_ERROR(SendPacket(connection_->socket.get(), type, id, payload, fds)
                        .WithContext("ask the pod's monitor"));
    connection_->open[id] = waiter;
    if (sent) sent();
    const auto answered = [&] { return waiter->answer.has_value(); };
    if (patience) {
      if (!waiter->done.wait_for(lock, *patience, answered)) {
        connection_->open.erase(id);
        return base::DeadlineExceeded("the pod's monitor did not answer within {} ms",
                                      patience->count());
      }
    } else {
      waiter->done.wait(lock, answered);
    }
    return *waiter->answer;
  }

  const std::string sandbox_id_;
  std::shared_ptr<ReaderThread> reader_;
  std::shared_ptr<AnchorConnection> anchor_;
  std::shared_ptr<Connection> connection_;
};

class AnchorImpl final : public Anchor {
 public:
  AnchorImpl(std::shared_ptr<AnchorConnection> connection, std::shared_ptr<ReaderThread> reader)
      : connection_(std::move(connection)), reader_(std::move(reader)) {}

  Result<std::unique_ptr<MonitorClient>> StartMonitor(const PodSetup& setup,
                                                      const PodNamespaces& namespaces,
                                                      MonitorClient::ExitHandler on_exit,
                                                      MonitorClient::LostHandler on_lost) override {
    base::Writer w;
    Put(w, setup);
    uint8_t which = 0;
    std::vector<int> fds;
    const UniqueFd* all[] = {&namespaces.net, &namespaces.ipc, &namespaces.uts};
    for (int i = 0; i < 3; ++i) {
      if (!*all[i]) continue;
      which = static_cast<uint8_t>(which | 1 << i);
      fds.push_back(all[i]->get());
    }
    w.U8(which);
    ASSIGN_OR_RETURN([[maybe_unused]] const Packet answer,
                     connection_->Ask(Type::kStartMonitor, w.bytes(), fds));
    return Connect(setup, std::move(on_exit), std::move(on_lost));
  }

  Result<std::unique_ptr<MonitorClient>> AdoptMonitor(const PodSetup& setup,
                                                      MonitorClient::ExitHandler on_exit,
                                                      MonitorClient::LostHandler on_lost) override {
    base::Writer w;
    w.String(setup.sandbox_id);
    const Result<Packet> answer = connection_->Ask(Type::kHasMonitor, w.bytes());
    if (answer.ok()) return Connect(setup, std::move(on_exit), std::move(on_lost));
    if (answer.error().code() != base::Code::kNotFound) return answer.error();
    // One that outlived its anchor still listens.
    Result<std::unique_ptr<MonitorClient>> orphan =
        Connect(setup, std::move(on_exit), std::move(on_lost));
    if (!orphan.ok()) return answer.error();
    return orphan;
  }

  Status Drop(const std::string& sandbox_id) override {
    base::Writer w;
    w.String(sandbox_id);
    ASSIGN_OR_RETURN([[maybe_unused]] const Packet answer,
                     connection_->Ask(Type::kDropPod, w.bytes()));
    return base::Ok();
  }

  Status Stop() override {
    const Result<Packet> answer = connection_->Ask(Type::kStopAnchor, "");
    if (!answer.ok() && answer.error().code() != base::Code::kUnavailable)
      return answer.error();  // gone is stopped
    return base::Ok();
  }

 private:
  Result<std::unique_ptr<MonitorClient>> Connect(const PodSetup& setup,
                                                 MonitorClient::ExitHandler on_exit,
                                                 MonitorClient::LostHandler on_lost) {
    // The anchor holds the listening socket: connecting works while the monitor is still on its
    // way.
    auto connection = std::make_shared<Connection>();
    ASSIGN_OR_RETURN(connection->socket,
                     os::ConnectUnix(setup.run_dir + "/monitor.sock", SOCK_SEQPACKET));
    connection->on_exit = std::move(on_exit);
    connection->on_lost = std::move(on_lost);
    ReaderThread* const reader = reader_.get();
    reader_->loop().Post([connection, reader] {
      Result<os::EventLoop::WatchId> watch =
          reader->loop().Watch(connection->socket.get(), EPOLLIN,
                               [connection, reader](uint32_t) { OnReadable(*reader, connection); });
      if (watch.ok()) connection->watch = *watch;
    });
    return std::unique_ptr<MonitorClient>(
        new MonitorClientImpl(setup.sandbox_id, reader_, connection_, std::move(connection)));
  }

  std::shared_ptr<AnchorConnection> connection_;
  std::shared_ptr<ReaderThread> reader_;
};

}  // namespace

Result<std::unique_ptr<Anchor>> ConnectAnchor(const AnchorOptions& options) {
  ASSIGN_OR_RETURN(UniqueFd socket, ReachAnchor(options));
  ASSIGN_OR_RETURN(std::shared_ptr<ReaderThread> reader, ReaderThread::Create());
  auto connection = std::make_shared<AnchorConnection>(options, std::move(socket));
  return std::unique_ptr<Anchor>(new AnchorImpl(std::move(connection), std::move(reader)));
}

}  // namespace keelson::monitor
