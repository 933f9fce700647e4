// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/node_logs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"

namespace keelson::node_api {

using http::Response;

namespace {

Response Text(int status, std::string text) { return {.status = status, .body = std::move(text)}; }

Response Refused(const base::Error& error) {
  if (error.code() == base::Code::kPermissionDenied) return Text(403, "403 Forbidden\n");
  return Text(404, "404 page not found\n");
}

std::string Escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || c == '/';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string Html(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&#34;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

Response Listing(int folder) {
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(folder);
  if (!entries.ok()) return Text(500, "Error reading directory\n");
  std::string body = "<!doctype html>\n<pre>\n";
  for (const os::DirEntry& entry : *entries) {
    struct stat status{};
    const bool is_folder = fstatat(folder, entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                           S_ISDIR(status.st_mode);
    const std::string name = entry.name + (is_folder ? "/" : "");
    body += fmt::format("<a href=\"./{}\">{}</a>\n", Escaped(name), Html(name));
  }
  return {.content_type = "text/html; charset=utf-8", .body = body + "</pre>\n"};
}

// As long as it was when it was opened: whoever wants more asks again.
void Send(int file, off_t size, http::BodyWriter& writer) {
  char bytes[64 << 10];
  for (off_t at = 0; at < size;) {
    const ssize_t got =
        pread(file, bytes, std::min<size_t>(sizeof bytes, static_cast<size_t>(size - at)), at);
    if (got <= 0 || !writer.Write({bytes, static_cast<size_t>(got)})) return;
    at += got;
  }
}

}  // namespace

Response NodeLog(const std::string& folder, const std::string& path) {
  const base::Result<os::RootedDir> root = os::RootedDir::Open(folder);
  if (!root.ok()) return Refused(root.error());
  const std::string within = path.empty() || path == "/" ? "." : path;
  // A pipe without a writer would be waited for; nothing becomes a controlling terminal.
  base::Result<os::UniqueFd> file = root->OpenAt(within, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file.ok()) return Refused(file.error());
  struct stat status{};
  if (fstat(file->get(), &status) != 0) return Text(404, "404 page not found\n");
  const bool slash = path.empty() || path.ends_with('/');
  if (S_ISDIR(status.st_mode)) {
    if (slash && !path.empty()) return Listing(file->get());
    const std::string name = path.empty() ? "logs" : path.substr(path.rfind('/') + 1);
    return {.status = 301, .headers = {{"Location", Escaped(name) + "/"}}, .body = ""};
  }
  if (!S_ISREG(status.st_mode) || slash) return Text(404, "404 page not found\n");
  const auto shared = std::make_shared<os::UniqueFd>(std::move(file).value());
  return {.stream = [shared, size = status.st_size](http::BodyWriter& writer) {
    Send(shared->get(), size, writer);
  }};
}

}  // namespace keelson::node_api
