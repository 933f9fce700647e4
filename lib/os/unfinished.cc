// SPDX-License-Identifier: Apache-2.0
#include "lib/os/unfinished.h"

#include "lib/os/files.h"

namespace keelson::os {

void RemoveUnfinished(const std::string& directory) {
  static constexpr std::string_view kMark = ".new-";
  static constexpr size_t kDigits = 12;
  const base::Result<std::vector<DirEntry>> entries = ListDir(directory);
  if (!entries.ok()) return;
  for (const DirEntry& entry : *entries) {
    const std::string_view name = entry.name;
    const size_t mark = name.rfind(kMark);
    if (mark == std::string_view::npos) continue;
    const std::string_view digits = name.substr(mark + kMark.size());
    if (digits.size() == kDigits &&
        digits.find_first_not_of("0123456789abcdef") == std::string_view::npos)
      (void)RemoveFile(directory + "/" + entry.name);
  }
}

}  // namespace keelson::os
