// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pleg/termination_message.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "kubelet/pod/names.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::pleg {
namespace {

constexpr size_t kMessageBytes = 4096;
constexpr size_t kTailLines = 80, kTailBytes = 2048;

std::string AnnotationOf(const cri::ContainerStatus& status, const char* key) {
  const auto found = status.annotations().find(key);
  return found == status.annotations().end() ? "" : found->second;
}

std::string ReadMessageFile(const std::string& path) {
  const base::Result<os::UniqueFd> file = os::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat status{};
  if (!file.ok() || fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  std::string text(kMessageBytes, '\0');
  const ssize_t length = pread(file->get(), text.data(), text.size(), 0);
  text.resize(length < 0 ? 0 : static_cast<size_t>(length));
  return text;
}

}  // namespace

std::string LogTail(const std::string& path, size_t lines, size_t bytes) {
  const base::Result<os::UniqueFd> file = os::Open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (!file.ok()) return "";
  // Each line carries about 40 bytes of time and stream before its text.
  constexpr size_t kOverhead = 48;
  const off_t size = lseek(file->get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(bytes + lines * kOverhead));
  std::string raw(static_cast<size_t>(std::max<off_t>(0, size - from)), '\0');
  const ssize_t length = pread(file->get(), raw.data(), raw.size(), from);
  raw.resize(length < 0 ? 0 : static_cast<size_t>(length));
  if (from > 0) raw.erase(0, std::min(raw.find('\n'), raw.size() - 1) + 1);
  std::vector<std::string> texts;
  for (const std::string_view line : base::Split(raw, '\n')) {
    // "<time> <stream> <P|F> <text>"
    size_t at = 0;
    for (int field = 0; field < 3 && at != std::string_view::npos; ++field) at = line.find(' ', at == 0 ? 0 : at + 1);
    if (at != std::string_view::npos) texts.emplace_back(line.substr(at + 1));
  }
  if (texts.size() > lines) texts.erase(texts.begin(), texts.end() - static_cast<ptrdiff_t>(lines));
  std::string out = base::Join(texts, "\n");
  if (!out.empty()) out += '\n';
  if (out.size() > bytes) out.erase(0, out.size() - bytes);
  return out;
}

std::string TerminationMessage(const cri::ContainerStatus& status) {
  const std::string path = AnnotationOf(status, pod::kTerminationMessagePath);
  std::string message;
  for (const cri::Mount& mount : status.mounts()) {
    if (!path.empty() && mount.container_path() == path) message = ReadMessageFile(mount.host_path());
  }
  if (message.empty() && status.exit_code() != 0 && AnnotationOf(status, pod::kTerminationMessagePolicy) == "FallbackToLogsOnError") {
    message = LogTail(status.log_path(), kTailLines, kTailBytes);
  }
  if (message.empty()) return status.message();
  return status.message().empty() ? message : status.message() + ": " + message;
}

}  // namespace keelson::pleg
