// SPDX-License-Identifier: Apache-2.0
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <cstring>

#include "lib/http/service/transport.h"

namespace keelson::service {
namespace {

const std::string kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

base::Error TlsError(const std::string& what) {
  char text[256] = "no reason given";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return base::InvalidArgument("{}: {}", what, text);
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
Bio Memory(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
Certificate NextCertificate(BIO* bio) {
  return {PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), X509_free};
}

int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_length,
                   const unsigned char* in, unsigned int in_length, void*) {
  static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kOurs, sizeof kOurs - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// A client with a foreign or stale certificate is let in as one that is not verified: who serves
// may know it by a token, and can say 401 where a broken handshake would say nothing.
int Verify(X509_STORE_CTX* store, void*) {
  const int result = X509_verify_cert(store);
  if (result <= 0 && X509_STORE_CTX_get_error(store) == X509_V_OK)
    X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
  ERR_clear_error();
  return 1;
}

base::Status AddClientCas(SSL_CTX* context, const std::string& pem) {
  const Bio bio = Memory(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  for (Certificate ca = NextCertificate(bio.get()); ca; ca = NextCertificate(bio.get()), ++count) {
    if (X509_STORE_add_cert(store, ca.get()) != 1 || SSL_CTX_add_client_CA(context, ca.get()) != 1)
      return TlsError("client CA");
  }
  ERR_clear_error();
  if (count == 0) return base::InvalidArgument("client CA: no certificate in PEM");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, Verify, nullptr);
  return base::Ok();
}

// Whether one of the store's own signed it, whatever else is wrong with it.
bool IsOfOurs(X509_STORE* store, X509* certificate) {
  STACK_OF(X509_OBJECT)* known = X509_STORE_get0_objects(store);
  for (int i = 0; i < sk_X509_OBJECT_num(known); ++i) {
    X509* ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(known, i));
    if (ca == nullptr || X509_check_issued(ca, certificate) != X509_V_OK) continue;
    if (X509_verify(certificate, X509_get0_pubkey(ca)) == 1) return true;
  }
  return false;
}

// Whom another authority vouches for, or nobody, is taken as it is.
int VerifyOurs(X509_STORE_CTX* store, void*) {
  int result = X509_verify_cert(store);
  if (result <= 0 && X509_STORE_CTX_get_error(store) != X509_V_OK &&
      !IsOfOurs(X509_STORE_CTX_get0_store(store), X509_STORE_CTX_get0_cert(store))) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    result = 1;
  }
  ERR_clear_error();
  return result;
}

// The certificate, those that follow it, and their key.
base::Status UseOwn(SSL_CTX* ctx, const std::string& certificate, const std::string& key_pem) {
  const Bio chain = Memory(certificate);
  const Certificate own = NextCertificate(chain.get());
  if (!own || SSL_CTX_use_certificate(ctx, own.get()) != 1) return TlsError("serving certificate");
  for (Certificate next = NextCertificate(chain.get()); next; next = NextCertificate(chain.get())) {
    if (SSL_CTX_add1_chain_cert(ctx, next.get()) != 1) return TlsError("certificate chain");
  }
  ERR_clear_error();
  const Bio key_text = Memory(key_pem);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (!key || SSL_CTX_use_PrivateKey(ctx, key.get()) != 1) return TlsError("serving key");
  if (SSL_CTX_check_private_key(ctx) != 1) return TlsError("serving key and certificate");
  return base::Ok();
}

}  // namespace

base::Result<TlsContext> MakeClientContext(const std::string& certificate, const std::string& key,
                                           const std::string& authorities, Trust trust) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return TlsError("TLS context");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(
      ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!certificate.empty()) RETURN_IF_ERROR(UseOwn(ctx, certificate, key));
  if (authorities.empty()) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
    return context;
  }
  const Bio bio = Memory(authorities);
  X509_STORE* store = SSL_CTX_get_cert_store(ctx);
  int count = 0;
  for (Certificate ca = NextCertificate(bio.get()); ca; ca = NextCertificate(bio.get()), ++count)
    if (X509_STORE_add_cert(store, ca.get()) != 1) return TlsError("authorities");
  ERR_clear_error();
  if (count == 0) return base::InvalidArgument("authorities: no certificate in PEM");
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  if (trust == Trust::kOthersToo) SSL_CTX_set_cert_verify_callback(ctx, VerifyOurs, nullptr);
  return context;
}

base::Result<TlsContext> MakeTlsContext(const TlsMaterial& material) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return TlsError("TLS context");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_min_proto_version(ctx, material.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  const std::string& ciphers = material.ciphers.empty() ? kCiphers : material.ciphers;
  if (SSL_CTX_set_cipher_list(ctx, ciphers.c_str()) != 1) return TlsError("ciphers " + ciphers);
  // No resumption: a client that was known by a CA that is gone must not come back on a ticket.
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ctx, 0);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(ctx, ChooseProtocol, nullptr);

  if (material.awaits_certificate) {
    SSL_CTX_set_cert_cb(ctx, [](SSL*, void*) { return 0; }, nullptr);
  } else {
    RETURN_IF_ERROR(UseOwn(ctx, material.certificate, material.key));
  }
  if (!material.client_ca.empty()) RETURN_IF_ERROR(AddClientCas(ctx, material.client_ca));
  return context;
}

}  // namespace keelson::service
