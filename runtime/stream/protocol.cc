// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/protocol.h"

namespace keelson::stream {
namespace {

using base::Reader;
using base::Result;
using base::Writer;

template <typename T>
Result<T> Whole(const Reader& r, T value, std::string_view what) {
  if (!r.ok()) return base::InvalidArgument("{} is cut", what);
  return value;
}

Result<Kind> ReadKind(Reader& r) {
  const uint8_t kind = r.U8();
  if (kind < 1 || kind > 3) return base::InvalidArgument("a session of the kind {}", kind);
  return static_cast<Kind>(kind);
}

void PutOutcome(Writer& w, bool ok, const std::string& message) {
  w.Bool(ok);
  if (!ok) w.String(message);
}

// The peer's error, if that is what was sent.
base::Status TakeOutcome(Reader& r) {
  if (r.Bool()) return base::Ok();
  const std::string message = r.String();
  if (!r.ok()) return base::InvalidArgument("an answer is cut");
  return base::Unknown("{}", message);
}

}  // namespace

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kExec:
      return "exec";
    case Kind::kAttach:
      return "attach";
    case Kind::kPortForward:
      return "portforward";
  }
  return "";
}

std::string Encode(const Config& config) {
  Writer w;
  w.U32(kProtocolVersion);
  w.String(config.certificate);
  w.String(config.key);
  w.U32(config.idle_seconds);
  w.U32(config.creation_seconds);
  w.U32(config.max_sessions);
  return w.Take();
}

Result<Config> DecodeConfig(std::string_view bytes) {
  Reader r(bytes);
  if (const uint32_t version = r.U32(); version != kProtocolVersion)
    return base::FailedPrecondition("configuration of version {}", version);
  Config config;
  config.certificate = r.String();
  config.key = r.String();
  config.idle_seconds = r.U32();
  config.creation_seconds = r.U32();
  config.max_sessions = r.U32();
  return Whole(r, std::move(config), "the configuration");
}

std::string FormatPacket(Type type, uint64_t session, std::string_view payload) {
  Writer w;
  w.U32(kProtocolVersion);
  w.U32(static_cast<uint32_t>(type));
  w.U64(session);
  return w.Take() + std::string(payload);
}

Result<Packet> ParsePacket(os::Message message) {
  Reader r(message.bytes);
  const uint32_t version = r.U32();
  const uint32_t type = r.U32();
  Packet packet;
  packet.session = r.U64();
  if (!r.ok()) return base::InvalidArgument("a packet is cut");
  if (version != kProtocolVersion)
    return base::FailedPrecondition("a packet of version {}, ours is {}", version,
                                    kProtocolVersion);
  packet.type = static_cast<Type>(type);
  packet.payload = message.bytes.substr(16);
  packet.fds = std::move(message.fds);
  return packet;
}

std::string Encode(const Redeem& redeem) {
  Writer w;
  w.U8(static_cast<uint8_t>(redeem.kind));
  w.String(redeem.token);
  return w.Take();
}

Result<Redeem> DecodeRedeem(std::string_view payload) {
  Reader r(payload);
  Redeem redeem;
  ASSIGN_OR_RETURN(redeem.kind, ReadKind(r));
  redeem.token = r.String();
  return Whole(r, std::move(redeem), "a token");
}

std::string EncodeGrant(const Result<Grant>& grant) {
  Writer w;
  PutOutcome(w, grant.ok(), grant.ok() ? "" : grant.error().message());
  if (!grant.ok()) return w.Take();
  w.U8(static_cast<uint8_t>(grant->kind));
  w.Bool(grant->tty);
  w.Bool(grant->in);
  w.Bool(grant->out);
  w.Bool(grant->err);
  w.U32(static_cast<uint32_t>(grant->ports.size()));
  for (const uint16_t port : grant->ports) w.U32(port);
  return w.Take();
}

Result<Grant> DecodeGrant(std::string_view payload) {
  Reader r(payload);
  RETURN_IF_ERROR(TakeOutcome(r));
  Grant grant;
  ASSIGN_OR_RETURN(grant.kind, ReadKind(r));
  grant.tty = r.Bool();
  grant.in = r.Bool();
  grant.out = r.Bool();
  grant.err = r.Bool();
  for (uint32_t n = r.Count(4); n > 0 && r.ok(); --n)
    grant.ports.push_back(static_cast<uint16_t>(r.U32()));
  return Whole(r, std::move(grant), "a grant");
}

std::string EncodeOpened(const Result<Opened>& opened) {
  Writer w;
  PutOutcome(w, opened.ok(), opened.ok() ? "" : opened.error().message());
  if (!opened.ok()) return w.Take();
  for (const bool there : {opened->in, opened->out, opened->err, opened->terminal}) w.Bool(there);
  return w.Take();
}

Result<Opened> DecodeOpened(std::string_view payload) {
  Reader r(payload);
  RETURN_IF_ERROR(TakeOutcome(r));
  Opened opened;
  for (bool* there : {&opened.in, &opened.out, &opened.err, &opened.terminal}) *there = r.Bool();
  return Whole(r, opened, "what was opened");
}

std::string Encode(const EndedMessage& ended) {
  Writer w;
  w.I32(ended.exit_code);
  w.String(ended.error);
  return w.Take();
}

Result<EndedMessage> DecodeEnded(std::string_view payload) {
  Reader r(payload);
  EndedMessage ended;
  ended.exit_code = r.I32();
  ended.error = r.String();
  return Whole(r, std::move(ended), "an end");
}

std::string Encode(const Size& size) {
  Writer w;
  w.U32(size.columns);
  w.U32(size.rows);
  return w.Take();
}

Result<Size> DecodeSize(std::string_view payload) {
  Reader r(payload);
  Size size;
  size.columns = static_cast<uint16_t>(r.U32());
  size.rows = static_cast<uint16_t>(r.U32());
  return Whole(r, size, "a size");
}

std::string Encode(const Connect& connect) {
  Writer w;
  w.U32(connect.lane);
  w.U32(connect.port);
  return w.Take();
}

Result<Connect> DecodeConnect(std::string_view payload) {
  Reader r(payload);
  Connect connect;
  connect.lane = r.U32();
  connect.port = static_cast<uint16_t>(r.U32());
  return Whole(r, connect, "a port");
}

std::string Encode(const Connected& connected) {
  Writer w;
  w.U32(connected.lane);
  w.String(connected.error);
  return w.Take();
}

Result<Connected> DecodeConnected(std::string_view payload) {
  Reader r(payload);
  Connected connected;
  connected.lane = r.U32();
  connected.error = r.String();
  return Whole(r, std::move(connected), "a connection");
}

}  // namespace keelson::stream
