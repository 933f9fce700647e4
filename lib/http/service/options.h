// SPDX-License-Identifier: Apache-2.0
// The server's bounds, and the texts of what TLS needs. Plain data.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>

namespace keelson::service {

struct ServerOptions {
  size_t loops = 2;  // event-loop threads
  // Threads that handlers may hold at once; as many again for requests that may change something
  // (neither GET, HEAD nor OPTIONS), so that whoever reads never waits for a slow disk.
  size_t workers = 64;
  size_t max_waiting = 4096;  // requests of either kind that wait; more are answered 503
  size_t max_connections = 20000;
  size_t max_streams = 250;  // of one HTTP/2 connection, open or still being worked on
  size_t max_header_bytes = 64u << 10;
  size_t max_body_bytes = 3u << 20;
  size_t max_buffered_bytes = 512u << 20;  // bodies of all requests together; more are answered 503
  size_t max_queued_bytes = 4u << 20;      // of one streamed answer
  size_t gzip_from_bytes = 128u << 10;     // 0: never
  std::chrono::milliseconds handshake_timeout{10000};
  std::chrono::milliseconds header_timeout{32000};  // from the first byte of a request's head
  std::chrono::milliseconds body_timeout{60000};    // from the head to the last byte of the body
  std::chrono::milliseconds idle_timeout{90000};    // between requests
  std::chrono::milliseconds write_timeout{60000};   // the client takes nothing for so long
  std::chrono::milliseconds drain_timeout{3000};    // for what is under way when the server stops
  // The body of answers that the server gives itself: {Content-Type, text}.
  std::function<std::pair<std::string, std::string>(int status, const std::string& message)>
      format_error;
};

// What a client asks of a server's certificate.
enum class Trust {
  kAuthorities,  // one of the authorities signed it, for the name that was asked for
  // What the authorities signed is to be good and for that name; any other is taken as it is. For
  // servers that may have made their certificate themselves.
  kOthersToo,
};

// All PEM. Clients are asked for a certificate if `client_ca` is not empty and need not have one.
struct TlsMaterial {
  std::string certificate;  // the server's own first, then its intermediates
  std::string key;
  std::string client_ca;
  bool awaits_certificate = false;  // there is none yet: no handshake succeeds ("internal error")
  bool only_1_3 = false;            // else TLS 1.2 too
  std::string ciphers;              // of TLS 1.2, as OpenSSL names them; empty: our choice
};

}  // namespace keelson::service
