// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/wire.h"

#include <string>

namespace keelson::schema {
namespace {

constexpr int kMostGroups = 100;

uint64_t LittleEndian(std::string_view bytes) {
  uint64_t out = 0;
  for (size_t i = bytes.size(); i > 0; --i)
    out = out << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return out;
}

}  // namespace

base::Result<uint64_t> WireReader::Varint() {
  uint64_t out = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (shift >= 64) return base::InvalidArgument("proto: integer overflow");
    if (rest_.empty()) return base::InvalidArgument("unexpected EOF");
    const auto byte = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    out |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return out;
  }
}

base::Result<std::string_view> WireReader::Take(uint64_t size) {
  if (size > INT64_MAX)
    return base::InvalidArgument("proto: negative length found during unmarshaling");
  if (size > rest_.size()) return base::InvalidArgument("unexpected EOF");
  const std::string_view out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

base::Result<WireField> WireReader::Next() {
  int groups = 0;
  while (true) {
    ASSIGN_OR_RETURN(const uint64_t tag, Varint());
    const auto kind = static_cast<unsigned>(tag & 7);
    const auto number = static_cast<int32_t>(static_cast<uint32_t>(tag >> 3));
    if (kind == 4 && groups == 0)
      return base::InvalidArgument("proto: {}: wiretype end group for non-group", message_);
    if (number <= 0)
      return base::InvalidArgument("proto: {}: illegal tag {} (wire type {})", message_, number,
                                   tag);
    WireField out;
    out.number = static_cast<uint32_t>(number);
    out.wire = static_cast<Wire>(kind);
    switch (kind) {
      case 0: {
        ASSIGN_OR_RETURN(out.integer, Varint());
        break;
      }
      case 1: {
        ASSIGN_OR_RETURN(const std::string_view bytes, Take(8));
        out.integer = LittleEndian(bytes);
        break;
      }
      case 2: {
        ASSIGN_OR_RETURN(const uint64_t size, Varint());
        ASSIGN_OR_RETURN(out.bytes, Take(size));
        break;
      }
      case 3:
        if (++groups > kMostGroups)
          return base::InvalidArgument("proto: {}: groups nested too deep", message_);
        continue;
      case 4:
        if (--groups == 0) return out;  // a number without a value: nobody knows a group
        continue;
      case 5: {
        ASSIGN_OR_RETURN(const std::string_view bytes, Take(4));
        out.integer = LittleEndian(bytes);
        break;
      }
      default:
        return base::InvalidArgument("proto: illegal wireType {}", kind);
    }
    if (groups == 0) return out;
  }
}

base::Error WrongWire(Wire wire, std::string_view field) {
  return base::InvalidArgument("proto: wrong wireType = {} for field {}", static_cast<int>(wire),
                               field);
}

void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void AppendInteger(std::string& out, uint32_t number, uint64_t value) {
  AppendVarint(out, static_cast<uint64_t>(number) << 3);
  AppendVarint(out, value);
}

void AppendBytes(std::string& out, uint32_t number, std::string_view bytes) {
  AppendVarint(out, static_cast<uint64_t>(number) << 3 | 2);
  AppendVarint(out, bytes.size());
  out += bytes;
}

void AppendFixed64(std::string& out, uint32_t number, uint64_t value) {
  AppendVarint(out, static_cast<uint64_t>(number) << 3 | 1);
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
}

}  // namespace keelson::schema
