// SPDX-License-Identifier: Apache-2.0
#include "tests/load/connection.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/socket.h>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/socket_address.h"

namespace keelson::load {
namespace {

base::Error Broken(std::string_view what) { return base::Unavailable("the connection: {}", what); }

std::string FromBase64(const std::string& text) {
  std::string out(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(size < 0 ? 0 : static_cast<size_t>(size) - padding);
  return out;
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
Bio Memory(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
}

}  // namespace

base::Result<Identity> ReadKubeconfig(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
  ASSIGN_OR_RETURN(const json::Value config, json::ParseYaml(text));
  const auto first = [&](std::string_view list, std::string_view member) -> const json::Value& {
    static const json::Value none;
    const json::Value& items = config.At({list});
    return items.items().empty() ? none : items.items()[0].At({member});
  };
  const json::Value& user = first("users", "user");
  return Identity{
      FromBase64(first("clusters", "cluster").At({"certificate-authority-data"}).AsString()),
      FromBase64(user.At({"client-certificate-data"}).AsString()),
      FromBase64(user.At({"client-key-data"}).AsString())};
}

base::Result<Client> Client::Make(const Identity& identity, int port, const std::string& address) {
  signal(SIGPIPE, SIG_IGN);  // a connection that has ended is an error of the write
  Client client;
  client.address_ = address;
  client.port_ = port;
  client.context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = client.context_.get();
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 128 << 10);
  const Bio authority = Memory(identity.authority);
  std::unique_ptr<X509, decltype(&X509_free)> root(
      PEM_read_bio_X509(authority.get(), nullptr, nullptr, nullptr), X509_free);
  if (root == nullptr || X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) != 1) {
    return base::InvalidArgument("the authority's certificate cannot be read");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (identity.certificate.empty()) return client;
  const Bio certificate = Memory(identity.certificate), key = Memory(identity.key);
  std::unique_ptr<X509, decltype(&X509_free)> own(
      PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr), X509_free);
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> own_key(
      PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (own == nullptr || own_key == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, own_key.get()) != 1) {
    return base::InvalidArgument("the client's certificate or key cannot be read");
  }
  return client;
}

base::Result<Connection> Connection::Open(const Client& client, std::chrono::seconds patience) {
  Connection out;
  out.socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(out.socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval limit{patience.count(), 0};
  setsockopt(out.socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(out.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const auto address = base::IpAddress::Parse(client.address());
  if (!address || address->v6)
    return base::InvalidArgument("'{}' is no IPv4 address", client.address());
  const auto server = os::SocketAddress::Of(*address, static_cast<uint16_t>(client.port()));
  if (connect(out.socket_.get(), &server.any, server.size()) != 0) {
    return Broken("nobody listens");
  }
  out.ssl_.reset(SSL_new(client.context()));
  SSL_set_fd(out.ssl_.get(), out.socket_.get());
  if (SSL_connect(out.ssl_.get()) != 1) return Broken("no handshake");
  return out;
}

base::Status Connection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (sent <= 0) return Broken("not sent");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return base::Ok();
}

base::Status Connection::Fill() {
  if (at_ > 0 && at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
  } else if (at_ > 1 << 20) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  char bytes[32768];
  const int got = SSL_read(ssl_.get(), bytes, sizeof bytes);
  if (got <= 0) return Broken("it ended");
  buffer_.append(bytes, static_cast<size_t>(got));
  return base::Ok();
}

base::Status Connection::Need(size_t bytes) {
  while (buffer_.size() - at_ < bytes) RETURN_IF_ERROR(Fill());
  return base::Ok();
}

base::Result<std::string> Connection::TakeLine() {
  for (;;) {
    const size_t end = buffer_.find("\r\n", at_);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 2;
      return line;
    }
    RETURN_IF_ERROR(Fill());
  }
}

base::Result<Answer> Connection::ReadHead() {
  Answer answer;
  for (;;) {
    ASSIGN_OR_RETURN(const std::string line, TakeLine());
    if (line.empty()) break;
    answer.head += line + "\n";
  }
  if (answer.head.size() < 12) return Broken("no status line");
  answer.code = static_cast<int>(base::ParseUint64(answer.head.substr(9, 3)).value_or(0));
  return answer;
}

base::Status Connection::ReadChunk(std::string& out) {
  ASSIGN_OR_RETURN(const std::string size_text, TakeLine());
  size_t size = 0;
  for (const char c : size_text) {
    if (c == ';') break;
    size = size * 16 + static_cast<size_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  RETURN_IF_ERROR(Need(size + 2));
  out.append(buffer_, at_, size);
  at_ += size + 2;
  if (size == 0) return base::OutOfRange("the answer has ended");
  return base::Ok();
}

base::Result<Answer> Connection::Ask(std::string_view method, std::string_view path,
                                     std::string_view body, std::string_view content_type,
                                     std::string_view more_headers) {
  std::string request =
      fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}", method, path, more_headers);
  if (!body.empty()) {
    request += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", content_type, body.size());
  } else if (method != "GET") {
    request += "Content-Length: 0\r\n";
  }
  request += "\r\n";
  request += body;
  RETURN_IF_ERROR(Send(request));
  ASSIGN_OR_RETURN(Answer answer, ReadHead());
  constexpr std::string_view kLength = "\ncontent-length: ";
  std::string lower = answer.head;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const size_t length = lower.find(kLength);
  if (length != std::string::npos) {
    const size_t from = length + kLength.size();
    const size_t size =
        base::ParseUint64(lower.substr(from, lower.find('\n', from) - from)).value_or(0);
    while (answer.size < size) {
      RETURN_IF_ERROR(Need(1));
      const size_t piece = std::min(size - answer.size, buffer_.size() - at_);
      if (keeps_bodies_) answer.body.append(buffer_, at_, piece);
      at_ += piece;
      answer.size += piece;
    }
    return answer;
  }
  if (lower.find("\ntransfer-encoding: chunked") == std::string::npos) return answer;
  for (;;) {
    const size_t before = answer.body.size();
    const base::Status chunk = ReadChunk(answer.body);
    answer.size += answer.body.size() - before;
    if (!keeps_bodies_) answer.body.clear();
    if (chunk.ok()) continue;
    if (chunk.error().code() == base::Code::kOutOfRange) return answer;
    return chunk.error();
  }
}

base::Result<Answer> Connection::Begin(std::string_view path) {
  RETURN_IF_ERROR(Send(fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path)));
  return ReadHead();
}

base::Result<size_t> Connection::ReadSome(char* out, size_t size) {
  size_t given = std::min(size, buffer_.size() - at_);
  if (given > 0) {
    buffer_.copy(out, given, at_);
    at_ += given;
    return given;
  }
  do {
    const int got = SSL_read(ssl_.get(), out + given, static_cast<int>(size - given));
    if (got <= 0) return Broken("it ended");
    given += static_cast<size_t>(got);
    // Whole records may wait where poll(2) does not see them.
  } while (SSL_has_pending(ssl_.get()) == 1 && given < size);
  return given;
}

base::Result<std::string> Connection::ReadLine() {
  for (size_t from = line_at_;;) {
    const size_t end = lines_.find('\n', from);
    if (end != std::string::npos) {
      std::string line = lines_.substr(line_at_, end - line_at_);
      line_at_ = end + 1;
      return line;
    }
    lines_.erase(0, line_at_);
    line_at_ = 0;
    from = lines_.size();
    RETURN_IF_ERROR(ReadChunk(lines_));
  }
}

}  // namespace keelson::load
