// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/message.h"

#include <algorithm>
#include <map>

namespace keelson::dns {
namespace {

constexpr size_t kHead = 12;
constexpr size_t kLongestName = 255;
constexpr size_t kLongestLabel = 63;
constexpr uint16_t kPlainUdp = 512;
constexpr uint16_t kMostUdp = 1232;  // what passes without fragments everywhere

uint16_t Number(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 |
                               static_cast<uint8_t>(bytes[at + 1]));
}
uint32_t Long(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(Number(bytes, at)) << 16 | Number(bytes, at + 2);
}
void Put(std::string& to, uint16_t number) {
  to += static_cast<char>(number >> 8);
  to += static_cast<char>(number & 255);
}
void PutLong(std::string& to, uint32_t number) {
  Put(to, static_cast<uint16_t>(number >> 16));
  Put(to, static_cast<uint16_t>(number & 65535));
}
void PutAt(std::string& to, size_t at, uint16_t number) {
  to[at] = static_cast<char>(number >> 8);
  to[at + 1] = static_cast<char>(number & 255);
}

void AppendLabel(std::string_view label, std::string& name) {
  for (const char c : label) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (plain) {
      name += c;
      continue;
    }
    const auto number = static_cast<uint8_t>(c);
    name += '\\';
    name += static_cast<char>('0' + number / 100);
    name += static_cast<char>('0' + number / 10 % 10);
    name += static_cast<char>('0' + number % 10);
  }
}

// From `at`, which moves behind it; false: not a name. Pointers lead backwards only, so it ends.
bool TakeName(std::string_view packet, size_t& at, std::string* name) {
  size_t place = at;
  size_t total = 0;
  bool jumped = false;
  while (true) {
    if (place >= packet.size()) return false;
    const auto length = static_cast<uint8_t>(packet[place]);
    if ((length & 0xc0) == 0xc0) {
      if (place + 1 >= packet.size()) return false;
      const size_t to = Number(packet, place) & 0x3fff;
      if (!jumped) at = place + 2;
      if (to >= place) return false;
      jumped = true;
      place = to;
      continue;
    }
    if (length > kLongestLabel) return false;
    ++place;
    if (length == 0) break;
    total += length + 1u;
    if (total > kLongestName || place + length > packet.size()) return false;
    if (name != nullptr) {
      if (!name->empty()) *name += '.';
      AppendLabel(packet.substr(place, length), *name);
    }
    place += length;
  }
  if (!jumped) at = place;
  return true;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// Labels of a name as they are sent; escapes undone.
std::vector<std::string> Labels(std::string_view name) {
  std::vector<std::string> out;
  std::string label;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '.') {
      out.push_back(std::move(label));
      label.clear();
    } else if (name[i] == '\\' && i + 3 < name.size()) {
      label += static_cast<char>((name[i + 1] - '0') * 100 + (name[i + 2] - '0') * 10 +
                                 (name[i + 3] - '0'));
      i += 3;
    } else {
      label += name[i];
    }
  }
  if (!label.empty()) out.push_back(std::move(label));
  return out;
}

// Names that were written before are pointed to.
class Writer {
 public:
  std::string bytes;

  void Name(std::string_view name) {
    while (!name.empty()) {
      const std::string key = Lower(std::string(name));
      if (const auto found = places_.find(key); found != places_.end()) {
        Put(bytes, static_cast<uint16_t>(0xc000 | found->second));
        return;
      }
      if (bytes.size() < 0x3fff) places_[key] = static_cast<uint16_t>(bytes.size());
      const size_t dot = FirstDot(name);
      const std::vector<std::string> label = Labels(name.substr(0, dot));
      const std::string text = label.empty() ? "" : label.front().substr(0, kLongestLabel);
      bytes += static_cast<char>(text.size());
      bytes += text;
      name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
    }
    bytes += '\0';
  }
  void Write(const Record& record, uint32_t serial) {
    Name(record.name);
    Put(bytes, record.type);
    Put(bytes, 1);
    PutLong(bytes, record.ttl);
    const size_t length = bytes.size();
    Put(bytes, 0);
    switch (record.type) {
      case kNs:
      case kCname:
      case kPtr:
        Name(record.data);
        break;
      case kSrv:
        Put(bytes, record.priority);
        Put(bytes, record.weight);
        Put(bytes, record.port);
        Name(record.data);
        break;
      case kSoa:
        Soa(record, serial);
        break;
      case kTxt:
        bytes += static_cast<char>(std::min<size_t>(record.data.size(), 255));
        bytes += record.data.substr(0, 255);
        break;
      default:
        bytes += record.data;
    }
    PutAt(bytes, length, static_cast<uint16_t>(bytes.size() - length - 2));
  }
  void Cut(size_t to) {
    bytes.resize(to);
    std::erase_if(places_, [to](const auto& place) { return place.second >= to; });
  }

 private:
  static size_t FirstDot(std::string_view name) { return name.find('.'); }
  void Soa(const Record& record, uint32_t serial) {
    const size_t space = record.data.find(' ');
    Name(std::string_view(record.data).substr(0, space));
    Name(std::string_view(record.data).substr(space + 1));
    PutLong(bytes, serial);
    PutLong(bytes, 7200);
    PutLong(bytes, 1800);
    PutLong(bytes, 86400);
    PutLong(bytes, record.ttl);
  }
  std::map<std::string, uint16_t> places_;
};

// Walks over all records behind the question; false: broken.
template <typename Visit>
bool ForRecords(std::string_view packet, Visit visit) {
  size_t at = kHead;
  for (uint16_t i = 0; i < Number(packet, 4); ++i) {
    if (!TakeName(packet, at, nullptr) || at + 4 > packet.size()) return false;
    at += 4;
  }
  for (int section = 0; section < 3; ++section) {
    for (uint16_t i = 0; i < Number(packet, 6 + 2 * static_cast<size_t>(section)); ++i) {
      if (!TakeName(packet, at, nullptr) || at + 10 > packet.size()) return false;
      const size_t data = at + 10;
      const size_t size = Number(packet, at + 8);
      if (data + size > packet.size()) return false;
      visit(section, Number(packet, at), at + 4, packet.substr(data, size));
      at = data + size;
    }
  }
  return true;
}

}  // namespace

std::optional<Question> ReadQuestion(std::string_view packet, Code& code) {
  code = kNoError;
  if (packet.size() < kHead || (packet[2] & 0x80) != 0) return std::nullopt;
  Question question;
  question.id = Number(packet, 0);
  question.opcode = static_cast<uint8_t>(packet[2] >> 3 & 15);
  question.recursion_desired = (packet[2] & 1) != 0;
  question.checking_disabled = (packet[3] & 0x10) != 0;
  if (question.opcode != 0) {
    code = kNotImplemented;
    return question;
  }
  size_t at = kHead;
  if (Number(packet, 4) != 1 || !TakeName(packet, at, &question.written) ||
      at + 4 > packet.size()) {
    code = kFormat;
    question.written.clear();
    return question;
  }
  question.whole = true;
  question.name = Lower(question.written);
  question.type = Number(packet, at);
  question.klass = Number(packet, at + 2);
  const bool whole =
      ForRecords(packet, [&](int section, uint16_t type, size_t head, std::string_view) {
        if (section != 2 || type != kOpt) return;
        question.udp_size = Number(packet, head - 2);
        question.dnssec_ok = (packet[head + 2] & 0x80) != 0;
      });
  if (!whole) code = kFormat;
  return question;
}

size_t UdpLimit(const Question& question) {
  return std::clamp<size_t>(question.udp_size.value_or(kPlainUdp), kPlainUdp, kMostUdp);
}

std::string WriteAnswer(const Question& question, const Answer& answer, size_t limit) {
  Writer writer;
  Put(writer.bytes, question.id);
  uint16_t flags = static_cast<uint16_t>(0x8000 | question.opcode << 11 | answer.code);
  if (answer.authoritative) flags |= 0x0400;
  if (question.recursion_desired) flags |= 0x0100;
  flags |= 0x0080;  // recursion is available
  if (question.checking_disabled) flags |= 0x0010;
  Put(writer.bytes, flags);
  Put(writer.bytes, question.whole ? 1 : 0);
  for (int i = 0; i < 3; ++i) Put(writer.bytes, 0);
  if (question.whole) {
    writer.Name(question.written);
    Put(writer.bytes, question.type);
    Put(writer.bytes, question.klass);
  }
  const size_t reserved = question.udp_size ? 11 : 0;
  const std::vector<Record>* sections[] = {&answer.answers, &answer.authority, &answer.additional};
  uint16_t counts[3] = {0, 0, 0};
  bool cut = false;
  for (size_t section = 0; section < 3 && !cut; ++section) {
    for (const Record& record : *sections[section]) {
      const size_t before = writer.bytes.size();
      writer.Write(record, answer.serial);
      if (writer.bytes.size() + reserved > limit) {
        writer.Cut(before);
        cut = true;
        break;
      }
      ++counts[section];
    }
  }
  // What is only additional may be left out without a word.
  if (cut && (counts[0] < answer.answers.size() || counts[1] < answer.authority.size()))
    PutAt(writer.bytes, 2, static_cast<uint16_t>(flags | 0x0200));
  if (question.udp_size) {
    writer.bytes += '\0';
    Put(writer.bytes, kOpt);
    Put(writer.bytes, kMostUdp);
    PutLong(writer.bytes, 0);
    Put(writer.bytes, 0);
    ++counts[2];
  }
  for (size_t section = 0; section < 3; ++section)
    PutAt(writer.bytes, 6 + 2 * section, counts[section]);
  return std::move(writer.bytes);
}

std::string Readdressed(std::string packet, const Question& question) {
  PutAt(packet, 0, question.id);
  packet[2] = static_cast<char>((packet[2] & ~1) | (question.recursion_desired ? 1 : 0));
  // The question comes first and without pointers: the same labels in the asker's letters.
  size_t at = kHead;
  for (const std::string& label : Labels(question.written)) {
    if (at + 1 + label.size() > packet.size() || static_cast<uint8_t>(packet[at]) != label.size())
      return packet;
    std::copy(label.begin(), label.end(), packet.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    at += label.size() + 1;
  }
  return packet;
}

std::optional<Foreign> ReadForeign(std::string_view packet, const Question& question) {
  if (packet.size() < kHead || (packet[2] & 0x80) == 0 || Number(packet, 4) != 1)
    return std::nullopt;
  size_t at = kHead;
  std::string name;
  if (!TakeName(packet, at, &name) || at + 4 > packet.size() || Lower(name) != question.name ||
      Number(packet, at) != question.type || Number(packet, at + 2) != question.klass)
    return std::nullopt;
  Foreign out;
  out.code = static_cast<Code>(packet[3] & 15);
  out.truncated = (packet[2] & 2) != 0;
  out.has_answers = Number(packet, 6) > 0;
  uint32_t smallest = UINT32_MAX;
  std::optional<uint32_t> negative;
  const bool whole =
      ForRecords(packet, [&](int section, uint16_t type, size_t ttl, std::string_view data) {
        if (type == kOpt) return;
        smallest = std::min(smallest, Long(packet, ttl));
        if (section == 1 && type == kSoa && data.size() >= 4)
          negative = std::min(Long(packet, ttl), Long(data, data.size() - 4));
      });
  if (!whole) return std::nullopt;
  if (out.has_answers && out.code == kNoError)
    out.ttl = smallest == UINT32_MAX ? 0 : smallest;
  else
    out.ttl = negative.value_or(0);
  return out;
}

std::string Aged(std::string packet, uint32_t seconds) {
  std::vector<std::pair<size_t, uint32_t>> times;
  (void)ForRecords(packet, [&](int, uint16_t type, size_t at, std::string_view) {
    if (type != kOpt) times.emplace_back(at, Long(packet, at));
  });
  for (const auto& [at, time] : times) {
    const uint32_t left = time > seconds ? time - seconds : 0;
    PutAt(packet, at, static_cast<uint16_t>(left >> 16));
    PutAt(packet, at + 2, static_cast<uint16_t>(left & 65535));
  }
  return packet;
}

}  // namespace keelson::dns
