// SPDX-License-Identifier: Apache-2.0
// keelson-master-floor PKI DIR PORT: the least that an API server must do, without being one.
// Writes are appended to one file and synced, those that wait at a time together; every answer is
// canned: an object, a list of 5,000, and watches that are sent events as fast as TLS takes them. A
// thread for each connection, until it is killed. What no server can beat on this machine.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "lib/base/strings.h"
#include "tests/load/objects.h"

namespace {

using namespace keelson;

constexpr int kListed = 5'000;

// One sync for all that came while the one before was under way.
class Journal {
 public:
  explicit Journal(const std::string& path)
      : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  void Append(std::string_view bytes) {
    std::unique_lock lock(mutex_);
    waiting_ += bytes;
    const uint64_t own = begun_ + 1;
    while (done_ < own) {
      if (busy_) {
        changed_.wait(lock);
        continue;
      }
      busy_ = true;
      const uint64_t round = ++begun_;
      const std::string batch = std::exchange(waiting_, {});
      lock.unlock();
      if (write(file_, batch.data(), batch.size()) < 0 || fdatasync(file_) != 0) std::abort();
      lock.lock();
      busy_ = false;
      done_ = round;
      changed_.notify_all();
    }
  }

 private:
  const int file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  uint64_t begun_ = 0, done_ = 0;
  bool busy_ = false;
};

struct Canned {
  std::string object, list, events;
  static std::string Answer(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  Canned() {
    std::string pod = load::Pod("pod-0");
    pod.insert(1, R"("status":{"message":")" + std::string(2'100, 's') + R"("},)");
    pod.insert(1, R"("resourceVersion":"1",)");
    object = Answer(pod);
    std::string all = R"({"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[)";
    for (int i = 0; i < kListed; ++i) all += (i == 0 ? "" : ",") + pod;
    list = Answer(all + "]}");
    const std::string event = R"({"type":"MODIFIED","object":)" + pod + "}\n";
    for (int i = 0; i < 4; ++i) events += event;
  }
};

bool Send(SSL* ssl, const std::string& bytes) {
  return SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

bool AnswerOne(SSL* ssl, const std::string& head, const std::string& body, const Canned& canned,
               Journal& journal) {
  if (head.find("?watch=") != std::string::npos) {
    if (!Send(ssl, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")) return false;
    while (Send(ssl, canned.events)) {
    }
    return false;
  }
  if (!head.starts_with("GET ")) journal.Append(body.empty() ? "gone" : body);
  return Send(ssl,
              head.starts_with("GET /api/v1/namespaces/bench/pods ") ? canned.list : canned.object);
}

void Serve(SSL* ssl, const Canned& canned, Journal& journal) {
  std::string buffer;
  char bytes[32768];
  while (true) {
    size_t end;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      const int got = SSL_read(ssl, bytes, sizeof bytes);
      if (got <= 0) return;
      buffer.append(bytes, static_cast<size_t>(got));
    }
    const std::string head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const size_t length = head.find(kLength);
    size_t size = 0;
    if (length != std::string::npos) {
      const size_t from = length + kLength.size();
      size = base::ParseUint64(head.substr(from, head.find('\r', from) - from)).value_or(0);
    }
    while (buffer.size() < size) {
      const int got = SSL_read(ssl, bytes, sizeof bytes);
      if (got <= 0) return;
      buffer.append(bytes, static_cast<size_t>(got));
    }
    const std::string body = buffer.substr(0, size);
    buffer.erase(0, size);
    if (!AnswerOne(ssl, head, body, canned, journal)) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: keelson-master-floor PKI DIR PORT\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  const std::string pki = argv[1];
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, (pki + "/apiserver.crt").c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, (pki + "/apiserver.key").c_str(), SSL_FILETYPE_PEM) !=
          1) {
    std::fprintf(stderr, "the certificate cannot be read\n");
    return 1;
  }
  const Canned canned;
  Journal journal(std::string(argv[2]) + "/journal");
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(base::ParseUint64(argv[3]).value_or(0)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listening, 256) != 0) {
    std::perror("listen");
    return 1;
  }
  while (true) {
    const int socket = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread([&, socket] {
      SSL* ssl = SSL_new(context);
      SSL_set_fd(ssl, socket);
      if (SSL_accept(ssl) == 1) Serve(ssl, canned, journal);
      SSL_free(ssl);
      close(socket);
    }).detach();
  }
}
