// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/paging.h"

#include <fmt/format.h>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "minimal-master/schema/decode.h"

namespace keelson::api {
namespace {

constexpr char kVersion[] = "meta.k8s.io/v1";
constexpr char kNotValid[] = "invalid continue token: continue key is not valid: ";

// base64 as URLs have it, without padding.
std::string Encode(std::string_view bytes) {
  std::string text = base::Base64Encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::optional<std::string> DecodeText(std::string_view text) {
  std::string standard(text);
  for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  standard.append((4 - standard.size() % 4) % 4, '=');
  return base::Base64Decode(standard);
}

status::Failure NotValid(std::string_view why) {
  return status::BadRequest(fmt::format("{}{}", kNotValid, why));
}

}  // namespace

std::string WritePageToken(const PageToken& token, std::string_view prefix) {
  std::string_view start = token.start;
  if (start.starts_with(prefix)) start.remove_prefix(prefix.size());
  json::Value out;
  out.Set("v", json::Value(kVersion));
  out.Set("rv", json::Value(token.revision));
  out.Set("start", json::Value("/" + std::string(start)));
  return Encode(json::WriteJson(out));
}

status::Or<PageToken> ReadPageToken(std::string_view text, std::string_view prefix) {
  const std::optional<std::string> bytes = DecodeText(text);
  if (!bytes) return NotValid("illegal base64 data at input byte 0");
  const base::Result<json::Value> value = schema::DecodeAny(*bytes);
  if (!value.ok()) return NotValid(value.error().message());
  const std::string& version = value->At({"v"}).AsString();
  if (version != kVersion)
    return NotValid(fmt::format("server does not recognize this encoded version {}", version));
  const int64_t revision = value->At({"rv"}).AsInt();
  if (revision == 0)
    return NotValid(fmt::format("incorrect encoded start resourceVersion (version {})", kVersion));
  std::string start = value->At({"start"}).AsString();
  if (start.empty()) return NotValid(fmt::format("empty start key (version {})", kVersion));
  if (start.starts_with('/')) start.erase(0, 1);
  // The key stays below what was asked for, whatever the token says.
  if (start.find("..") != std::string::npos) return NotValid("start key is not below the resource");
  return PageToken{revision < 0 ? -1 : revision, std::string(prefix) + start};
}

status::Or<watch::Snapshot> SnapshotOfPage(watch::Cache& cache, const PageToken& token,
                                           std::string_view prefix) {
  if (token.revision < 0) return cache.Current();
  base::Result<watch::Snapshot> past = cache.At(token.revision, prefix);
  if (past.ok()) return *std::move(past);
  status::Failure failure = status::Expired(
      "The provided continue parameter is too old to display a consistent list result. You can "
      "start a new list without the continue parameter, or use the continue token in this response "
      "to retrieve the remainder of the results. Continuing with the provided token results in an "
      "inconsistent list - objects that were created, modified, or deleted between the time the "
      "first chunk was returned and now may show up in the list.");
  failure.resume = WritePageToken({-1, token.start}, prefix);
  return failure;
}

}  // namespace keelson::api
