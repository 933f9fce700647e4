// SPDX-License-Identifier: Apache-2.0
// A connection's socket, with TLS or without: non-blocking handshake, reads and writes, and the TLS
// context that many connections share. One thread a Transport; contexts are immutable. Private to
// this folder and passage. Source: OpenSSL 3.0, ssl(7).
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/http/service/options.h"
#include "lib/http/service/output.h"
#include "lib/os/unique_fd.h"

struct ssl_ctx_st;
struct ssl_st;

namespace keelson::service {

using TlsContext = std::shared_ptr<ssl_ctx_st>;
base::Result<TlsContext> MakeTlsContext(const TlsMaterial& material);
// Of one who connects: shows `certificate` if there is one. Peers must be signed by `authorities`;
// without those any peer is taken.
base::Result<TlsContext> MakeClientContext(const std::string& certificate, const std::string& key,
                                           const std::string& authorities,
                                           Trust trust = Trust::kAuthorities);

class Transport {
 public:
  enum class Io { kDone, kWantRead, kWantWrite, kEnd, kFailed };

  Transport(os::UniqueFd socket, TlsContext tls);  // tls may be null
  // Of one who connects: `host` is whom the peer must be, a name or an address.
  Transport(os::UniqueFd socket, TlsContext tls, const std::string& host);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  int fd() const { return socket_.get(); }
  bool tls() const { return ssl_ != nullptr; }
  Io Handshake();
  bool alpn_h2() const;
  std::shared_ptr<const PeerCertificates> Peer() const;
  // Until when that is good, in seconds since the epoch; 0: it showed none.
  int64_t PeerEnd() const;

  // Appends what there is, at most about `limit` bytes; kDone when something came.
  Io Read(std::string& to, size_t limit);
  // Sends from the front of `out` until all is gone or the socket is full; `sent` counts.
  Io Write(Output& out, size_t& sent);
  void ShutdownWrite();  // close_notify and FIN
  // Of a handshake that failed, if it did over the peer's certificate.
  std::string PeerProblem() const;
  // Why the peer ended a handshake, in TLS' words ("internal error"), if it said so.
  std::string PeerAlert() const;

 private:
  Io Problem(int result);
  Io WritePlain(Output& out, size_t& sent);
  Io WriteTls(Output& out, size_t& sent);

  os::UniqueFd socket_;
  TlsContext context_;
  ssl_st* ssl_ = nullptr;
  int alert_ = -1;  // of the peer
};

}  // namespace keelson::service
