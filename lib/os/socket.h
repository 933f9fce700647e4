// SPDX-License-Identifier: Apache-2.0
// Unix sockets between our own processes: SOCK_SEQPACKET, one message a packet, descriptors by
// SCM_RIGHTS. Never abstract names. Blocking unless the descriptor was made non-blocking. Any
// thread, one reader and one writer at a time. Source: unix(7).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

constexpr size_t kMaxMessageBytes = 192u << 10;  // larger payloads travel as a sealed memfd
constexpr size_t kMaxMessageFds = 64;

struct Message {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

// Bound with mode 0600; a stale socket file of that name is replaced.
base::Result<UniqueFd> ListenUnix(const std::string& path,
                                  int type /* SOCK_SEQPACKET or SOCK_STREAM */);
base::Result<UniqueFd> ConnectUnix(const std::string& path, int type);
base::Result<UniqueFd> Accept(int listener);
// Of a unix socket: PermissionDenied for a peer that is neither root nor of this process's user,
// whose connection is closed. A socket's mode keeps others away before; this does where a mode or a
// folder was opened by mistake.
base::Result<UniqueFd> AcceptOwner(int listener);
bool IsOwner(int socket);  // its peer is root or of this process's user
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
base::Result<SocketPair> CreateSocketPair(int type);
struct PeerIdentity {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};
base::Result<PeerIdentity> GetPeerIdentity(int socket);

base::Status SendMessage(int socket, std::string_view bytes, const std::vector<int>& fds = {});
// An orderly end of the stream is Unavailable with "peer closed the connection"; EAGAIN is
// Unavailable with os_errno EAGAIN.
base::Result<Message> ReceiveMessage(int socket);

}  // namespace keelson::os
