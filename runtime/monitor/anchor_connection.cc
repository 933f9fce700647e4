// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/anchor_connection.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/socket.h"

namespace keelson::monitor {

using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

Status StartAnchor(const AnchorOptions& options, const std::string& socket_path) {
  ASSIGN_OR_RETURN(const UniqueFd listener, os::ListenUnix(socket_path, SOCK_SEQPACKET));
  ASSIGN_OR_RETURN(const UniqueFd log,
                   os::Open(options.run_dir + "/anchor.log", O_WRONLY | O_CREAT | O_APPEND, 0600));
  os::SpawnOptions spawn;
  spawn.argv = {options.binary_dir + "/keelson-anchor", options.run_dir, options.state_dir,
                options.binary_dir};
  spawn.fds = {{listener.get(), 3}, {log.get(), 1}, {log.get(), 2}};
  spawn.new_session = true;
  if (const char* points = base::fail_point::Inherited()) spawn.env = {points};
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

}  // namespace

Result<std::shared_ptr<AnchorConnection>> AnchorConnection::Reach(const AnchorOptions& options) {
  ASSIGN_OR_RETURN(UniqueFd socket, ReachAnchor(options));
  return std::shared_ptr<AnchorConnection>(new AnchorConnection(options, std::move(socket)));
}

Result<Packet> AnchorConnection::Ask(Type type, std::string_view payload,
                                     const std::vector<int>& fds) {
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

Result<Packet> AnchorConnection::Try(Type type, std::string_view payload,
                                     const std::vector<int>& fds) {
  RETURN_IF_ERROR(SendPacket(socket_.get(), type, 1, payload, fds));
  FAIL_POINT("runtime.anchor.asked");
  Result<Packet> answer = ReceiveAnswer(socket_.get(), 1);
  FAIL_POINT("runtime.anchor.answered");
  return answer;
}

}  // namespace keelson::monitor
