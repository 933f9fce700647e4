// SPDX-License-Identifier: Apache-2.0
// DNS messages: questions out of bytes, answers into bytes. Pure; foreign input, so every length is
// checked and names are bounded. Names are lower case, without a final dot, labels joined by dots;
// bytes that are no letters, digits, '-' or '_' are escaped as \DDD. Source: RFC 1035, 2782, 6891.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::dns {

enum Type : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kOpt = 41,
  kAny = 255,
};
enum Code : uint8_t {
  kNoError = 0,
  kFormat = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImplemented = 4,
  kRefused = 5
};

struct Question {
  uint16_t id = 0;
  uint8_t opcode = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
  bool whole = false;  // the question itself could be read, and is repeated in answers
  std::string name;
  std::string written;  // as it was asked: answers repeat the letters' case
  uint16_t type = 0;
  uint16_t klass = 1;
  std::optional<uint16_t> udp_size;  // of EDNS
  bool dnssec_ok = false;
};
// Nothing: not a query, or none that can be answered even with an error. `code` is set to what is
// wrong with one that can.
std::optional<Question> ReadQuestion(std::string_view packet, Code& code);

struct Record {
  std::string name;
  uint16_t type = 0;
  uint32_t ttl = 0;
  // By type: 4 or 16 bytes; a name (CNAME, PTR, NS); a text; for SRV and SOA see below.
  std::string data;
  uint16_t priority = 0, weight = 0, port = 0;  // SRV; data is the target
  friend bool operator==(const Record&, const Record&) = default;
};

struct Answer {
  Code code = kNoError;
  bool authoritative = false;
  std::vector<Record> answers;
  std::vector<Record> authority;  // SOA: data is "mname rname", serial in ttl's stead below
  std::vector<Record> additional;
  uint32_t serial = 0;  // of SOA
};
// At most `limit` bytes: what does not fit is left out and the message says that it is cut.
std::string WriteAnswer(const Question& question, const Answer& answer, size_t limit);
// How many bytes the asker takes over UDP.
size_t UdpLimit(const Question& question);

// The id and the case of names that came with `question`, put into an answer for another asker.
std::string Readdressed(std::string packet, const Question& question);
// What decides how long a foreign answer may be kept, and whether it belongs to `question`.
struct Foreign {
  Code code = kNoError;
  bool truncated = false;
  bool has_answers = false;
  uint32_t ttl = 0;  // the smallest of all records; of a negative answer that of its SOA
};
std::optional<Foreign> ReadForeign(std::string_view packet, const Question& question);
// Lowers every record's time to live by `seconds`.
std::string Aged(std::string packet, uint32_t seconds);

}  // namespace keelson::dns
