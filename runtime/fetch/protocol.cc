// SPDX-License-Identifier: Apache-2.0
#include "runtime/fetch/protocol.h"

#include "lib/base/codec.h"
#include "runtime/content/digest.h"

namespace keelson::fetch {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kMaxMessage = 4096;

base::Error Malformed() {
  return base::Internal("malformed message between the runtime and keelson-fetch");
}

std::string Printable(std::string text) {
  if (text.size() > kMaxMessage) text.resize(kMaxMessage);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

}  // namespace

std::string Encode(const Config& config) {
  base::Writer out;
  out.U32(kVersion);
  out.String(config.repository);
  out.Strings(config.accept);
  out.I64(config.no_progress_timeout.count());
  out.I64(config.retry_delay.count());
  out.U32(static_cast<uint32_t>(config.endpoints.size()));
  for (const Endpoint& e : config.endpoints) {
    for (const std::string* text : {&e.base, &e.ns, &e.authorities, &e.certificate, &e.key})
      out.String(*text);
    out.Bool(e.can_pull);
    out.Bool(e.can_resolve);
    out.Bool(e.skip_verify);
    out.U32(static_cast<uint32_t>(e.headers.size()));
    for (const auto& [name, value] : e.headers) {
      out.String(name);
      out.String(value);
    }
    for (const std::string* text : {&e.credentials.username, &e.credentials.password,
                                    &e.credentials.identity_token, &e.credentials.registry_token})
      out.String(*text);
  }
  return out.Take();
}

base::Result<Config> DecodeConfig(std::string_view bytes) {
  base::Reader in(bytes);
  if (in.U32() != kVersion) return Malformed();
  Config config;
  config.repository = in.String();
  config.accept = in.Strings();
  config.no_progress_timeout = std::chrono::milliseconds(in.I64());
  config.retry_delay = std::chrono::milliseconds(in.I64());
  for (uint32_t n = in.Count(16); n > 0 && in.ok(); --n) {
    Endpoint e;
    for (std::string* text : {&e.base, &e.ns, &e.authorities, &e.certificate, &e.key})
      *text = in.String();
    e.can_pull = in.Bool();
    e.can_resolve = in.Bool();
    e.skip_verify = in.Bool();
    for (uint32_t h = in.Count(8); h > 0 && in.ok(); --h) {
      std::string name = in.String();
      e.headers.emplace_back(std::move(name), in.String());
    }
    for (std::string* text : {&e.credentials.username, &e.credentials.password,
                              &e.credentials.identity_token, &e.credentials.registry_token})
      *text = in.String();
    config.endpoints.push_back(std::move(e));
  }
  if (!in.ok()) return Malformed();
  return config;
}

std::string Encode(const Request& request) {
  base::Writer out;
  out.U32(kVersion);
  out.U32(static_cast<uint32_t>(request.kind));
  out.String(request.reference);
  out.U64(request.size);
  return out.Take();
}

base::Result<Request> DecodeRequest(std::string_view bytes) {
  base::Reader in(bytes);
  if (in.U32() != kVersion) return Malformed();
  Request request;
  const uint32_t kind = in.U32();
  request.kind = static_cast<Request::Kind>(kind);
  request.reference = in.String();
  request.size = in.U64();
  if (!in.ok() || kind < 1 || kind > 2) return Malformed();
  return request;
}

std::string Encode(const base::Result<Reply>& reply) {
  base::Writer out;
  out.U32(kVersion);
  out.Bool(reply.ok());
  if (reply.ok()) {
    for (const std::string* text : {&reply->digest, &reply->media_type, &reply->endpoint})
      out.String(*text);
    out.U64(reply->size);
  } else {
    out.U32(static_cast<uint32_t>(reply.error().code()));
    out.I32(reply.error().os_errno());
    out.String(std::string_view(reply.error().message()).substr(0, kMaxMessage));
  }
  return out.Take();
}

base::Result<Reply> DecodeReply(std::string_view bytes) {
  base::Reader in(bytes);
  if (in.U32() != kVersion) return Malformed();
  if (!in.Bool()) {
    const uint32_t code = in.U32();
    const int os_errno = in.I32();
    std::string message = Printable(in.String());
    if (!in.ok() || code < 1 || code > 16) return Malformed();
    return base::Error(static_cast<base::Code>(code), std::move(message), os_errno);
  }
  Reply reply;
  for (std::string* text : {&reply.digest, &reply.media_type, &reply.endpoint})
    *text = Printable(in.String());
  reply.size = in.U64();
  if (!in.ok() || !content::IsDigest(reply.digest)) return Malformed();
  return reply;
}

}  // namespace keelson::fetch
