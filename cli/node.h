// SPDX-License-Identifier: Apache-2.0
// The node as the command reaches it: the kubelet's socket. Errors are for people: what does not
// answer and what to do. Blocks; one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/client/client.h"
#include "lib/json/value.h"

namespace keelson::cli {

// What to tell a person when `program` did not answer: nothing if a plain connection to its socket
// comes about, so that the trouble is another; else whether it does not run, the caller may not
// talk to it, or what else the kernel says.
std::optional<base::Error> NoAnswer(const std::string& program, const std::string& socket,
                                    const std::string& flag);
std::string SocketPath(const std::string& endpoint);  // without "unix://"

class Kubelet {
 public:
  explicit Kubelet(const std::string& endpoint) : socket_(SocketPath(endpoint)) {}

  base::Result<json::Value> Pods();  // a v1 PodList
  base::Result<std::string> Explain(const std::string& name_space, const std::string& pod);
  // 200 and "ok", or what is wrong.
  base::Status Healthy();
  // The path may have a query. `taker` gets the log as it comes, for as long as it comes.
  base::Status Log(const std::string& path, const std::function<void(std::string_view)>& taker);

  const std::string& socket() const { return socket_; }

 private:
  base::Result<std::string> Get(const std::string& path);
  base::Result<http::ResponseHead> Ask(const std::string& path, std::chrono::milliseconds patience,
                                       const http::BodyTaker& taker);

  const std::string socket_;
  http::Client client_;
};

}  // namespace keelson::cli
