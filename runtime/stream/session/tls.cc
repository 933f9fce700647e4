// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace keelson::stream {
namespace {

base::Error OpensslError(std::string_view what) {
  char text[256] = "no reason is given";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return base::InvalidArgument("{}: {}", what, text);
}

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio Memory(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace

struct TlsContext::State {
  SSL_CTX* context = nullptr;
  ~State() { SSL_CTX_free(context); }
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

base::Result<std::shared_ptr<TlsContext>> TlsContext::Create(const std::string& certificate_pem,
                                                             const std::string& key_pem) {
  auto state = std::make_unique<State>();
  state->context = SSL_CTX_new(TLS_server_method());
  SSL_CTX* context = state->context;
  if (context == nullptr) return OpensslError("make a TLS context");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // The leaf first, then what links it to an authority.
  const Bio chain = Memory(certificate_pem);
  bool first = true;
  while (X509* certificate = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    const bool taken = first ? SSL_CTX_use_certificate(context, certificate) == 1
                             : SSL_CTX_add1_chain_cert(context, certificate) == 1;
    X509_free(certificate);
    if (!taken) return OpensslError("use the streaming certificate");
    first = false;
  }
  if (first) return OpensslError("read the streaming certificate");
  ERR_clear_error();  // the end of the text
  const Bio key_text = Memory(key_pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr);
  if (key == nullptr) return OpensslError("read the streaming key");
  const bool used = SSL_CTX_use_PrivateKey(context, key) == 1;
  EVP_PKEY_free(key);
  if (!used || SSL_CTX_check_private_key(context) != 1)
    return OpensslError("use the streaming key with its certificate");
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

struct Tls::State {
  SSL* ssl = nullptr;
  BIO* in = nullptr;    // the SSL's own
  BIO* out = nullptr;   // likewise
  std::string waiting;  // plain bytes from before the end of the handshake
  ~State() { SSL_free(ssl); }
};

Tls::Tls(std::shared_ptr<TlsContext> context)
    : context_(std::move(context)), state_(std::make_unique<State>()) {
  state_->ssl = SSL_new(context_->state_->context);
  state_->in = BIO_new(BIO_s_mem());
  state_->out = BIO_new(BIO_s_mem());
  KEELSON_CHECK(state_->ssl != nullptr && state_->in != nullptr && state_->out != nullptr);
  SSL_set_bio(state_->ssl, state_->in, state_->out);
  SSL_set_accept_state(state_->ssl);
}

Tls::~Tls() = default;

base::Status Tls::Handshake() {
  if (SSL_is_init_finished(state_->ssl) == 1) return base::Ok();
  const int result = SSL_do_handshake(state_->ssl);
  if (result == 1) return base::Ok();
  const int error = SSL_get_error(state_->ssl, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return base::Ok();
  return OpensslError("TLS handshake");
}

base::Result<bool> Tls::Feed(std::string_view encrypted, std::string& plain) {
  ERR_clear_error();
  KEELSON_CHECK(BIO_write(state_->in, encrypted.data(), static_cast<int>(encrypted.size())) ==
                static_cast<int>(encrypted.size()));
  RETURN_IF_ERROR(Handshake());
  if (SSL_is_init_finished(state_->ssl) != 1) return false;
  if (!state_->waiting.empty()) RETURN_IF_ERROR(Write(std::exchange(state_->waiting, {})));
  char piece[16 << 10];
  for (;;) {
    const int n = SSL_read(state_->ssl, piece, sizeof piece);
    if (n > 0) {
      plain.append(piece, static_cast<size_t>(n));
      continue;
    }
    switch (SSL_get_error(state_->ssl, n)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return false;
      case SSL_ERROR_ZERO_RETURN:
        return true;
      default:
        return OpensslError("TLS");
    }
  }
}

base::Status Tls::Write(std::string_view plain) {
  ERR_clear_error();
  if (SSL_is_init_finished(state_->ssl) != 1) {
    state_->waiting += plain;
    return base::Ok();
  }
  while (!plain.empty()) {
    const int n = SSL_write(state_->ssl, plain.data(),
                            static_cast<int>(std::min<size_t>(plain.size(), 16u << 10)));
    if (n <= 0) return OpensslError("TLS");
    plain.remove_prefix(static_cast<size_t>(n));
  }
  return base::Ok();
}

void Tls::Close() {
  if (SSL_is_init_finished(state_->ssl) == 1) (void)SSL_shutdown(state_->ssl);
  ERR_clear_error();
}

std::string Tls::TakeOutput() {
  char* data = nullptr;
  const long size = BIO_get_mem_data(state_->out, &data);
  std::string out(data, static_cast<size_t>(size));
  (void)BIO_reset(state_->out);
  return out;
}

}  // namespace keelson::stream
