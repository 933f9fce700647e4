// SPDX-License-Identifier: Apache-2.0
#include "lib/os/never_executed.h"

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::os {

bool HasNeverExecuted(pid_t pid) {
  static constexpr uint64_t kForkedNotExecuted = 0x40;  // PF_FORKNOEXEC
  const base::Result<std::string> text = ReadFile(fmt::format("/proc/{}/stat", pid), 65536);
  if (!text.ok()) return false;
  // The command name may hold spaces and brackets: fields are counted after its last ')'.
  const size_t close = text->rfind(')');
  if (close == std::string::npos || close + 2 > text->size()) return false;
  const std::vector<std::string_view> fields =
      base::Split(std::string_view(*text).substr(close + 2), ' ');
  const std::optional<uint64_t> flags =
      fields.size() > 6 ? base::ParseUint64(fields[6]) : std::nullopt;
  return flags && (*flags & kForkedNotExecuted) != 0;
}

}  // namespace keelson::os
