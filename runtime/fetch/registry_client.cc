// SPDX-License-Identifier: Apache-2.0
#include "runtime/fetch/registry_client.h"

#include <poll.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/http/client/url.h"

namespace keelson::fetch {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr int kMaxRedirects = 10;
constexpr int kMaxAttempts =
    5;  // in a row without a byte of progress; where another endpoint follows, two
constexpr int kMaxRetryAfterSeconds = 60;

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Worth another try a little later, at the same place.
struct Temporary final : base::ErrorDetail {};

Error Temporarily(const Error& error) { return error.WithDetail(std::make_shared<Temporary>()); }
bool IsTemporary(const Error& error) {
  return std::dynamic_pointer_cast<const Temporary>(error.detail()) != nullptr;
}

Error StatusError(int status) {
  switch (status) {
    case 401:
      return base::Unauthenticated("status 401 Unauthorized");
    case 403:
      return base::PermissionDenied("status 403 Forbidden");
    case 404:
      return base::NotFound("status 404 Not Found");
    case 429:
      return Temporarily(base::Unavailable("status 429 Too Many Requests"));
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
      return Temporarily(base::Unavailable("status {}", status));
    default:
      return base::Unavailable("unexpected status {}", status);
  }
}

// "bytes 100-199/200" → 100.
std::optional<uint64_t> RangeStart(std::string_view header) {
  if (!header.starts_with("bytes ")) return std::nullopt;
  header.remove_prefix(6);
  return base::ParseUint64(header.substr(0, header.find('-')));
}

}  // namespace

// What has been handed on so far, over all attempts and endpoints.
struct RegistryClient::Progress {
  content::Digester hash;
  uint64_t bytes = 0;
  std::string media_type;
  bool sink_failed = false;
};

RegistryClient::RegistryClient(Config config, std::string authorities,
                               const std::atomic<bool>* cancel)
    : config_(std::move(config)), authorities_(std::move(authorities)), cancel_(cancel) {
  for (const Endpoint& endpoint : config_.endpoints)
    authorizers_.emplace_back(endpoint, config_.repository);
}

http::ClientRequest RegistryClient::Model(size_t index) const {
  const Endpoint& endpoint = config_.endpoints[index];
  http::ClientRequest request;
  request.no_progress_timeout = config_.no_progress_timeout;
  request.connect_timeout = std::min(request.connect_timeout, config_.no_progress_timeout);
  request.tls.authorities_pem = authorities_.empty() && endpoint.authorities.empty()
                                    ? ""
                                    : authorities_ + "\n" + endpoint.authorities;
  request.tls.certificate_pem = endpoint.certificate;
  request.tls.key_pem = endpoint.key;
  request.tls.skip_verify = endpoint.skip_verify;
  return request;
}

bool RegistryClient::Wait(std::chrono::milliseconds delay) const {
  const auto end = std::chrono::steady_clock::now() + delay;
  while (std::chrono::steady_clock::now() < end) {
    if (cancel_ != nullptr && cancel_->load()) return false;
    poll(nullptr, 0, 50);
  }
  return true;
}

// One answer after redirects and authentication. Credentials and the endpoint's own headers stay
// with its origin: a host that it sends us to never sees them.
Result<http::ResponseHead> RegistryClient::Get(size_t index, http::ClientRequest request,
                                               http::Client& client, const http::BodyTaker& taker) {
  const Endpoint& endpoint = config_.endpoints[index];
  Authorizer& authorizer = authorizers_[index];
  ASSIGN_OR_RETURN(const http::Url home, http::ParseUrl(endpoint.base));
  const http::Headers common = request.headers;
  bool authenticated = false;
  for (int redirects = 0; redirects <= kMaxRedirects;) {
    ASSIGN_OR_RETURN(const http::Url url, http::ParseUrl(request.url));
    const bool at_home =
        url.Origin() == home.Origin() || KEELSON_WEAKENED_AT("credentials-stay-home");
    request.headers = common;
    std::string authorization;
    if (at_home) {
      request.headers.insert(request.headers.end(), endpoint.headers.begin(),
                             endpoint.headers.end());
      authorization = authorizer.Header();
      if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    } else {
      request.tls.certificate_pem.clear();
      request.tls.key_pem.clear();
    }
    const auto only_wanted = [&taker](const http::ResponseHead& head,
                                      std::string_view piece) -> Status {
      return head.status == 200 || head.status == 206 ? taker(head, piece) : base::Ok();
    };
    Result<http::ResponseHead> head = client.Perform(request, only_wanted);
    if (!head.ok())
      return at_home ? head.error() : head.error().WithContext("sent on to " + url.Origin());
    if (head->status == 401 && at_home) {
      if (authenticated && !authorization.empty() && authorization == authorizer.Header())
        return base::Unauthenticated("the registry refused the credentials (status 401)");
      http::ClientRequest model = Model(index);
      if (const Result<std::string> next = authorizer.Answer(client, model, *head, authorization);
          !next.ok())
        return next.error();
      authenticated = true;
      ++redirects;  // a registry that answers 401 for ever is counted too
      continue;
    }
    if (!IsRedirect(head->status)) return head;
    Result<std::string> target = http::ResolveUrl(request.url, head->Get("location"));
    if (!target.ok()) return target.error();
    if (home.scheme == "https" && target->starts_with("http:"))
      return base::PermissionDenied("a redirect leads from https to {}", *target);
    request.url = std::move(target).value();
    ++redirects;
  }
  return base::Unavailable("more than {} redirects", kMaxRedirects);
}

Status RegistryClient::Attempt(size_t index, const Request& request, const Sink& sink,
                               http::Client& client, Progress* progress, int* retry_after) {
  const Endpoint& endpoint = config_.endpoints[index];
  const bool manifest = request.kind == Request::Kind::kManifest;
  http::ClientRequest get = Model(index);
  const std::string name = content::IsDigest(request.reference)
                               ? request.reference
                               : base::PercentEncode(request.reference);
  get.url =
      endpoint.base + "/" + config_.repository + (manifest ? "/manifests/" : "/blobs/") + name;
  if (!endpoint.ns.empty()) get.url += "?ns=" + base::PercentEncode(endpoint.ns);
  if (manifest) {
    for (const std::string& type : config_.accept) get.headers.emplace_back("Accept", type);
  }
  const uint64_t start = progress->bytes;
  if (start > 0) get.headers.emplace_back("Range", "bytes=" + std::to_string(start) + "-");
  uint64_t skip = 0;
  bool begun = false;
  const auto take = [&](const http::ResponseHead& head, std::string_view piece) -> Status {
    if (!begun) {
      begun = true;
      if (head.status == 200)
        skip = start;  // the server does not know ranges: what we have already is passed over
      if (head.status == 206 && RangeStart(head.Get("content-range")) != start)
        return base::Unavailable("the registry answered with another range than asked for");
      progress->media_type = head.Get("content-type");
    }
    const size_t passed = std::min<uint64_t>(skip, piece.size());
    skip -= passed;
    piece.remove_prefix(passed);
    if (piece.empty()) return base::Ok();
    if (progress->bytes + piece.size() > request.size) {
      return base::DataLoss("the registry sends more than {} {} bytes",
                            manifest ? "the allowed" : "the manifest's", request.size);
    }
    progress->hash.Update(piece);
    progress->bytes += piece.size();
    const Status written = sink(piece);
    progress->sink_failed = !written.ok();
    return written;
  };
  Result<http::ResponseHead> head = Get(index, std::move(get), client, take);
  if (!head.ok()) {
    const Error& error = head.error();
    const bool not_connected =
        std::dynamic_pointer_cast<const http::NotConnected>(error.detail()) != nullptr;
    return error.code() == base::Code::kUnavailable && !not_connected && !progress->sink_failed
               ? Temporarily(error)
               : error;
  }
  if (head->status == 416 && start == request.size) return base::Ok();
  if (head->status != 200 && head->status != 206) {
    *retry_after = static_cast<int>(std::min<uint64_t>(
        base::ParseUint64(head->Get("retry-after")).value_or(0), kMaxRetryAfterSeconds));
    return StatusError(head->status);
  }
  if (!manifest && progress->bytes < request.size) {
    // All that the server has, by its own word.
    if (!head->Get("content-length").empty()) {
      return base::DataLoss("{} has {} bytes there, the manifest says {}", request.reference,
                            progress->bytes, request.size);
    }
    return Temporarily(base::Unavailable("the connection ended after {} of {} bytes",
                                         progress->bytes, request.size));
  }
  return base::Ok();
}

Status RegistryClient::TryEndpoint(size_t index, bool last, const Request& request,
                                   const Sink& sink, http::Client& client, Progress* progress) {
  std::chrono::milliseconds delay = config_.retry_delay;
  for (int attempt = 1;; ++attempt) {
    const uint64_t before = progress->bytes;
    int retry_after = 0;
    const Status done = Attempt(index, request, sink, client, progress, &retry_after);
    if (done.ok() || !IsTemporary(done.error())) return done;
    // A document is small: its next attempt begins anew, and its sink cannot take bytes back.
    if (request.kind == Request::Kind::kManifest && progress->bytes > 0) return done;
    if (progress->bytes > before) {
      attempt = 0;
      delay = config_.retry_delay;
    }
    if (attempt >= (last ? kMaxAttempts : 2)) return done;
    if (!Wait(std::max<std::chrono::milliseconds>(delay, std::chrono::seconds(retry_after))))
      return base::Cancelled("cancelled");
    delay *= 2;
  }
}

Result<Reply> RegistryClient::Fetch(const Request& request, const Sink& sink) {
  http::Client client(cancel_);
  Progress progress;
  std::vector<size_t> usable;
  const bool by_tag =
      request.kind == Request::Kind::kManifest && !content::IsDigest(request.reference);
  for (size_t i = 0; i < config_.endpoints.size(); ++i) {
    if (by_tag ? config_.endpoints[i].can_resolve : config_.endpoints[i].can_pull)
      usable.push_back(i);
  }
  std::optional<Error> trouble;
  for (const size_t index : usable) {
    const std::string& base = config_.endpoints[index].base;
    const Status done =
        TryEndpoint(index, index == usable.back(), request, sink, client, &progress);
    if (done.ok()) {
      Reply reply{.digest = progress.hash.Finish(),
                  .size = progress.bytes,
                  .media_type = progress.media_type,
                  .endpoint = base};
      if (content::IsDigest(request.reference) && reply.digest != request.reference) {
        return base::DataLoss("{}: digest mismatch: asked for {}, got content with {}", base,
                              request.reference, reply.digest);
      }
      return reply;
    }
    const Error here = done.error().WithContext(base);
    const bool over = progress.sink_failed || here.code() == base::Code::kCancelled;
    if (over || (request.kind == Request::Kind::kManifest && progress.bytes > 0)) return here;
    // The last one's code counts, it is the registry itself; but each is named.
    trouble = trouble
                  ? Error(here.code(), trouble->message() + "; " + here.message(), here.os_errno())
                  : here;
  }
  if (!trouble) return base::FailedPrecondition("no host is configured that may be asked");
  return *trouble;
}

}  // namespace keelson::fetch
