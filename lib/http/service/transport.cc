// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::service {
namespace {
constexpr size_t kRecord = 16u << 10;  // the largest piece of one TLS record
constexpr int kPastAlerts = SSL_AD_REASON_OFFSET + 256;
}  // namespace

Transport::Transport(os::UniqueFd socket, TlsContext tls)
    : socket_(std::move(socket)), context_(std::move(tls)) {
  if (!context_) return;
  ssl_ = SSL_new(context_.get());
  KEELSON_CHECK(ssl_ != nullptr);
  KEELSON_CHECK(SSL_set_fd(ssl_, socket_.get()) == 1);
  SSL_set_accept_state(ssl_);
}

Transport::Transport(os::UniqueFd socket, TlsContext tls, const std::string& host)
    : socket_(std::move(socket)), context_(std::move(tls)) {
  if (!context_) return;
  ssl_ = SSL_new(context_.get());
  KEELSON_CHECK(ssl_ != nullptr);
  KEELSON_CHECK(SSL_set_fd(ssl_, socket_.get()) == 1);
  SSL_set_connect_state(ssl_);
  if (base::IpAddress::Parse(host)) {
    (void)X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
  } else {
    (void)SSL_set_tlsext_host_name(ssl_, host.c_str());
    (void)SSL_set1_host(ssl_, host.c_str());
  }
}

Transport::~Transport() {
  if (ssl_ != nullptr) SSL_free(ssl_);
}

Transport::Io Transport::Problem(int result) {
  const int error = SSL_get_error(ssl_, result);
  const int reason = ERR_GET_REASON(ERR_peek_error());
  if (error == SSL_ERROR_SSL && reason > SSL_AD_REASON_OFFSET && reason < kPastAlerts)
    alert_ = reason - SSL_AD_REASON_OFFSET;
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return Io::kWantRead;
  if (error == SSL_ERROR_WANT_WRITE) return Io::kWantWrite;
  return error == SSL_ERROR_ZERO_RETURN ? Io::kEnd : Io::kFailed;
}

Transport::Io Transport::Handshake() {
  if (ssl_ == nullptr) return Io::kDone;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? Io::kDone : Problem(result);
}

bool Transport::alpn_h2() const {
  if (ssl_ == nullptr) return false;
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &name, &length);
  return length == 2 && std::memcmp(name, "h2", 2) == 0;
}

namespace {

void ReadOwn(X509* certificate, PeerCertificates& peer) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    if (size < 0) continue;
    std::string value(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
    if (kind == NID_commonName) peer.common_name = std::move(value);
    if (kind == NID_organizationName) peer.organizations.push_back(std::move(value));
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &digest_size) == 1)
    peer.sha256 = base::HexEncode({reinterpret_cast<char*>(digest), digest_size});
  ERR_clear_error();
}

}  // namespace

int64_t Transport::PeerEnd() const {
  if (ssl_ == nullptr) return 0;
  const std::unique_ptr<X509, decltype(&X509_free)> own(SSL_get1_peer_certificate(ssl_), X509_free);
  std::tm end{};
  if (!own || ASN1_TIME_to_tm(X509_get0_notAfter(own.get()), &end) != 1) return 0;
  return timegm(&end);
}

std::shared_ptr<const PeerCertificates> Transport::Peer() const {
  if (ssl_ == nullptr) return nullptr;
  const std::unique_ptr<X509, decltype(&X509_free)> own(SSL_get1_peer_certificate(ssl_), X509_free);
  if (!own) return nullptr;
  auto peer = std::make_shared<PeerCertificates>();
  const auto add = [&peer](X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size <= 0) return;
    peer->der.emplace_back(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  };
  add(own.get());
  ReadOwn(own.get(), *peer);
  // On the server's side the chain comes without the client's own certificate.
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl_);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) add(sk_X509_value(chain, i));
  const long result = SSL_get_verify_result(ssl_);
  peer->verified = result == X509_V_OK;
  if (!peer->verified) peer->problem = X509_verify_cert_error_string(result);
  return peer;
}

Transport::Io Transport::Read(std::string& to, size_t limit) {
  thread_local char bytes[kRecord];
  size_t total = 0;
  while (total < limit) {
    ssize_t got = 0;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      got = SSL_read(ssl_, bytes, sizeof bytes);
      if (got <= 0) {
        const Io problem = Problem(static_cast<int>(got));
        return total > 0 && problem == Io::kWantRead ? Io::kDone : problem;
      }
    } else {
      got = recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got == 0) return Io::kEnd;
      if (got < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return Io::kFailed;
        return total > 0 ? Io::kDone : Io::kWantRead;
      }
    }
    to.append(bytes, static_cast<size_t>(got));
    total += static_cast<size_t>(got);
  }
  return Io::kDone;
}

Transport::Io Transport::Write(Output& out, size_t& sent) {
  return ssl_ != nullptr ? WriteTls(out, sent) : WritePlain(out, sent);
}

Transport::Io Transport::WritePlain(Output& out, size_t& sent) {
  while (!out.empty()) {
    iovec parts[32];
    size_t count = 0;
    for (const Buffer& piece : out.pieces()) {
      if (count == std::size(parts)) break;
      parts[count++] = {const_cast<char*>(piece.view().data()), piece.size()};
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    const ssize_t done = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? Io::kWantWrite : Io::kFailed;
    }
    out.RemovePrefix(static_cast<size_t>(done));
    sent += static_cast<size_t>(done);
  }
  return Io::kDone;
}

// Small pieces share a record. A write that is tried again has the same bytes in front as before,
// and at least as many, which is what OpenSSL asks for.
Transport::Io Transport::WriteTls(Output& out, size_t& sent) {
  thread_local char record[kRecord];
  while (!out.empty()) {
    const char* data = out.pieces().front().view().data();
    size_t size = std::min(out.pieces().front().size(), kRecord);
    if (size < kRecord && out.pieces().size() > 1) {
      size = 0;
      for (const Buffer& piece : out.pieces()) {
        const size_t part = std::min(piece.size(), kRecord - size);
        std::memcpy(record + size, piece.view().data(), part);
        size += part;
        if (size == kRecord) break;
      }
      data = record;
    }
    ERR_clear_error();
    const int done = SSL_write(ssl_, data, static_cast<int>(size));
    if (done <= 0) return Problem(done);
    out.RemovePrefix(static_cast<size_t>(done));
    sent += static_cast<size_t>(done);
  }
  return Io::kDone;
}

std::string Transport::PeerProblem() const {
  const long result = ssl_ == nullptr ? X509_V_OK : SSL_get_verify_result(ssl_);
  return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

std::string Transport::PeerAlert() const {
  return alert_ < 0 ? "" : SSL_alert_desc_string_long(alert_);
}

void Transport::ShutdownWrite() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  shutdown(socket_.get(), SHUT_WR);
}

}  // namespace keelson::service
