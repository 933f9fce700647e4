// SPDX-License-Identifier: Apache-2.0
// The binary form of our private messages and records: little-endian fixed integers, strings and
// lists with a 32-bit length. Used by processes that must not link protobuf (anchor, monitor, log).
// Records grow by adding at the end: a reader stops where its knowledge ends and a newer reader
// sees AtEnd() where an older writer stopped. Reader never reads past its input: the first short or
// oversized item makes it bad for good (check ok() once at the end).
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keelson::base {

class Writer {
 public:
  void U8(uint8_t v) { out_ += static_cast<char>(v); }
  void Bool(bool v) { U8(v ? 1 : 0); }
  void U32(uint32_t v) { Raw(&v, sizeof v); }
  void I32(int32_t v) { Raw(&v, sizeof v); }
  void U64(uint64_t v) { Raw(&v, sizeof v); }
  void I64(int64_t v) { Raw(&v, sizeof v); }
  void String(std::string_view v) {
    U32(static_cast<uint32_t>(v.size()));
    out_.append(v);
  }
  void Strings(const std::vector<std::string>& list) {
    U32(static_cast<uint32_t>(list.size()));
    for (const std::string& s : list) String(s);
  }
  const std::string& bytes() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void Raw(const void* data, size_t size) { out_.append(static_cast<const char*>(data), size); }
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }
  uint8_t U8() { return Fixed<uint8_t>(); }
  bool Bool() { return U8() != 0; }
  uint32_t U32() { return Fixed<uint32_t>(); }
  int32_t I32() { return Fixed<int32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  int64_t I64() { return Fixed<int64_t>(); }
  std::string String() {
    const uint32_t size = U32();
    if (!ok_ || size > rest_.size()) return Bad(), std::string();
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }
  // The count of a list whose items take at least `min_item_bytes` each: never more than the input
  // can hold.
  uint32_t Count(size_t min_item_bytes = 1) {
    const uint32_t count = U32();
    if (!ok_ || count > rest_.size() / min_item_bytes) return Bad(), 0;
    return count;
  }
  std::vector<std::string> Strings() {
    std::vector<std::string> out;
    for (uint32_t n = Count(4); n > 0 && ok_; --n) out.push_back(String());
    return out;
  }

 private:
  template <typename T>
  T Fixed() {
    T v{};
    if (!ok_ || rest_.size() < sizeof v) return Bad(), T{};
    std::memcpy(&v, rest_.data(), sizeof v);  // NOLINT(bugprone-suspicious-stringview-data-usage):
                                              // its size was looked at above
    rest_.remove_prefix(sizeof v);
    return v;
  }
  void Bad() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace keelson::base
