// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/message.h"

#include <strings.h>

#include <algorithm>
#include <optional>

#include "lib/base/percent.h"
#include "lib/base/result.h"
#include "lib/base/strings.h"

namespace keelson::service {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

const std::string* FindHeader(const Fields& headers, std::string_view name) {
  for (const Field& field : headers)
    if (SameName(field.first, name)) return &field.second;
  return nullptr;
}

const std::string* FindField(const Fields& fields, std::string_view name) {
  for (const Field& field : fields)
    if (field.first == name) return &field.second;
  return nullptr;
}

bool ParseTarget(Request& request) {
  if (!request.target.starts_with('/')) {
    // An absolute target, as a client that takes us for a proxy sends it: the path of it counts.
    const size_t scheme = request.target.find("://");
    if (scheme == std::string::npos || scheme > 5) return false;
    const size_t slash = request.target.find('/', scheme + 3);
    request.target = slash == std::string::npos ? "/" : request.target.substr(slash);
  }
  std::optional<std::string> path = base::PercentDecode(request.raw_path(), false);
  if (!path || path->find('\0') != std::string::npos) return false;
  request.path = *std::move(path);
  if (request.raw_query().empty()) return true;
  for (const std::string_view pair : base::Split(request.raw_query(), '&')) {
    if (pair.empty() || pair.find(';') != std::string_view::npos) continue;
    const size_t equals = pair.find('=');
    std::optional<std::string> name = base::PercentDecode(pair.substr(0, equals), true);
    std::optional<std::string> value = equals == std::string_view::npos
                                           ? std::string()
                                           : base::PercentDecode(pair.substr(equals + 1), true);
    if (name && value) request.query.emplace_back(*std::move(name), *std::move(value));
  }
  return true;
}

std::string_view ReasonPhrase(int status) {
  struct Phrase {
    int status;
    std::string_view text;
  };
  static constexpr Phrase kPhrases[] = {{100, "Continue"},
                                        {101, "Switching Protocols"},
                                        {200, "OK"},
                                        {201, "Created"},
                                        {202, "Accepted"},
                                        {204, "No Content"},
                                        {206, "Partial Content"},
                                        {301, "Moved Permanently"},
                                        {302, "Found"},
                                        {304, "Not Modified"},
                                        {307, "Temporary Redirect"},
                                        {308, "Permanent Redirect"},
                                        {400, "Bad Request"},
                                        {401, "Unauthorized"},
                                        {403, "Forbidden"},
                                        {404, "Not Found"},
                                        {405, "Method Not Allowed"},
                                        {406, "Not Acceptable"},
                                        {408, "Request Timeout"},
                                        {409, "Conflict"},
                                        {410, "Gone"},
                                        {412, "Precondition Failed"},
                                        {413, "Request Entity Too Large"},
                                        {415, "Unsupported Media Type"},
                                        {422, "Unprocessable Entity"},
                                        {429, "Too Many Requests"},
                                        {431, "Request Header Fields Too Large"},
                                        {500, "Internal Server Error"},
                                        {501, "Not Implemented"},
                                        {502, "Bad Gateway"},
                                        {503, "Service Unavailable"},
                                        {504, "Gateway Timeout"},
                                        {505, "HTTP Version Not Supported"}};
  const auto* found = std::find_if(std::begin(kPhrases), std::end(kPhrases),
                                   [status](const Phrase& p) { return p.status == status; });
  return found == std::end(kPhrases) ? "Status" : found->text;
}

bool AcceptsGzip(const Fields& headers) {
  const std::string* accept = FindHeader(headers, "accept-encoding");
  if (accept == nullptr) return false;
  for (const std::string_view part : base::Split(std::string_view(*accept), ',')) {
    const size_t semicolon = part.find(';');
    if (!SameName(base::Trim(part.substr(0, semicolon)), "gzip")) continue;
    if (semicolon == std::string_view::npos) return true;
    std::string_view weight = base::Trim(part.substr(semicolon + 1));
    return !(weight.starts_with("q=0") && weight.find_first_of("123456789") == weight.npos);
  }
  return false;
}

}  // namespace keelson::service
