// SPDX-License-Identifier: Apache-2.0
// For tests: an HTTP server on 127.0.0.1 and a free port that notes each request and says what it
// is told to, in plain text or with a certificate of its own making. One connection at a time, one
// request a connection. Ends with its owner.
#pragma once

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::probe {

// A port of 127.0.0.1 that refuses whoever connects: it is taken while this lives, and nobody
// listens there.
class ClosedPort {
 public:
  ClosedPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    KEELSON_CHECK(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                  ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  uint16_t port() const { return port_; }

 private:
  const os::UniqueFd socket_;
  uint16_t port_ = 0;
};

class TestServer {
 public:
  // Gets the head of the request; an empty answer means none: the connection stays open until the
  // client or the test gives up.
  using Answerer = std::function<std::string(const std::string& head)>;

  explicit TestServer(Answerer answerer, bool tls = false)
      : answerer_(std::move(answerer)), stop_(::eventfd(0, EFD_CLOEXEC)) {
    if (tls) MakeTls();
    listener_ = os::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    KEELSON_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) ==
                  0);
    KEELSON_CHECK(::listen(listener_.get(), 16) == 0);
    socklen_t size = sizeof address;
    KEELSON_CHECK(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) ==
                  0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TestServer() {
    const uint64_t one = 1;
    KEELSON_CHECK(::write(stop_.get(), &one, sizeof one) == sizeof one);
    thread_.join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // What does not begin like a request is answered as soon as its first bytes are there.
  void AnswerGarbageAtOnce() { impatient_ = true; }
  uint16_t port() const { return port_; }
  std::vector<std::string> heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  void MakeTls() {
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);  // run out: nobody is to check it
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("else"), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_sign(certificate, key, EVP_sha256());
    KEELSON_CHECK(SSL_CTX_use_certificate(tls_.get(), certificate) == 1 &&
                  SSL_CTX_use_PrivateKey(tls_.get(), key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  // False: the test is over.
  bool Await(int fd) const {
    pollfd fds[2] = {{fd, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    while (::poll(fds, 2, -1) < 0) {
    }
    return fds[1].revents == 0;
  }

  void Serve() {
    while (Await(listener_.get())) {
      const os::UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (connection && !Answer(connection.get())) return;
    }
  }

  bool Answer(int fd) {
    std::unique_ptr<SSL, SslDeleter> ssl;
    if (tls_) {
      ssl.reset(SSL_new(tls_.get()));
      SSL_set_fd(ssl.get(), fd);
      if (SSL_accept(ssl.get()) != 1) return true;
    }
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) {
      if (!ssl && !Await(fd)) return false;
      char buffer[4096];
      const ssize_t got =
          ssl ? SSL_read(ssl.get(), buffer, sizeof buffer) : ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return true;
      head.append(buffer, static_cast<size_t>(got));
      if (impatient_ && !head.starts_with("GET ")) break;
    }
    {
      const std::lock_guard lock(mutex_);
      heads_.push_back(head);
    }
    const std::string answer = answerer_(head);
    while (answer.empty()) {  // until the client hangs up
      char rest[4096];
      if (!Await(fd)) return false;
      if (::recv(fd, rest, sizeof rest, 0) <= 0) return true;
    }
    if (ssl) {
      SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(ssl.get());
    } else {
      for (size_t sent = 0; sent < answer.size();) {
        const ssize_t put = ::send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (put <= 0) break;
        sent += static_cast<size_t>(put);
      }
    }
    ::shutdown(fd, SHUT_WR);
    return true;
  }

  const Answerer answerer_;
  const os::UniqueFd stop_;
  std::unique_ptr<SSL_CTX, SslDeleter> tls_;
  os::UniqueFd listener_;
  uint16_t port_ = 0;
  std::atomic<bool> impatient_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace keelson::probe
