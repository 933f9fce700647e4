// SPDX-License-Identifier: Apache-2.0
// The node's API over TLS (:10250): knows who comes, asks whether they may, answers by path. Nobody
// is let in on an error, nor without a name. Serves from Listen on; thread-safe. Views, reviews and
// the clock outlive it; the destructor ends what is under way.
#pragma once

#include <memory>
#include <string>

#include "kubelet/node_api/answers.h"
#include "kubelet/node_api/reviews.h"
#include "lib/http/service/server.h"

namespace keelson::node_api {

class Server {
 public:
  using Views = node_api::Views;
  struct Options {
    std::string node;          // its name
    service::TlsMaterial tls;  // without client_ca nobody is known by a certificate
    bool allow_all = false;    // whoever is known may do everything
    Offer offer;
    size_t most_readers = 256;
  };
  // "0.0.0.0:10250", "[::]:10250", "127.0.0.1:0".
  static base::Result<std::unique_ptr<Server>> Listen(const std::string& endpoint, Options options,
                                                      Views views, Reviews& reviews,
                                                      const base::Clock& clock);
  ~Server();
  int port() const { return port_; }
  // A certificate that was renewed; for connections from now on.
  base::Status SetTls(const service::TlsMaterial& tls) { return http_->SetTls(tls); }

 private:
  using ExchangePtr = std::shared_ptr<service::Exchange>;
  Server(Options options, Reviews& reviews, std::unique_ptr<Answers> answers);

  void Answer(ExchangePtr exchange);
  base::Result<User> Know(const service::Request& request);
  // False: it was refused.
  bool Allow(service::Exchange& exchange, const User& user);

  const Options options_;
  Reviews& reviews_;
  const std::unique_ptr<Answers> answers_;
  int port_ = 0;
  std::unique_ptr<service::Server> http_;  // last: its threads use the rest
};

}  // namespace keelson::node_api
