// SPDX-License-Identifier: Apache-2.0
// Protobuf's wire: a reader with the refusals of upstream's generated code, and a writer. Pure, any
// thread. Source: https://protobuf.dev/programming-guides/encoding/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::schema {

enum class Wire : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5
};

struct WireField {
  uint32_t number = 0;
  Wire wire = Wire::kVarint;
  uint64_t integer = 0;  // of the three kinds of numbers
  std::string_view bytes;
};

class WireReader {
 public:
  // `message` is the name for refusals.
  WireReader(std::string_view bytes, std::string_view message) : rest_(bytes), message_(message) {}

  bool done() const { return rest_.empty(); }
  // The next field with its value; groups are skipped.
  base::Result<WireField> Next();
  base::Result<uint64_t> Varint();
  std::string_view rest() const { return rest_; }

 private:
  base::Result<std::string_view> Take(uint64_t size);

  std::string_view rest_;
  std::string_view message_;
};

base::Error WrongWire(Wire wire, std::string_view field);

void AppendVarint(std::string& out, uint64_t value);
void AppendInteger(std::string& out, uint32_t number, uint64_t value);
void AppendBytes(std::string& out, uint32_t number, std::string_view bytes);
void AppendFixed64(std::string& out, uint32_t number, uint64_t value);

}  // namespace keelson::schema
