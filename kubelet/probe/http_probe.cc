// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/http_probe.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>

#include "kubelet/probe/tcp_probe.h"
#include "lib/base/strings.h"
#include "lib/http/client/url.h"

namespace keelson::probe {
namespace {

using Time = std::chrono::steady_clock;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One answer as it comes in.
struct Reception {
  std::string location;
  std::string body;
  bool provisional = false;  // "100 Continue" and the like
  bool has_head = false;
  bool full = false;
};

size_t OnHeader(char* data, size_t one, size_t size, void* user) {
  auto& reception = *static_cast<Reception*>(user);
  const std::string_view line = base::Trim({data, one * size});
  if (line.starts_with("HTTP/")) {
    reception.location.clear();
    const size_t code = line.find(' ');
    reception.provisional =
        code != std::string_view::npos && line.substr(code + 1).starts_with('1');
  }
  if (line.empty()) reception.has_head = !reception.provisional;
  constexpr std::string_view kLocation = "location:";
  if (base::ToLower(line.substr(0, kLocation.size())) == kLocation)
    reception.location = base::Trim(line.substr(kLocation.size()));
  return size;
}

size_t OnBody(char* data, size_t one, size_t size, void* user) {
  auto& reception = *static_cast<Reception*>(user);
  const size_t room = kMaxBodyBytes - reception.body.size();
  reception.body.append(data, std::min(room, one * size));
  if (one * size <= room) return size;
  reception.full = true;
  return 0;  // enough: the rest is not read
}

int OnSocket(void*, curl_socket_t socket, curlsocktype) {
  SetLinger(socket);
  return CURL_SOCKOPT_OK;
}

bool SameName(std::string_view a, std::string_view b) {
  return base::ToLower(a) == base::ToLower(b);
}

const kube::HttpHeader* Find(const std::vector<kube::HttpHeader>& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return SameName(header.name, name); });
  return found == headers.end() ? nullptr : &*found;
}

bool IsRedirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Bytes that no URL may hold as they are; what is escaped already stays.
std::string EscapePath(std::string_view path) {
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  bool good = true;
  const std::string_view before_query = path.substr(0, path.find('?'));
  for (size_t i = 0; i < before_query.size(); ++i) {
    if (before_query[i] == '%')
      good = good && i + 2 < before_query.size() && is_hex(before_query[i + 1]) &&
             is_hex(before_query[i + 2]);
  }
  if (good) path = path.substr(0, path.find('#'));
  std::string out = path.starts_with('/') ? "" : "/";
  for (const char c : path) {
    const bool bad =
        c <= ' ' || c >= 0x7f || std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos;
    // A path that is no valid URL is taken letter by letter.
    const bool letter = !good && (c == '%' || c == '?' || c == '#');
    out +=
        bad || letter ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

base::Result<std::unique_ptr<curl_slist, ListDeleter>> HeaderList(
    const std::vector<kube::HttpHeader>& headers, bool keep_host) {
  std::unique_ptr<curl_slist, ListDeleter> list;
  const auto add = [&list](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    KEELSON_CHECK(longer != nullptr);
    (void)list.release();
    list.reset(longer);
  };
  for (const kube::HttpHeader& header : headers) {
    if (header.name.empty() || base::ContainsControlCharacter(header.name) ||
        base::ContainsControlCharacter(header.value) ||
        header.name.find_first_of(" :;") != std::string::npos) {
      return base::InvalidArgument("invalid header field {}", base::QuoteIfNeeded(header.name));
    }
    if (SameName(header.name, "Host") && (!keep_host || header.value.empty())) continue;
    add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  // Without these lines the library would send its own.
  if (Find(headers, "Accept") == nullptr) add("Accept:");
  add("Connection: close");
  return list;
}

struct Exchange {
  Reception reception;
  long status = 0;
  CURLcode code = CURLE_OK;
  std::string reason;
};

base::Result<Exchange> Get(const std::string& url, const std::vector<kube::HttpHeader>& headers,
                           bool keep_host, std::chrono::milliseconds timeout) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, EasyDeleter> handle(curl_easy_init());
  KEELSON_CHECK(handle != nullptr);
  CURL* easy = handle.get();
  ASSIGN_OR_RETURN(const auto list, HeaderList(headers, keep_host));
  Exchange exchange;
  char reason[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // not the environment's either
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST,
                   "DEFAULT:@SECLEVEL=0");  // small keys of self-made certificates too
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, OnSocket);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange.reception);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange.reception);
  exchange.code = curl_easy_perform(easy);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &exchange.status);
  exchange.reason = reason[0] != '\0' ? reason : curl_easy_strerror(exchange.code);
  return exchange;
}

}  // namespace

base::Result<std::string> HttpUrl(const kube::HttpGetAction& action, const Target& target) {
  ASSIGN_OR_RETURN(const uint16_t port, ResolvePort(action.port, target.container));
  const std::string& host = action.host.empty() ? target.address : action.host;
  if (host.empty()) return base::FailedPrecondition("the pod has no address");
  const std::string scheme = action.scheme.empty() ? "http" : base::ToLower(action.scheme);
  if (scheme != "http" && scheme != "https")
    return base::InvalidArgument("unknown scheme {}", base::QuoteIfNeeded(action.scheme));
  return scheme + "://" + JoinHostPort(host, port) + EscapePath(action.path);
}

std::vector<kube::HttpHeader> HttpHeaders(const kube::HttpGetAction& action,
                                          const std::string& agent) {
  std::vector<kube::HttpHeader> headers = action.http_headers;
  if (Find(headers, "User-Agent") == nullptr) headers.push_back({"User-Agent", agent});
  if (const kube::HttpHeader* accept = Find(headers, "Accept"); accept == nullptr) {
    headers.push_back({"Accept", "*/*"});
  } else if (accept->value.empty()) {
    std::erase_if(headers, [](const auto& header) { return SameName(header.name, "Accept"); });
  }
  std::erase_if(headers, [](const auto& header) {
    return SameName(header.name, "User-Agent") && header.value.empty();
  });
  return headers;
}

base::Result<HttpReply> HttpGet(const std::string& url,
                                const std::vector<kube::HttpHeader>& headers,
                                std::chrono::milliseconds timeout) {
  const Time::time_point deadline = Time::now() + timeout;
  ASSIGN_OR_RETURN(const http::Url first, http::ParseUrl(url));
  std::string current = url;
  bool keep_host = true;
  for (int request = 1;; ++request) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Time::now());
    if (left.count() <= 0)
      return base::DeadlineExceeded("Get \"{}\": timed out after {} ms", current, timeout.count());
    ASSIGN_OR_RETURN(Exchange exchange, Get(current, headers, keep_host, left));
    Reception& got = exchange.reception;
    if (exchange.code != CURLE_OK && !got.full && !got.has_head) {
      const std::string text = fmt::format("Get \"{}\": {}", current, exchange.reason);
      if (exchange.code == CURLE_OPERATION_TIMEDOUT) return base::DeadlineExceeded("{}", text);
      if (exchange.code == CURLE_SSL_CONNECT_ERROR &&
          exchange.reason.find("wrong version number") != std::string::npos) {
        return base::FailedPrecondition("{}", text);
      }
      return base::Unavailable("{}", text);
    }
    HttpReply reply{static_cast<int>(exchange.status), std::move(got.body),
                    exchange.code != CURLE_OK && !got.full, false};
    if (!IsRedirect(exchange.status) || got.location.empty()) {
      reply.left_host = exchange.status >= 300 && exchange.status < 400;
      return reply;
    }
    auto next = http::ResolveUrl(current, got.location);
    if (!next.ok())
      return std::move(next).WithContext(fmt::format("Get \"{}\": redirect", current)).error();
    ASSIGN_OR_RETURN(const http::Url parsed, http::ParseUrl(*next));
    if (!SameName(parsed.host, first.host)) {
      reply.left_host = true;
      return reply;
    }
    if (request >= kMaxRequests)
      return base::Unavailable("Get \"{}\": stopped after {} redirects", *next, kMaxRequests);
    // A Host header of the pod's stays as long as redirects are relative.
    keep_host = keep_host && got.location.find("://") == std::string::npos &&
                !got.location.starts_with("//");
    current = std::move(next).value();
  }
}

Answer ProbeHttp(const kube::HttpGetAction& action, const Target& target,
                 std::chrono::milliseconds timeout) {
  const auto url = HttpUrl(action, target);
  if (!url.ok()) return {Outcome::kError, url.error().message()};
  const auto got =
      HttpGet(*url, HttpHeaders(action, std::string("kube-probe/") + kApiVersion), timeout);
  if (!got.ok()) return {Outcome::kFailure, got.error().message()};
  const HttpReply& reply = *got;
  if (reply.body_broken)
    return {Outcome::kError, fmt::format("Get \"{}\": the answer ended before its end", *url)};
  if (reply.left_host)
    return {Outcome::kWarning, "Probe terminated redirects, Response body: " + reply.body};
  if (reply.status >= 200 && reply.status < 400) return {Outcome::kSuccess, reply.body};
  return {Outcome::kFailure, fmt::format("HTTP probe failed with statuscode: {}", reply.status)};
}

}  // namespace keelson::probe
