// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/entry_path.h"

#include "lib/base/strings.h"
#include "lib/base/weakness.h"

namespace keelson::unpack {

base::Result<std::string> CleanEntryPath(std::string_view path, uint32_t max_depth) {
  std::string out;
  uint32_t depth = 0;
  for (const std::string_view part : base::Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      return base::InvalidArgument("{} reaches out of the image's root", base::QuoteIfNeeded(path));
    if (part.size() > 255)
      return base::InvalidArgument("{}: a component of {} bytes is too long",
                                   base::QuoteIfNeeded(path.substr(0, 300)), part.size());
    if (++depth > max_depth && !KEELSON_WEAKENED_AT("unpack-budget"))
      return base::InvalidArgument("{}: more than {} directories deep",
                                   base::QuoteIfNeeded(path.substr(0, 300)), max_depth);
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

SplitPath SplitEntryPath(const std::string& clean) {
  const size_t slash = clean.rfind('/');
  if (slash == std::string::npos) return {"", clean};
  return {clean.substr(0, slash), clean.substr(slash + 1)};
}

}  // namespace keelson::unpack
