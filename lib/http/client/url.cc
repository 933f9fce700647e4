// SPDX-License-Identifier: Apache-2.0
#include "lib/http/client/url.h"

#include <curl/curl.h>

#include <memory>

#include "lib/base/strings.h"

namespace keelson::http {
namespace {

struct CurlUrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, CurlUrlDeleter>;

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return "";
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace

base::Result<Url> ParseUrl(std::string_view text) {
  const std::string quoted = base::QuoteIfNeeded(text.substr(0, 300));
  if (text.size() > 8192 || base::ContainsControlCharacter(text))
    return base::InvalidArgument("{} is not a URL", quoted);
  const CurlUrl url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME) !=
      CURLUE_OK) {
    return base::InvalidArgument("{} is not a URL", quoted);
  }
  Url out;
  out.scheme = Part(url.get(), CURLUPART_SCHEME);
  // One slash or three would do for the library; others would then read another host out of it.
  const std::string begin = base::ToLower(text.substr(0, out.scheme.size() + 4));
  if (!begin.starts_with(out.scheme + "://") || begin.ends_with("///"))
    return base::InvalidArgument("{} is not a URL", quoted);
  if (out.scheme != "http" && out.scheme != "https")
    return base::InvalidArgument("{}: only http and https are spoken", quoted);
  if (!Part(url.get(), CURLUPART_USER).empty())
    return base::InvalidArgument("a URL with a user name is not accepted");
  out.host = Part(url.get(), CURLUPART_HOST);
  out.port = Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  out.path = Part(url.get(), CURLUPART_PATH);
  if (const std::string query = Part(url.get(), CURLUPART_QUERY); !query.empty())
    out.path += "?" + query;
  return out;
}

base::Result<std::string> ResolveUrl(const std::string& from, const std::string& location) {
  if (location.size() > 8192 || base::ContainsControlCharacter(location))
    return base::InvalidArgument("a redirect leads to a malformed URL");
  const CurlUrl url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, from.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK) {
    return base::InvalidArgument("a redirect leads to a malformed URL");
  }
  std::string out = Part(url.get(), CURLUPART_URL);
  RETURN_IF_ERROR(ParseUrl(out).WithContext("a redirect"));
  return out;
}

}  // namespace keelson::http
