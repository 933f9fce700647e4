// SPDX-License-Identifier: Apache-2.0
// Client: calls to an etcd cluster through any of its endpoints. A call that finds nobody, or a
// member that has lost its cluster, goes to the next endpoint; the one that answered is kept.
// Thread-safe; calls block. The only place that makes gRPC channels to etcd.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace grpc {
class Channel;
class ClientContext;
class Status;
}  // namespace grpc

namespace keelson::store {

struct EtcdOptions {
  std::vector<std::string>
      endpoints;        // "http://host:2379", "https://…", "unix:///path", "host:2379"
  std::string ca_file;  // TLS for those without a scheme too
  std::string certificate_file;
  std::string key_file;
  std::chrono::milliseconds call_timeout = std::chrono::seconds(5);    // of one attempt
  std::chrono::milliseconds total_timeout = std::chrono::seconds(15);  // of a call with all of them
};
// "etcd://a:2379,b:2379" or "a:2379,b:2379" or URLs with commas between them.
base::Result<std::vector<std::string>> ParseEndpoints(std::string_view text);

class EtcdClient {
 public:
  static base::Result<std::unique_ptr<EtcdClient>> Create(const EtcdOptions& options);

  // One attempt on a channel.
  using Attempt = std::function<grpc::Status(const std::shared_ptr<grpc::Channel>& channel,
                                             grpc::ClientContext& context)>;
  // Until one succeeds or fails for good. `unsure`, when given, is set when an attempt may have
  // been carried out although no answer came.
  base::Status Call(std::string_view what, const Attempt& attempt, bool* unsure = nullptr);
  // The endpoint in use, for streams, after waiting a moment for its connection; Failed() says that
  // it should be another one.
  std::shared_ptr<grpc::Channel> Current();
  void Failed(const grpc::Channel& channel);
  const EtcdOptions& options() const { return options_; }

 private:
  explicit EtcdClient(EtcdOptions options) : options_(std::move(options)) {}

  const EtcdOptions options_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  size_t current_ = 0;  // guarded by mutex_
};

// gRPC's answer as our error.
base::Error ErrorOfStatus(const grpc::Status& status);

}  // namespace keelson::store
