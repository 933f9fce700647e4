// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/protocol.h"

#include "lib/base/crc32c.h"
#include "lib/os/files.h"

namespace keelson::monitor {

using base::Reader;
using base::Result;
using base::Status;
using base::Writer;

namespace {

constexpr auto kOfTomorrow = static_cast<Type>(40'000);

std::string Bytes(Type type, uint64_t id, std::string_view payload) {
  const Dialect& dialect = OwnDialect();
  Writer w;
  w.U32(kMajorVersion | static_cast<uint32_t>(dialect.minor) << 16);
  w.U32(static_cast<uint32_t>(type));
  w.U64(id);
  std::string bytes = w.Take();
  bytes += payload;
  bytes += dialect.further;
  return bytes;
}

}  // namespace

Status SendPacket(int socket, Type type, uint64_t id, std::string_view payload,
                  const std::vector<int>& fds) {
  const Dialect& dialect = OwnDialect();
  if (dialect.says_more) RETURN_IF_ERROR(os::SendMessage(socket, Bytes(kOfTomorrow, 0, "?"), {}));
  return os::SendMessage(socket, Bytes(type, id, payload), fds);
}

Result<Packet> ReceivePacket(int socket) {
  ASSIGN_OR_RETURN(os::Message message, os::ReceiveMessage(socket));
  Reader r(message.bytes);
  const uint32_t version = r.U32() & 0xffff;
  Packet packet;
  packet.type = static_cast<Type>(r.U32());
  packet.id = r.U64();
  if (!r.ok()) return base::DataLoss("a packet of {} bytes is too short", message.bytes.size());
  if (version != kMajorVersion) {
    return base::FailedPrecondition(
        "the peer speaks version {} of our protocol, this is version {}", version, kMajorVersion);
  }
  packet.payload = message.bytes.substr(16);
  packet.fds = std::move(message.fds);
  return packet;
}

std::string AnswerOk(std::string_view result) {
  Writer w;
  w.Bool(true);
  return w.Take() + std::string(result);
}

std::string AnswerError(const base::Error& error) {
  Writer w;
  w.Bool(false);
  w.U8(static_cast<uint8_t>(error.code()));
  w.I32(error.os_errno());
  w.String(std::string_view(error.message()).substr(0, 8192));
  return w.Take();
}

Result<std::string> ReadAnswer(std::string_view payload) {
  Reader r(payload);
  if (r.Bool()) return std::string(payload.substr(1));
  const uint8_t number = r.U8();
  const int os_errno = r.I32();
  std::string text = r.String();
  const auto code = static_cast<base::Code>(number);
  if (!r.ok() || code < base::Code::kCancelled || code > base::Code::kUnauthenticated)
    return base::DataLoss("malformed answer");
  return base::Error(code, std::move(text), os_errno);
}

Result<Packet> Ask(int socket, Type type, std::string_view payload, const std::vector<int>& fds) {
  RETURN_IF_ERROR(SendPacket(socket, type, 1, payload, fds));
  ASSIGN_OR_RETURN(Packet answer, ReceiveAnswer(socket, 1));
  ASSIGN_OR_RETURN(answer.payload, ReadAnswer(answer.payload));
  return answer;
}

Result<Packet> ReceiveAnswer(int socket, uint64_t id) {
  while (true) {
    ASSIGN_OR_RETURN(Packet packet, ReceivePacket(socket));
    if (packet.type == Type::kAnswer && packet.id == id) return packet;
  }
}

void Put(Writer& w, const PodSetup& setup) {
  w.String(setup.sandbox_id);
  w.String(setup.run_dir);
  w.String(setup.log_cgroup);
  w.U64(setup.shm_bytes);
  w.Bool(setup.share_process_namespace);
  for (const uint32_t v : {setup.users.uid, setup.users.gid, setup.users.size}) w.U32(v);
}

PodSetup GetPodSetup(Reader& r) {
  PodSetup setup;
  setup.sandbox_id = r.String();
  setup.run_dir = r.String();
  setup.log_cgroup = r.String();
  setup.shm_bytes = r.U64();
  setup.share_process_namespace = r.Bool();
  for (uint32_t* v : {&setup.users.uid, &setup.users.gid, &setup.users.size}) *v = r.U32();
  return setup;
}

void Put(Writer& w, const ExitRecord& record) {
  w.String(record.container_id);
  w.I32(record.exit_code);
  w.I32(record.signal);
  w.Bool(record.oom_killed);
  w.Bool(record.lost);
  w.I64(record.finished_at);
}

ExitRecord GetExitRecord(Reader& r) {
  ExitRecord record;
  record.container_id = r.String();
  record.exit_code = r.I32();
  record.signal = r.I32();
  record.oom_killed = r.Bool();
  record.lost = r.Bool();
  record.finished_at = r.I64();
  return record;
}

void Put(Writer& w, const ContainerState& state) {
  w.String(state.id);
  w.U8(static_cast<uint8_t>(state.phase));
  w.I32(state.started.pid);
  w.I64(state.started.started_at);
  w.Bool(state.exit.has_value());
  if (state.exit) Put(w, *state.exit);
}

ContainerState GetContainerState(Reader& r) {
  ContainerState state;
  state.id = r.String();
  state.phase = static_cast<ContainerPhase>(r.U8());
  state.started.pid = r.I32();
  state.started.started_at = r.I64();
  if (r.Bool()) state.exit = GetExitRecord(r);
  return state;
}

void PutStages(Writer& w, const Spans& spans) {
  w.U32(static_cast<uint32_t>(spans.size()));
  for (const auto& [stage, time] : spans) {
    w.U8(stage);
    w.I64(time.count());
  }
}

Spans GetStages(Reader& r) {
  Spans spans;
  if (!r.ok() || r.AtEnd()) return spans;
  for (uint32_t n = r.Count(9); n > 0; --n) {
    const uint8_t stage = r.U8();
    spans.emplace_back(stage, std::chrono::nanoseconds(r.I64()));
  }
  if (!r.ok()) spans.clear();
  return spans;
}

namespace {
constexpr uint32_t kExitMagic = 0x5458454b;  // "KEXT"
}  // namespace

std::string EncodeExitFile(const ExitRecord& record) {
  Writer w;
  w.U32(kExitMagic);
  w.U32(1);
  Put(w, record);
  std::string bytes = w.Take();
  Writer sum;
  sum.U32(base::Crc32c(bytes));
  return bytes + sum.bytes();
}

Result<ExitRecord> DecodeExitFile(std::string_view bytes) {
  if (bytes.size() < 12) return base::DataLoss("exit record is too short");
  Reader sum(bytes.substr(bytes.size() - 4));
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (sum.U32() != base::Crc32c(body)) return base::DataLoss("exit record has a wrong checksum");
  Reader r(body);
  if (r.U32() != kExitMagic || r.U32() < 1) return base::DataLoss("not an exit record");
  ExitRecord record = GetExitRecord(r);
  if (!r.ok()) return base::DataLoss("exit record is malformed");
  return record;
}

Status WriteExitFile(const std::string& run_dir, const ExitRecord& record) {
  const std::string dir = run_dir + "/" + record.container_id;
  RETURN_IF_ERROR(os::MakeDir(dir, 0700));
  return os::WriteFileAtomic(dir + "/exit", EncodeExitFile(record), 0600);
}

Result<ExitRecord> ReadExitFile(const std::string& run_dir, const std::string& container_id) {
  ASSIGN_OR_RETURN(const std::string bytes,
                   os::ReadFile(run_dir + "/" + container_id + "/exit", 65536));
  return DecodeExitFile(bytes);
}

}  // namespace keelson::monitor
