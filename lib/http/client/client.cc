// SPDX-License-Identifier: Apache-2.0
#include "lib/http/client/client.h"

#include <curl/curl.h>

#include <mutex>

#include "lib/base/strings.h"

namespace keelson::http {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMaxHeaderBytes = 64u << 10;
using Time = std::chrono::steady_clock;

void InitOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

curl_blob BlobOf(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
}

// What the callbacks of one request share.
struct Transfer {
  const std::atomic<bool>* cancel;
  const BodyTaker* taker;
  std::chrono::milliseconds no_progress;
  ResponseHead head;
  size_t header_bytes = 0;
  Time::time_point last_progress = Time::now();
  curl_off_t last_bytes = 0;
  std::optional<Error> stopped;  // why a callback ended the transfer
};

size_t OnHeader(char* data, size_t one, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line = base::Trim({data, one * size});
  transfer.last_progress = Time::now();
  transfer.header_bytes += size;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.stopped =
        base::ResourceExhausted("the answer's headers are larger than {} bytes", kMaxHeaderBytes);
    return 0;
  }
  if (line.starts_with(
          "HTTP/")) {  // a new answer: what came before was provisional, or the proxy's
    const std::vector<std::string_view> words = base::Split(line, ' ');
    transfer.head = {};
    transfer.head.status =
        words.size() > 1 ? static_cast<int>(base::ParseUint64(words[1]).value_or(0)) : 0;
    return size;
  }
  if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    transfer.head.headers.emplace_back(base::ToLower(base::Trim(line.substr(0, colon))),
                                       base::Trim(line.substr(colon + 1)));
  }
  return size;
}

size_t OnBody(char* data, size_t one, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (Status taken = (*transfer.taker)(transfer.head, {data, one * size}); !taken.ok()) {
    transfer.stopped = taken.error();
    return 0;
  }
  transfer.last_progress = Time::now();
  return size;
}

int OnProgress(void* user, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.cancel != nullptr && transfer.cancel->load()) {
    transfer.stopped = base::Cancelled("cancelled");
    return 1;
  }
  const Time::time_point now = Time::now();
  if (received + sent != transfer.last_bytes) {
    transfer.last_bytes = received + sent;
    transfer.last_progress = now;
  }
  if (now - transfer.last_progress > transfer.no_progress) {
    transfer.stopped = base::DeadlineExceeded(
        "nothing received for {} s",
        std::chrono::duration_cast<std::chrono::seconds>(transfer.no_progress).count());
    return 1;
  }
  return 0;
}

}  // namespace

std::string ResponseHead::Get(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

std::vector<std::string> ResponseHead::GetAll(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : headers) {
    if (key == name) out.push_back(value);
  }
  return out;
}

struct Client::State {
  CURL* easy = nullptr;
  const std::atomic<bool>* cancel = nullptr;
  ~State() { curl_easy_cleanup(easy); }
};

Client::Client(const std::atomic<bool>* cancel) : state_(std::make_unique<State>()) {
  InitOnce();
  state_->easy = curl_easy_init();
  state_->cancel = cancel;
  KEELSON_CHECK(state_->easy != nullptr);
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

Result<ResponseHead> Client::Perform(const ClientRequest& request, const BodyTaker& taker) {
  CURL* easy = state_->easy;
  curl_easy_reset(easy);  // options only: connections stay
  Transfer transfer{
      .cancel = state_->cancel, .taker = &taker, .no_progress = request.no_progress_timeout};
  char reason[CURL_ERROR_SIZE] = {};
  std::unique_ptr<curl_slist, ListDeleter> headers;
  for (const auto& [name, value] : request.headers) {
    if (base::ContainsControlCharacter(name) || base::ContainsControlCharacter(value))
      return base::InvalidArgument("header {} holds a control character",
                                   base::QuoteIfNeeded(name));
    curl_slist* longer = curl_slist_append(headers.get(), (name + ": " + value).c_str());
    KEELSON_CHECK(longer != nullptr);
    (void)headers.release();
    headers.reset(longer);
  }
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  if (!request.unix_socket.empty()) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  }
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "keelson/" KEELSON_VERSION);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &transfer);
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body->size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body->c_str());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_blob authorities = BlobOf(request.tls.authorities_pem),
            certificate = BlobOf(request.tls.certificate_pem), key = BlobOf(request.tls.key_pem);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (authorities.len > 0) curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authorities);
  if (certificate.len > 0) curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
  if (key.len > 0) curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request.tls.skip_verify ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request.tls.skip_verify ? 0L : 2L);

  const CURLcode code = curl_easy_perform(easy);
  if (transfer.stopped) return *transfer.stopped;
  if (code == CURLE_OK) return std::move(transfer.head);
  // TLS 1.3 servers refuse a client without a certificate after the client's side of the handshake
  // is done: often all that is seen of it is the end of the connection.
  const bool unasked =
      (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) &&
      transfer.header_bytes == 0;
  const bool hint =
      unasked && request.url.starts_with("https:") && request.tls.certificate_pem.empty();
  const Error error = base::Unavailable(
      "{}{}", reason[0] != '\0' ? reason : curl_easy_strerror(code),
      hint ? " (the server ended the TLS connection; it may want a client certificate)" : "");
  double connected = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME, &connected);
  if (connected == 0) return error.WithDetail(std::make_shared<NotConnected>());
  return error;
}

Result<std::pair<ResponseHead, std::string>> Client::PerformToString(const ClientRequest& request,
                                                                     size_t limit) {
  std::string body;
  Result<ResponseHead> head =
      Perform(request, [&body, limit](const ResponseHead&, std::string_view piece) -> Status {
        if (body.size() + piece.size() > limit)
          return base::ResourceExhausted("the answer is larger than {} bytes", limit);
        body += piece;
        return base::Ok();
      });
  if (!head.ok()) return head.error();
  return std::pair(std::move(head).value(), std::move(body));
}

}  // namespace keelson::http
