// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/names.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::systemd {

using base::Result;

namespace {

constexpr std::string_view kSuffix = ".slice";
constexpr size_t kLongest = 255;  // of a unit's name

bool Allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' ||
         c == '_' || c == '.' || c == '\\' || c == '-';
}

}  // namespace

Result<std::string> PathOfSlice(std::string_view slice) {
  if (slice == "-.slice") return std::string("/");
  const auto refuse = [&](const char* why) {
    return base::InvalidArgument("'{}' names no systemd slice: {}", Plain(slice.substr(0, 300)),
                                 why);
  };
  if (!slice.ends_with(kSuffix)) return refuse("it does not end with .slice");
  if (slice.size() > kLongest) return refuse("it is longer than 255 characters");
  if (!std::ranges::all_of(slice, Allowed)) return refuse("a character is not allowed in names");
  const std::string_view name = slice.substr(0, slice.size() - kSuffix.size());
  std::string path;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('-', at), name.size());
    if (end == at) return refuse("a part between its dashes is empty");
    path += "/" + std::string(name.substr(0, end)) + std::string(kSuffix);
    at = end + 1;
  }
  return path;
}

Result<std::string> SliceOf(std::string_view parent) {
  const std::string_view whole = parent;
  while (parent.size() > 1 && parent.ends_with('/')) parent.remove_suffix(1);
  const size_t slash = parent.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? parent : parent.substr(slash + 1);
  ASSIGN_OR_RETURN(const std::string path, PathOfSlice(name));
  if (slash == std::string_view::npos || path == parent || path == "/" + std::string(parent)) {
    return std::string(name);
  }
  return base::InvalidArgument("'{}' is no place of a systemd slice: '{}' is at '{}'",
                               Plain(whole.substr(0, 1000)), name, path);
}

std::string JoinSlice(const std::vector<std::string>& parts) {
  std::vector<std::string> escaped = parts;
  for (std::string& part : escaped) std::ranges::replace(part, '-', '_');
  return base::Join(escaped, "-") + std::string(kSuffix);
}

std::string Plain(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

}  // namespace keelson::systemd
