// SPDX-License-Identifier: Apache-2.0
#include "supervise/protocol/protocol.h"

#include <sys/socket.h>

#include "lib/base/codec.h"
#include "lib/os/socket.h"

namespace keelson::supervise {
namespace {

constexpr uint32_t kLayoutMagic = 0x6b6c7370;  // "pslk"
constexpr uint32_t kVersion = 1;

base::Error Unreadable(const char* what) {
  return base::DataLoss("{} cannot be read: not whole, or of another version", what);
}

// The first two words of everything; false: not ours.
bool Begins(base::Reader& reader) {
  const bool ours = reader.U32() == kLayoutMagic;
  return reader.U32() >= kVersion && ours && reader.ok();
}
base::Writer Begin() {
  base::Writer writer;
  writer.U32(kLayoutMagic);
  writer.U32(kVersion);
  return writer;
}

}  // namespace

std::string Encode(const Layout& layout) {
  base::Writer writer = Begin();
  writer.U32(static_cast<uint32_t>(layout.processes.size()));
  for (const Process& process : layout.processes) {
    writer.String(process.name);
    writer.Strings(process.argv);
    writer.String(process.log);
  }
  return writer.Take();
}

base::Result<Layout> DecodeLayout(std::string_view bytes) {
  base::Reader reader(bytes);
  if (!Begins(reader)) return Unreadable("the list of processes");
  Layout layout;
  for (uint32_t n = reader.Count(12); n > 0 && reader.ok(); --n) {
    Process process;
    process.name = reader.String();
    process.argv = reader.Strings();
    process.log = reader.String();
    if (process.argv.empty()) return Unreadable("the list of processes");
    layout.processes.push_back(std::move(process));
  }
  if (!reader.ok()) return Unreadable("the list of processes");
  return layout;
}

std::string Encode(const Counts& counts) {
  base::Writer writer = Begin();
  writer.U32(static_cast<uint32_t>(counts.size()));
  for (const auto& [name, count] : counts) {
    writer.String(name);
    writer.U32(count);
  }
  return writer.Take();
}

base::Result<Counts> DecodeCounts(std::string_view bytes) {
  base::Reader reader(bytes);
  if (!Begins(reader)) return Unreadable("the counts of restarts");
  Counts counts;
  for (uint32_t n = reader.Count(8); n > 0 && reader.ok(); --n) {
    std::string name = reader.String();
    counts[std::move(name)] = reader.U32();
  }
  if (!reader.ok()) return Unreadable("the counts of restarts");
  return counts;
}

std::string Encode(const Request& request) {
  base::Writer writer = Begin();
  writer.U32(static_cast<uint32_t>(request.verb));
  writer.String(request.name);
  writer.U32(request.patience_seconds);
  return writer.Take();
}

base::Result<Request> DecodeRequest(std::string_view bytes) {
  base::Reader reader(bytes);
  if (!Begins(reader)) return Unreadable("the request");
  Request request;
  request.verb = static_cast<Verb>(reader.U32());
  request.name = reader.String();
  request.patience_seconds = reader.U32();
  if (!reader.ok()) return Unreadable("the request");
  return request;
}

std::string Encode(const Reply& reply) {
  base::Writer writer = Begin();
  writer.String(reply.error);
  writer.I32(reply.keeper);
  writer.I32(reply.twin);
  writer.U32(static_cast<uint32_t>(reply.processes.size()));
  for (const ProcessStatus& process : reply.processes) {
    writer.String(process.name);
    writer.U32(static_cast<uint32_t>(process.state));
    writer.I32(process.pid);
    writer.I64(process.since);
    writer.U32(process.restarts);
    writer.String(process.last_end);
  }
  return writer.Take();
}

base::Result<Reply> DecodeReply(std::string_view bytes) {
  base::Reader reader(bytes);
  if (!Begins(reader)) return Unreadable("the answer");
  Reply reply;
  reply.error = reader.String();
  reply.keeper = reader.I32();
  reply.twin = reader.I32();
  for (uint32_t n = reader.Count(28); n > 0 && reader.ok(); --n) {
    ProcessStatus process;
    process.name = reader.String();
    process.state = static_cast<State>(reader.U32());
    process.pid = reader.I32();
    process.since = reader.I64();
    process.restarts = reader.U32();
    process.last_end = reader.String();
    reply.processes.push_back(std::move(process));
  }
  if (!reader.ok()) return Unreadable("the answer");
  return reply;
}

base::Result<Reply> Ask(const Paths& paths, const Request& request) {
  const auto socket = os::ConnectUnix(paths.socket(), SOCK_SEQPACKET);
  if (!socket.ok()) {
    return base::Unavailable("nothing supervises in {}: {}", paths.dir, socket.error().message());
  }
  RETURN_IF_ERROR(os::SendMessage(socket->get(), Encode(request)));
  ASSIGN_OR_RETURN(const os::Message message, os::ReceiveMessage(socket->get()));
  ASSIGN_OR_RETURN(Reply reply, DecodeReply(message.bytes));
  if (!reply.error.empty()) return base::FailedPrecondition("{}", reply.error);
  return reply;
}

}  // namespace keelson::supervise
