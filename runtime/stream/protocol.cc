// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/protocol.h"

#include <tuple>

namespace keelson::stream {
namespace {

using base::Reader;
using base::Result;
using base::Writer;

// The fields of each message in their order on the wire, for writing and for reading.
auto Fields(auto& message) {
  using Message = std::remove_cvref_t<decltype(message)>;
  auto& m = message;
  if constexpr (std::is_same_v<Message, Config>) {
    return std::tie(m.certificate, m.key, m.idle_seconds, m.creation_seconds, m.max_sessions);
  } else if constexpr (std::is_same_v<Message, Redeem>) {
    return std::tie(m.kind, m.token);
  } else if constexpr (std::is_same_v<Message, Grant>) {
    return std::tie(m.kind, m.tty, m.in, m.out, m.err, m.ports);
  } else if constexpr (std::is_same_v<Message, Opened>) {
    return std::tie(m.in, m.out, m.err, m.terminal);
  } else if constexpr (std::is_same_v<Message, EndedMessage>) {
    return std::tie(m.exit_code, m.error);
  } else if constexpr (std::is_same_v<Message, Size>) {
    return std::tie(m.columns, m.rows);
  } else if constexpr (std::is_same_v<Message, Connect>) {
    return std::tie(m.lane, m.port);
  } else if constexpr (std::is_same_v<Message, Connected>) {
    return std::tie(m.lane, m.error);
  }
}

void PutField(Writer& w, bool v) { w.Bool(v); }
void PutField(Writer& w, uint16_t v) { w.U32(v); }
void PutField(Writer& w, uint32_t v) { w.U32(v); }
void PutField(Writer& w, int32_t v) { w.I32(v); }
void PutField(Writer& w, Kind v) { w.U8(static_cast<uint8_t>(v)); }
void PutField(Writer& w, const std::string& v) { w.String(v); }
void PutField(Writer& w, const std::vector<uint16_t>& v) {
  w.U32(static_cast<uint32_t>(v.size()));
  for (const uint16_t item : v) w.U32(item);
}

void TakeField(Reader& r, bool& v) { v = r.Bool(); }
void TakeField(Reader& r, uint16_t& v) { v = static_cast<uint16_t>(r.U32()); }
void TakeField(Reader& r, uint32_t& v) { v = r.U32(); }
void TakeField(Reader& r, int32_t& v) { v = r.I32(); }
void TakeField(Reader& r, Kind& v) { v = static_cast<Kind>(r.U8()); }
void TakeField(Reader& r, std::string& v) { v = r.String(); }
void TakeField(Reader& r, std::vector<uint16_t>& v) {
  for (uint32_t n = r.Count(4); n > 0 && r.ok(); --n) v.push_back(static_cast<uint16_t>(r.U32()));
}

template <typename T>
void Put(Writer& w, const T& message) {
  std::apply([&w](const auto&... field) { (PutField(w, field), ...); }, Fields(message));
}

template <typename T>
std::string Written(const T& message) {
  Writer w;
  Put(w, message);
  return w.Take();
}

template <typename T>
Result<T> Take(Reader& r, std::string_view what) {
  T message;
  std::apply([&r](auto&... field) { (TakeField(r, field), ...); }, Fields(message));
  if (!r.ok()) return base::InvalidArgument("{} is cut", what);
  if constexpr (requires { message.kind; }) {
    if (const int kind = static_cast<int>(message.kind); kind < 1 || kind > 3)
      return base::InvalidArgument("a session of the kind {}", kind);
  }
  return message;
}

template <typename T>
Result<T> Read(std::string_view payload, std::string_view what) {
  Reader r(payload);
  return Take<T>(r, what);
}

// An answer: the message or the error.
template <typename T>
std::string WrittenAnswer(const Result<T>& answer) {
  Writer w;
  w.Bool(answer.ok());
  if (answer.ok()) {
    Put(w, *answer);
  } else {
    w.String(answer.error().message());
  }
  return w.Take();
}

template <typename T>
Result<T> ReadAnswer(std::string_view payload, std::string_view what) {
  Reader r(payload);
  if (r.Bool()) return Take<T>(r, what);
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
  Put(w, config);
  return w.Take();
}

Result<Config> DecodeConfig(std::string_view bytes) {
  Reader r(bytes);
  if (const uint32_t version = r.U32(); version != kProtocolVersion)
    return base::FailedPrecondition("configuration of version {}", version);
  return Take<Config>(r, "the configuration");
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

std::string Encode(const Redeem& redeem) { return Written(redeem); }
Result<Redeem> DecodeRedeem(std::string_view payload) { return Read<Redeem>(payload, "a token"); }

std::string Encode(const EndedMessage& ended) { return Written(ended); }
Result<EndedMessage> DecodeEnded(std::string_view payload) {
  return Read<EndedMessage>(payload, "an end");
}

std::string Encode(const Size& size) { return Written(size); }
Result<Size> DecodeSize(std::string_view payload) { return Read<Size>(payload, "a size"); }

std::string Encode(const Connect& connect) { return Written(connect); }
Result<Connect> DecodeConnect(std::string_view payload) { return Read<Connect>(payload, "a port"); }

std::string Encode(const Connected& connected) { return Written(connected); }
Result<Connected> DecodeConnected(std::string_view payload) {
  return Read<Connected>(payload, "a connection");
}

std::string EncodeGrant(const Result<Grant>& grant) { return WrittenAnswer(grant); }
Result<Grant> DecodeGrant(std::string_view payload) {
  return ReadAnswer<Grant>(payload, "a grant");
}

std::string EncodeOpened(const Result<Opened>& opened) { return WrittenAnswer(opened); }
Result<Opened> DecodeOpened(std::string_view payload) {
  return ReadAnswer<Opened>(payload, "what was opened");
}

}  // namespace keelson::stream
