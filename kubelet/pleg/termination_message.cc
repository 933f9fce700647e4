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
  const base::Result<os::UniqueFd> file =
      os::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat status{};
  if (!file.ok() || fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  // Of a long one the end, as upstream: programs write the cause last.
  std::string text(kMessageBytes, '\0');
  const ssize_t length =
      pread(file->get(), text.data(), text.size(),
            std::max<off_t>(0, status.st_size - static_cast<off_t>(kMessageBytes)));
  text.resize(length < 0 ? 0 : static_cast<size_t>(length));
  return text;
}

}  // namespace

std::string LogTail(const std::string& path, size_t lines, size_t bytes) {
  const base::Result<os::UniqueFd> file = os::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat status{};
  if (!file.ok() || fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  // Each line carries about 40 bytes of time and stream before its text. The first one that is read
  // is cut somewhere and left out, so that there must be room for one more, of the longest kind.
  constexpr size_t kOverhead = 48, kLongestLine = 16u << 10;
  const off_t size = status.st_size;
  const off_t from =
      std::max<off_t>(0, size - static_cast<off_t>(bytes + (lines + 1) * kOverhead + kLongestLine));
  std::string raw(static_cast<size_t>(std::max<off_t>(0, size - from)), '\0');
  const ssize_t length = pread(file->get(), raw.data(), raw.size(), from);
  raw.resize(length < 0 ? 0 : static_cast<size_t>(length));
  if (from > 0) raw.erase(0, std::min(raw.find('\n'), raw.size() - 1) + 1);
  std::vector<std::string> texts;
  for (const std::string_view line : base::Split(raw, '\n')) {
    // "<time> <stream> <P|F> <text>"; after P the line goes on in the next record.
    const size_t stream = line.find(' ');
    const size_t tag = stream == std::string_view::npos ? stream : line.find(' ', stream + 1);
    const size_t text = tag == std::string_view::npos ? tag : line.find(' ', tag + 1);
    if (text == std::string_view::npos) continue;
    texts.emplace_back(line.substr(text + 1));
    if (line.substr(tag + 1, text - tag - 1) != "P") texts.back() += '\n';
  }
  if (texts.size() > lines) texts.erase(texts.begin(), texts.end() - static_cast<ptrdiff_t>(lines));
  std::string out = base::Join(texts, "");
  if (out.size() > bytes) out.erase(0, out.size() - bytes);
  return out;
}

std::string TerminationMessage(const cri::ContainerStatus& status) {
  const std::string path = AnnotationOf(status, pod::kTerminationMessagePath);
  std::string message;
  for (const cri::Mount& mount : status.mounts()) {
    if (!path.empty() && mount.container_path() == path)
      message = ReadMessageFile(mount.host_path());
  }
  if (message.empty() && status.exit_code() != 0 &&
      AnnotationOf(status, pod::kTerminationMessagePolicy) == "FallbackToLogsOnError") {
    message = LogTail(status.log_path(), kTailLines, kTailBytes);
  }
  if (message.empty()) return status.message();
  return status.message().empty() ? message : status.message() + ": " + message;
}

}  // namespace keelson::pleg
