// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/scaled.h"

#include "lib/base/strings.h"

namespace keelson::pods {

int64_t Scaled(const json::Value& value, int64_t total, Round round) {
  if (!value.IsString()) return value.AsInt();
  std::string_view text = value.AsString();
  if (text.ends_with('%')) text.remove_suffix(1);
  const int64_t product = base::ParseInt64(text).value_or(0) * total;
  return round == Round::kUp ? (product + 99) / 100 : product / 100;
}

}  // namespace keelson::pods
