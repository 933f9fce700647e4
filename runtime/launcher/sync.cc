// SPDX-License-Identifier: Apache-2.0
#include "runtime/launcher/sync.h"

#include <cerrno>

#include "lib/base/codec.h"
#include "lib/os/socket.h"

namespace keelson::launcher {
namespace {

enum class Kind : uint8_t { kPid = 1, kGo = 2, kError = 3, kAsk = 4, kReady = 5 };
constexpr size_t kMaxText = 4096;

base::Error DecodeError(base::Reader& reader) {
  const auto code = static_cast<base::Code>(reader.U8());
  const int os_errno = reader.I32();
  std::string text = reader.String();
  if (!reader.ok()) return base::DataLoss("the starting process sent a malformed error");
  return base::Error(code, std::move(text), os_errno);
}

std::vector<int> DescriptorsOf(const Terminal& terminal) {
  if (!terminal.master) return {};
  return {terminal.master.get(), terminal.peer.get()};
}

void TakeTerminal(os::Message& message, Born& born) {
  if (message.fds.size() == 2)
    born.terminal = {std::move(message.fds[0]), std::move(message.fds[1])};
}

}  // namespace

base::Status SendPid(int socket, pid_t pid, const Terminal& terminal) {
  base::Writer w;
  w.U8(static_cast<uint8_t>(Kind::kPid));
  w.I32(pid);
  return os::SendMessage(socket, w.bytes(), DescriptorsOf(terminal));
}

base::Status SendGo(int socket, std::string_view more) {
  base::Writer w;
  w.U8(static_cast<uint8_t>(Kind::kGo));
  if (!more.empty()) w.String(more);
  return os::SendMessage(socket, w.bytes());
}

void SendError(int socket, const base::Error& error) {
  base::Writer w;
  w.U8(static_cast<uint8_t>(Kind::kError));
  w.U8(static_cast<uint8_t>(error.code()));
  w.I32(error.os_errno());
  w.String(std::string_view(error.message()).substr(0, kMaxText));
  (void)os::SendMessage(socket, w.bytes());
}

base::Result<Heard> Hear(int socket, Born& born) {
  base::Result<os::Message> message = os::ReceiveMessage(socket);
  if (!message.ok()) {
    const int code = message.error().os_errno();
    if (code == 0 || code == ECONNRESET) return Heard::kEnd;
    return message.error();
  }
  base::Reader reader(message->bytes);
  const auto kind = static_cast<Kind>(reader.U8());
  if (kind == Kind::kError) return DecodeError(reader);
  if (kind == Kind::kAsk) return Heard::kAsked;
  if (kind == Kind::kReady) {
    TakeTerminal(*message, born);
    return Heard::kReady;
  }
  const pid_t pid = reader.I32();
  if (kind != Kind::kPid || !reader.ok() || pid <= 0)
    return base::DataLoss("the starting process sent an unknown message");
  born.pid = pid;
  TakeTerminal(*message, born);
  return Heard::kBorn;
}

base::Result<Born> ReceivePid(int socket) {
  Born born;
  ASSIGN_OR_RETURN(const Heard heard, Hear(socket, born));
  if (heard == Heard::kEnd)
    return base::Aborted("the starting process ended without a word (killed?)");
  if (heard != Heard::kBorn) return base::DataLoss("the starting process sent no pid");
  return born;
}

base::Status SendReady(int socket, const Terminal& terminal) {
  base::Writer w;
  w.U8(static_cast<uint8_t>(Kind::kReady));
  return os::SendMessage(socket, w.bytes(), DescriptorsOf(terminal));
}

base::Status Ask(int socket) {
  base::Writer w;
  w.U8(static_cast<uint8_t>(Kind::kAsk));
  RETURN_IF_ERROR(os::SendMessage(socket, w.bytes()));
  return WaitForGo(socket);
}

base::Status WaitForGo(int socket, std::string* more) {
  ASSIGN_OR_RETURN(const os::Message message, os::ReceiveMessage(socket));
  base::Reader reader(message.bytes);
  if (static_cast<Kind>(reader.U8()) != Kind::kGo || !reader.ok())
    return base::DataLoss("expected go");
  if (more != nullptr && !reader.AtEnd()) *more = reader.String();
  return base::Ok();
}

base::Status WaitForExec(int socket) {
  base::Result<os::Message> message = os::ReceiveMessage(socket);
  if (!message.ok()) {
    return message.error().os_errno() == 0 ? base::Ok() : base::Status(message.error());
  }
  base::Reader reader(message->bytes);
  if (static_cast<Kind>(reader.U8()) == Kind::kError) return DecodeError(reader);
  return base::DataLoss("the starting process sent an unknown message");
}

}  // namespace keelson::launcher
