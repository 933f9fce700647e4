// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/client.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/event_loop.h"
#include "lib/os/files.h"
#include "lib/os/socket.h"
#include "runtime/monitor/monitor_client.h"

namespace keelson::monitor {

using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

// Of monitor, log and init, in this order; none where they cannot be opened.
std::vector<UniqueFd> OpenPrograms(const std::string& binary_dir) {
  std::vector<UniqueFd> programs;
  for (const char* name : {"/keelson-monitor", "/keelson-log", "/keelson-init"}) {
    Result<UniqueFd> program = mount::OpenReadOnly(binary_dir + name);
    if (!program.ok()) {
      base::LogWarn("a program is not there: pods keep those that they have",
                    {{"program", binary_dir + name}, {"error", program.error()}});
      return {};
    }
    programs.push_back(std::move(program).value());
  }
  return programs;
}

std::vector<int> Numbers(const std::vector<UniqueFd>& fds) {
  std::vector<int> numbers;
  for (const UniqueFd& fd : fds) numbers.push_back(fd.get());
  return numbers;
}

class AnchorImpl final : public Anchor {
 public:
  AnchorImpl(std::shared_ptr<AnchorConnection> connection, std::shared_ptr<ReaderThread> reader,
             std::vector<UniqueFd> programs)
      : connection_(std::move(connection)),
        reader_(std::move(reader)),
        programs_(std::move(programs)) {}

  Result<std::unique_ptr<MonitorClient>> StartMonitor(const PodSetup& setup,
                                                      const PodNamespaces& namespaces,
                                                      MonitorClient::ExitHandler on_exit,
                                                      MonitorClient::LostHandler on_lost) override {
    base::Writer w;
    Put(w, setup);
    uint8_t which = 0;
    std::vector<int> fds;
    const UniqueFd* all[] = {&namespaces.net, &namespaces.ipc, &namespaces.uts, &namespaces.user};
    for (int i = 0; i < 4; ++i) {
      if (!*all[i]) continue;
      which = static_cast<uint8_t>(which | 1 << i);
      fds.push_back(all[i]->get());
    }
    w.U8(which);
    ASSIGN_OR_RETURN([[maybe_unused]] const Packet answer,
                     connection_->Ask(Type::kStartMonitor, w.bytes(), fds));
    ASSIGN_OR_RETURN(std::shared_ptr<Connection> connection,
                     Connect(setup, std::move(on_exit), std::move(on_lost)));
    return MakeMonitorClient(setup.sandbox_id, reader_, connection_, std::move(connection));
  }

  Result<std::unique_ptr<MonitorClient>> AdoptMonitor(const PodSetup& setup,
                                                      MonitorClient::ExitHandler on_exit,
                                                      MonitorClient::LostHandler on_lost) override {
    base::Writer w;
    w.String(setup.sandbox_id);
    const Result<Packet> answer = connection_->Ask(Type::kHasMonitor, w.bytes());
    if (answer.ok()) return ConnectAndUpgrade(setup, std::move(on_exit), std::move(on_lost));
    if (answer.error().code() != base::Code::kNotFound) return answer.error();
    // One that outlived its anchor still listens.
    Result<std::unique_ptr<MonitorClient>> orphan =
        ConnectAndUpgrade(setup, std::move(on_exit), std::move(on_lost));
    if (!orphan.ok()) return answer.error();
    return orphan;
  }

  Status ReplaceMonitor(const std::string& sandbox_id) override {
    base::Writer w;
    w.String(sandbox_id);
    ASSIGN_OR_RETURN([[maybe_unused]] const Packet answer,
                     connection_->Ask(Type::kReplaceMonitor, w.bytes()));
    return base::Ok();
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
  Result<std::unique_ptr<MonitorClient>> ConnectAndUpgrade(const PodSetup& setup,
                                                           MonitorClient::ExitHandler on_exit,
                                                           MonitorClient::LostHandler on_lost) {
    ASSIGN_OR_RETURN(std::shared_ptr<Connection> connection,
                     Connect(setup, std::move(on_exit), std::move(on_lost)));
    if (!programs_.empty()) AskForUpgrade(*connection, setup.sandbox_id, Numbers(programs_));
    return MakeMonitorClient(setup.sandbox_id, reader_, connection_, std::move(connection));
  }
  Result<std::shared_ptr<Connection>> Connect(const PodSetup& setup,
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
    return connection;
  }

  std::shared_ptr<AnchorConnection> connection_;
  std::shared_ptr<ReaderThread> reader_;
  const std::vector<UniqueFd> programs_;
};

}  // namespace

Result<std::unique_ptr<Anchor>> ConnectAnchor(const AnchorOptions& options) {
  ASSIGN_OR_RETURN(std::shared_ptr<AnchorConnection> connection, AnchorConnection::Reach(options));
  ASSIGN_OR_RETURN(std::shared_ptr<ReaderThread> reader, ReaderThread::Create());
  std::vector<UniqueFd> programs = OpenPrograms(options.binary_dir);
  if (!programs.empty()) {
    const Result<Packet> taken = connection->Ask(Type::kUsePrograms, "", Numbers(programs));
    if (!taken.ok() && taken.error().code() == base::Code::kUnimplemented) {
      base::LogWarn("the anchor is older than this daemon: new pods get the programs beside it",
                    {{"run_dir", options.run_dir}});
    } else if (!taken.ok()) {
      return taken.error();
    }
  }
  return std::unique_ptr<Anchor>(
      new AnchorImpl(std::move(connection), std::move(reader), std::move(programs)));
}

}  // namespace keelson::monitor
