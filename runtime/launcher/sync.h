// SPDX-License-Identifier: Apache-2.0
// What the processes of a start say to each other over one SOCK_SEQPACKET pair: stage one tells the
// pid it cloned, the new process waits for "go", either tells an error. The end of the stream after
// "go" means that execve(2) succeeded, since the socket is close-on-exec. A container without a pod
// also asks its maker for something that only he can do, and is ready long before execve. Messages
// are bounded and carry plain numbers and text.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/launcher/terminal.h"

namespace keelson::launcher {

struct Born {
  pid_t pid = -1;
  Terminal terminal;  // when it has one
};
base::Status SendPid(int socket, pid_t pid, const Terminal& terminal);
base::Status SendGo(int socket, std::string_view more = {});  // `more`: a text that comes along
void SendError(int socket, const base::Error& error);         // best effort: the peer may be gone

base::Result<Born> ReceivePid(int socket);  // or the error that was sent instead
// "Do your part": returns when the other side has said "go". `Hear` is the other side.
base::Status Ask(int socket);
base::Status SendReady(int socket, const Terminal& terminal);
enum class Heard { kAsked, kReady, kEnd, kBorn };
base::Result<Heard> Hear(int socket, Born& born);  // or the error that was sent
base::Status WaitForGo(int socket, std::string* more = nullptr);
base::Status WaitForExec(int socket);  // success at the end of the stream

}  // namespace keelson::launcher
