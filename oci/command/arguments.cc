// SPDX-License-Identifier: Apache-2.0
#include "oci/command/arguments.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::oci {

using base::Result;

Result<Arguments> Arguments::Parse(const std::vector<std::string>& words,
                                   const std::vector<Flag>& flags, bool anywhere) {
  Arguments out;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      out.rest_.insert(out.rest_.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      out.rest_.push_back(word);
      if (anywhere) continue;
      out.rest_.insert(out.rest_.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    const std::string_view text = std::string_view(word).substr(word.starts_with("--") ? 2 : 1);
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const auto known = std::find_if(flags.begin(), flags.end(), [&](const Flag& flag) {
      return flag.name == name || (!flag.other.empty() && flag.other == name);
    });
    if (known == flags.end())
      return base::InvalidArgument("flag provided but not defined: {}", word.substr(0, 100));
    std::string value = "true";
    if (equals != std::string_view::npos) {
      value = std::string(text.substr(equals + 1));
    } else if (known->takes_value) {
      if (i + 1 == words.size()) return base::InvalidArgument("flag needs an argument: {}", word);
      value = words[++i];
    }
    out.values_[std::string(known->name)].push_back(std::move(value));
  }
  return out;
}

bool Arguments::Is(std::string_view flag) const {
  const std::string value = Get(flag, "false");
  return value == "true" || value == "1" || value == "t" || value == "T" || value == "TRUE";
}

std::string Arguments::Get(std::string_view flag, std::string fallback) const {
  const auto found = values_.find(flag);
  return found == values_.end() ? std::move(fallback) : found->second.back();
}

std::vector<std::string> Arguments::All(std::string_view flag) const {
  const auto found = values_.find(flag);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Result<int64_t> Arguments::Number(std::string_view flag, int64_t fallback) const {
  if (!Has(flag)) return fallback;
  const std::optional<int64_t> number = base::ParseInt64(Get(flag));
  if (!number) return base::InvalidArgument("--{}: {} is no whole number", flag, Get(flag));
  return *number;
}

}  // namespace keelson::oci
