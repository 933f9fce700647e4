// SPDX-License-Identifier: Apache-2.0
// The private protocol of daemon and keelson-stream: SOCK_SEQPACKET packets of base/codec over one
// socket pair, descriptors beside them. Every packet: u32 version, u32 type, u64 session, payload.
// keelson-stream numbers the sessions; nothing of a session comes after its kClose. Fields are only
// ever added at the end of a payload. Pure, any thread.
//
//   keelson-stream → daemon                     daemon → keelson-stream
//   kRedeem{kind, token}                    →   kGranted{Grant} | {refusal}
//   kOpen{}           the streams are there →   kOpened{which}+in, out, err | terminal, or {error}
//   kResize{columns, rows}                      kEnded{exit code, error}     once, after kOpen
//   kConnect{lane, port}                    →   kConnected{lane}+socket, or {lane, error}
//   kClose{}          the client is gone
//   kReady{}          of session 0: it serves from now on
//
// The program starts with kListenFd, kControlFd and kConfigFd, a memfd with its Config.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/codec.h"
#include "lib/base/result.h"
#include "lib/os/socket.h"

namespace keelson::stream {

constexpr uint32_t kProtocolVersion = 1;
constexpr int kListenFd = 3;
constexpr int kControlFd = 4;
constexpr int kConfigFd = 5;

enum class Type : uint32_t {
  kRedeem = 1,
  kOpen,
  kResize,
  kConnect,
  kClose,
  kReady,
  kGranted = 20,
  kOpened,
  kEnded,
  kConnected,
};
enum class Kind : uint8_t { kExec = 1, kAttach, kPortForward };
std::string_view NameOf(Kind kind);  // "exec": the first part of a URL's path too

struct Config {
  std::string certificate;  // PEM; empty: no TLS
  std::string key;
  uint32_t idle_seconds = 4 * 3600;
  uint32_t creation_seconds = 30;  // until all streams of a request must be there
  uint32_t max_sessions = 1024;
};
std::string Encode(const Config& config);
base::Result<Config> DecodeConfig(std::string_view bytes);

// What a token stands for, as far as keelson-stream must know it.
struct Grant {
  Kind kind = Kind::kExec;
  bool tty = false;
  bool in = false;
  bool out = false;
  bool err = false;
  std::vector<uint16_t> ports;  // port-forward: what the CRI's call named
};

struct Packet {
  Type type = Type::kClose;
  uint64_t session = 0;
  std::string payload;
  std::vector<os::UniqueFd> fds;
};
std::string FormatPacket(Type type, uint64_t session, std::string_view payload = {});
base::Result<Packet> ParsePacket(os::Message message);

struct Redeem {
  Kind kind = Kind::kExec;
  std::string token;
};
std::string Encode(const Redeem& redeem);
base::Result<Redeem> DecodeRedeem(std::string_view payload);

std::string EncodeGrant(const base::Result<Grant>& grant);
base::Result<Grant> DecodeGrant(std::string_view payload);

// Which descriptors travel with kOpened, in this order.
struct Opened {
  bool in = false, out = false, err = false, terminal = false;
};
std::string EncodeOpened(const base::Result<Opened>& opened);
base::Result<Opened> DecodeOpened(std::string_view payload);

struct EndedMessage {
  int32_t exit_code = 0;
  std::string error;
};
std::string Encode(const EndedMessage& ended);
base::Result<EndedMessage> DecodeEnded(std::string_view payload);

struct Size {
  uint16_t columns = 0;
  uint16_t rows = 0;
  bool operator==(const Size&) const = default;
};
std::string Encode(const Size& size);
base::Result<Size> DecodeSize(std::string_view payload);

struct Connect {
  uint32_t lane = 0;  // keelson-stream's own number of the connection
  uint16_t port = 0;
};
std::string Encode(const Connect& connect);
base::Result<Connect> DecodeConnect(std::string_view payload);

struct Connected {
  uint32_t lane = 0;
  std::string error;  // empty: the socket travels along
};
std::string Encode(const Connected& connected);
base::Result<Connected> DecodeConnected(std::string_view payload);

}  // namespace keelson::stream
