// SPDX-License-Identifier: Apache-2.0
// Small readings of fields, bounded. Pure, any thread. For this folder alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/json/text.h"
#include "lib/json/value.h"
#include "lib/kube/quantity.h"
#include "minimal-master/control/times.h"

namespace keelson::page {

// At most so many bytes, whole characters; somebody else's words may be long.
inline std::string Shortened(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}
inline std::string Text(const json::Value& value, size_t most = 600) {
  return Shortened(value.AsString(), most);
}
inline std::string TextOr(const json::Value& value, std::string_view otherwise) {
  return value.AsString().empty() ? std::string(otherwise) : Text(value);
}
inline int64_t Seconds(const json::Value& value) {
  return control::ReadTime(value.AsString()).value_or(0) / 1'000'000'000;
}
inline kube::Quantity Amount(const json::Value& value) {
  if (value.IsInt()) return kube::Quantity::FromUnits(value.AsInt());
  auto amount = kube::Quantity::Parse(value.AsString());
  return amount.ok() ? *std::move(amount) : kube::Quantity();
}

}  // namespace keelson::page
