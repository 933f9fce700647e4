// SPDX-License-Identifier: Apache-2.0
// Requests to an API server as one user, blocking. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "lib/base/result.h"
#include "lib/http/client/client.h"
#include "lib/json/value.h"

namespace keelson::cluster {

struct Access {
  std::string server;  // "https://10.0.0.1:6443"
  http::TlsOptions tls;
  std::string token;
};
base::Result<Access> ReadAccess(const std::string& kubeconfig);

class Api {
 public:
  explicit Api(Access access) : access_(std::move(access)) {}

  struct Answer {
    int status = 0;
    json::Value body;
    std::string date;  // the server's, as in its header
  };
  base::Result<Answer> Ask(const std::string& method, const std::string& path,
                           const json::Value& body = {},
                           const std::string& type = "application/json");
  // As above; a refusal (400 and more) is an error in the server's words.
  base::Result<json::Value> Need(const std::string& method, const std::string& path,
                                 const json::Value& body = {},
                                 const std::string& type = "application/json");
  // POST; what is there already is good. `path` is the collection's.
  base::Status Make(const std::string& path, const json::Value& object);
  // Each change of one object, which may be there or not, until `done` says so.
  // DeadlineExceeded: not within `patience`.
  base::Status Await(const std::string& collection, const std::string& name,
                     std::chrono::seconds patience,
                     const std::function<bool(const json::Value&)>& done);

 private:
  http::ClientRequest Request(const std::string& method, const std::string& path) const;
  Access access_;
  http::Client client_;
};

}  // namespace keelson::cluster
