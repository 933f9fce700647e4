// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/monitor_client.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "lib/base/clock.h"
#include "lib/base/fail_point.h"
#include "lib/os/event_loop.h"
#include "lib/os/pipe.h"
#include "runtime/spec/encode.h"
#include "runtime/spec/start_stage.h"

namespace keelson::monitor {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

StageTimes TimesOf(const Spans& spans) {
  StageTimes times;
  for (const auto& [stage, time] : spans) {
    const char* name = spec::NameOf(stage);
    times.emplace_back(name != nullptr ? name : "monitor/other", time);
  }
  return times;
}

class LiveSessionImpl final : public LiveSession {
 public:
  LiveSessionImpl(std::shared_ptr<Connection> connection, uint64_t id, Type farewell)
      : connection_(std::move(connection)), id_(id), farewell_(farewell) {}
  ~LiveSessionImpl() override {
    const std::lock_guard lock(connection_->mutex);
    if (connection_->live.contains(id_) && !connection_->lost)
      (void)SendPacket(connection_->socket.get(), farewell_, id_, "");
  }

 private:
  const std::shared_ptr<Connection> connection_;
  const uint64_t id_;
  const Type farewell_;
};

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
    reader_->loop().Post([connection, loop = &reader->loop()] {
      loop->Unwatch(connection->watch);
      EndAllSessions(*connection, {.error = "the pod is gone"});
    });
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
    // Earlier than we give it up, so that what begins can be told.
    const std::chrono::milliseconds patience = anchor_->patience();
    w.I64((base::SystemClock().Steady() + patience - patience / 10).time_since_epoch() /
          std::chrono::nanoseconds(1));
    ASSIGN_OR_RETURN(const std::shared_ptr<Waiter> waiter, Send(Type::kStart, w.bytes(), raw, {}));
    ASSIGN_OR_RETURN(const Packet answer, Await(*waiter, patience, spec.id));
    base::Reader r(answer.payload);
    StartedContainer started;
    started.pid = r.I32();
    started.started_at = r.I64();
    if (!r.ok()) return base::DataLoss("the monitor's answer is malformed");
    started.stages = TimesOf(GetStages(r));
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
    // Without a time-out of its own a command may run for ever; the answer comes at its end.
    std::optional<std::chrono::milliseconds> patience;
    if (request.timeout.count() > 0) patience = request.timeout + anchor_->patience();
    const std::stop_token stop = request.stop;
    const auto meanwhile = std::move(request.meanwhile);
    UniqueFd answered;
    if (meanwhile) {
      answered = UniqueFd(eventfd(0, EFD_CLOEXEC));
      if (!answered) return Error::FromErrno(errno, "eventfd");
    }
    const int readable = answered.get();
    ASSIGN_OR_RETURN(const std::shared_ptr<Waiter> waiter,
                     SendExec(Type::kExec, std::move(request), {}, std::move(answered)));
    const std::stop_callback kill(stop, [this, waiter] {
      const std::lock_guard lock(connection_->mutex);
      if (connection_->open.contains(waiter->id))
        (void)SendPacket(connection_->socket.get(), Type::kKillExec, waiter->id, "");
    });
    if (meanwhile) {
      meanwhile(readable, patience);
      if (patience) patience = std::chrono::milliseconds(0);
    }
    ASSIGN_OR_RETURN(const Packet answer, Await(*waiter, patience));
    base::Reader r(answer.payload);
    ExecResult result;
    result.exit_code = r.I32();
    result.timed_out = r.Bool();
    if (!r.ok()) return base::DataLoss("the monitor's answer is malformed");
    result.stages = TimesOf(GetStages(r));
    return result;
  }

  Result<std::unique_ptr<LiveSession>> OpenExec(ExecRequest request, EndHandler ended) override {
    ASSIGN_OR_RETURN(
        const std::shared_ptr<Waiter> waiter,
        SendExec(Type::kOpenExec, std::move(request), Live{.ended = std::move(ended)}));
    return Opened(*waiter, Type::kKillExec);
  }

  Result<std::unique_ptr<LiveSession>> Attach(AttachRequest request, EndHandler ended) override {
    uint8_t flags = request.terminal ? kAttachTerminal : 0;
    std::vector<int> raw;
    const std::pair<const UniqueFd*, uint8_t> streams[] = {
        {&request.in, uint8_t{kAttachIn}},
        {&request.out, request.terminal ? uint8_t{0} : uint8_t{kAttachOut}},
        {&request.err, uint8_t{kAttachErr}}};
    for (const auto& [fd, flag] : streams) {
      if (!*fd) continue;
      flags = static_cast<uint8_t>(flags | flag);
      raw.push_back(fd->get());
    }
    base::Writer w;
    w.String(request.container_id);
    w.U8(flags);
    ASSIGN_OR_RETURN(const std::shared_ptr<Waiter> waiter,
                     Send(Type::kAttach, w.bytes(), raw,
                          Live{.ended = std::move(ended), .attached = request.container_id}));
    return Opened(*waiter, Type::kDetach);
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

  Result<std::string> Ask(Type type, std::string_view payload, const std::vector<int>& fds = {}) {
    ASSIGN_OR_RETURN(const std::shared_ptr<Waiter> waiter, Send(type, payload, fds, {}));
    ASSIGN_OR_RETURN(Packet answer, Await(*waiter, anchor_->patience()));
    return std::move(answer.payload);
  }

  Result<std::shared_ptr<Waiter>> Send(Type type, std::string_view payload,
                                       const std::vector<int>& fds, std::optional<Live> live,
                                       UniqueFd answered = {}) {
    KEELSON_CHECK(!reader_->OnThread());
    const auto waiter = std::make_shared<Waiter>();
    waiter->answered = std::move(answered);
    const std::lock_guard lock(connection_->mutex);
    if (connection_->lost) return base::Unavailable("the pod's monitor is gone");
    waiter->id = connection_->next_id++;
    RETURN_IF_ERROR(SendPacket(connection_->socket.get(), type, waiter->id, payload, fds)
                        .WithContext("ask the pod's monitor"));
    connection_->open[waiter->id] = waiter;
    FAIL_POINT("runtime.monitor.asked");
    if (live) connection_->live[waiter->id] = std::move(*live);
    return waiter;
  }

  // The request's descriptors are closed when it is sent: the end of a stream must be seen.
  Result<std::shared_ptr<Waiter>> SendExec(Type type, ExecRequest request, std::optional<Live> live,
                                           UniqueFd answered = {}) {
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
    return Send(type, w.bytes(), raw, std::move(live), std::move(answered));
  }

  // `started`: the container that is killed if it is told later that it has begun.
  Result<Packet> Await(Waiter& waiter, std::optional<std::chrono::milliseconds> patience,
                       const std::string& started = {}) {
    std::unique_lock lock(connection_->mutex);
    const auto answered = [&] { return waiter.answer.has_value(); };
    if (!patience) {
      waiter.done.wait(lock, answered);
    } else if (!waiter.done.wait_for(lock, *patience, answered)) {
      connection_->open.erase(waiter.id);
      if (!started.empty()) connection_->given_up[waiter.id] = started;
      return base::DeadlineExceeded("the pod's monitor did not answer within {} ms",
                                    patience->count());
    }
    FAIL_POINT("runtime.monitor.answered");
    return std::move(*waiter.answer);
  }

  Result<std::unique_ptr<LiveSession>> Opened(Waiter& waiter, Type farewell) {
    // From here on it is ended when it is dropped, also when the answer is late.
    auto session = std::make_unique<LiveSessionImpl>(connection_, waiter.id, farewell);
    Result<Packet> answer = Await(waiter, anchor_->patience());
    if (!answer.ok()) {
      const bool late = answer.error().code() == base::Code::kDeadlineExceeded;
      const std::lock_guard lock(connection_->mutex);
      if (late && !connection_->lost)
        (void)SendPacket(connection_->socket.get(), farewell, waiter.id, "");
      connection_->live.erase(waiter.id);
      return answer.error();
    }
    if (!answer->fds.empty()) session->terminal = std::move(answer->fds[0]);
    return std::unique_ptr<LiveSession>(std::move(session));
  }

  const std::string sandbox_id_;
  std::shared_ptr<ReaderThread> reader_;
  std::shared_ptr<AnchorConnection> anchor_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<MonitorClient> MakeMonitorClient(std::string sandbox_id,
                                                 std::shared_ptr<ReaderThread> reader,
                                                 std::shared_ptr<AnchorConnection> anchor,
                                                 std::shared_ptr<Connection> connection) {
  return std::make_unique<MonitorClientImpl>(std::move(sandbox_id), std::move(reader),
                                             std::move(anchor), std::move(connection));
}

}  // namespace keelson::monitor
