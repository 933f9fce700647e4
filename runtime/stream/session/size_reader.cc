// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/size_reader.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::stream {
namespace {

constexpr size_t kMaxObject = 256;

std::optional<uint16_t> Field(std::string_view object, std::string_view name) {
  const size_t at = object.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = base::Trim(object.substr(at + name.size()));
  if (!rest.starts_with(':')) return std::nullopt;
  rest = base::Trim(rest.substr(1));
  const size_t end = rest.find_first_not_of("0123456789");
  const std::optional<uint64_t> number = base::ParseUint64(rest.substr(0, end));
  if (!number.has_value() || *number > 65535) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

std::optional<Size> Parse(const std::string& object) {
  const std::string lower = base::ToLower(object);
  const std::optional<uint16_t> width = Field(lower, "\"width\"");
  const std::optional<uint16_t> height = Field(lower, "\"height\"");
  if (!width.has_value() || !height.has_value()) return std::nullopt;
  return Size{*width, *height};
}

}  // namespace

std::optional<Size> SizeReader::Take(std::string_view piece) {
  std::optional<Size> last;
  for (const char c : piece) {
    if (c == '{') {
      inside_ = true;
      object_.clear();
    } else if (c == '}' && inside_) {
      inside_ = false;
      if (const std::optional<Size> size = Parse(object_); size.has_value()) last = size;
    } else if (inside_) {
      object_ += c;
      if (object_.size() > kMaxObject) inside_ = false;
    }
  }
  return last;
}

}  // namespace keelson::stream
