// SPDX-License-Identifier: Apache-2.0
// One keep-alive connection to an API server over TLS, HTTP/1.1, blocking with a deadline for each
// read: little work beside the server's, the same for every server. One thread at a time.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::load {

// All PEM; without a certificate nobody in particular.
struct Identity {
  std::string authority, certificate, key;
};
// Of a kubeconfig's one user and cluster, with what they need in it.
base::Result<Identity> ReadKubeconfig(const std::string& path);

// What connections of one client share. Thread-safe once made.
class Client {
 public:
  static base::Result<Client> Make(const Identity& identity, int port,
                                   const std::string& address = "127.0.0.1");
  SSL_CTX* context() const { return context_.get(); }
  const std::string& address() const { return address_; }
  int port() const { return port_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  std::string address_;
  int port_ = 0;
};

struct Answer {
  int code = 0;
  std::string head;  // with the status line
  std::string body;  // as it came: of gzip when that was asked for
  size_t size = 0;   // of the body
};

class Connection {
 public:
  static base::Result<Connection> Open(const Client& client,
                                       std::chrono::seconds patience = std::chrono::seconds(60));

  // Unavailable: the connection ended; whether the request was carried out is not known.
  base::Result<Answer> Ask(std::string_view method, std::string_view path,
                           std::string_view body = {},
                           std::string_view content_type = "application/json",
                           std::string_view more_headers = {});
  // An answer without an end: its head (the body too when it is a refusal), then a line at a time.
  base::Result<Answer> Begin(std::string_view path);
  // OutOfRange: the answer has ended in order.
  base::Result<std::string> ReadLine();
  // After Begin instead of ReadLine: bytes as they come, chunk frames included; all that one record
  // held, and none is left unseen when `size` is 32 KiB or more.
  base::Result<size_t> ReadSome(char* out, size_t size);
  bool holds_some() const { return at_ < buffer_.size(); }  // without a wait
  int fd() const { return socket_.get(); }
  // Bodies of answers are counted, not kept: what a client makes of 20 MB is not the server's.
  void DropBodies() { keeps_bodies_ = false; }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  base::Status Send(std::string_view bytes);
  base::Status Fill();  // more of what comes, behind buffer_
  base::Result<Answer> ReadHead();
  base::Status ReadChunk(std::string& out);  // OutOfRange: it was the last
  base::Status Need(size_t bytes);           // buffered
  base::Result<std::string> TakeLine();      // up to "\r\n", without it

  os::UniqueFd socket_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string buffer_;
  size_t at_ = 0;  // of buffer_: what was taken
  std::string lines_;
  size_t line_at_ = 0;
  bool keeps_bodies_ = true;
};

}  // namespace keelson::load
