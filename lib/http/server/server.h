// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server for this machine: unix sockets (mode 0600) and TCP on loopback. Each
// connection has a thread of its own while it lasts; their number, the sizes of what they send and
// the time they may take are bounded. Handlers are called on those threads, many at once, and may
// block. The destructor ends every stream and waits for the handlers. Source: RFC 9110, RFC 9112.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace keelson::http {

struct Request {
  std::string method;                        // "GET"
  std::string path;                          // percent-decoded, without the query
  std::map<std::string, std::string> query;  // decoded; of a name that comes twice the first counts
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// The body of an answer that comes piece by piece. Used on the connection's thread alone.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // False once the client has gone, takes nothing for too long, or the server stops: the stream
  // should end then.
  virtual bool Write(std::string_view piece) = 0;
  // Waits so long, or until Write() would be false: then false at once.
  virtual bool Wait(std::chrono::milliseconds time) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::function<void(BodyWriter&)>
      stream;  // instead of `body`: called once, the answer ends when it returns
};

using Handler = std::function<Response(const Request&)>;

struct ServerOptions {
  // Other addresses than loopback too: for what everybody may see, there is no TLS here.
  bool anywhere = false;
  size_t max_connections = 64;  // of each endpoint; more are answered 503 and closed
  size_t max_header_bytes = 16u << 10;
  size_t max_body_bytes = 1u << 20;
  std::chrono::milliseconds request_timeout{10000};  // from the first byte of a request to its last
  std::chrono::milliseconds idle_timeout{90000};     // between requests
  std::chrono::milliseconds write_timeout{30000};    // the client takes nothing for so long
};

class Server {
 public:
  explicit Server(ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // "unix:///run/x.sock" or an absolute path; "127.0.0.1:10248", "[::1]:0". Serves at once. Returns
  // the port, 0 for unix sockets. Addresses that are not loopback are refused unless
  // the options say otherwise.
  base::Result<int> Listen(const std::string& endpoint, Handler handler);

 private:
  struct Endpoint;
  ServerOptions options_;
  int stop_fd_;  // readable from the moment the server stops
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
};

}  // namespace keelson::http
