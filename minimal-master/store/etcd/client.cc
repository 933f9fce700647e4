// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/etcd/client.h"

#include <grpcpp/grpcpp.h>

#include <condition_variable>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::store {
namespace {

constexpr auto kPause = std::chrono::milliseconds(100);
constexpr auto kConnect = std::chrono::seconds(1);

struct Target {
  std::string address;
  bool tls;
};

Target TargetOf(const std::string& endpoint, bool tls_by_default) {
  const auto behind = [&](std::string_view scheme) { return endpoint.substr(scheme.size()); };
  if (endpoint.starts_with("https://")) return {behind("https://"), true};
  if (endpoint.starts_with("http://")) return {behind("http://"), false};
  if (endpoint.starts_with("unix://")) return {"unix:" + behind("unix://"), tls_by_default};
  return {endpoint, tls_by_default};
}

// Worth asking another member.
bool IsPassing(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
      return true;
    // A member that lost its leader answers so.
    case grpc::StatusCode::UNKNOWN:
      return status.error_message().find("etcdserver") != std::string::npos;
    default:
      return false;
  }
}

void Pause() {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable().wait_for(lock, kPause, [] { return false; });
}

}  // namespace

base::Result<std::vector<std::string>> ParseEndpoints(std::string_view text) {
  constexpr std::string_view kScheme = "etcd://";
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  std::vector<std::string> out;
  for (const std::string_view part : base::Split(text, ',')) {
    std::string endpoint(base::Trim(part));
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (endpoint.empty()) return base::InvalidArgument("'{}' names an empty endpoint", text);
    const size_t scheme = endpoint.find("://");
    const std::string name = scheme == std::string::npos ? "" : endpoint.substr(0, scheme);
    if (!name.empty() && name != "http" && name != "https" && name != "unix") {
      return base::InvalidArgument("endpoint '{}': a scheme is http, https or unix", endpoint);
    }
    // Of a host without a port the usual one.
    const std::string host = name.empty() ? endpoint : endpoint.substr(scheme + 3);
    const size_t colon = host.rfind(':'), bracket = host.rfind(']');
    const bool has_port =
        colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    if (name != "unix" && !has_port) endpoint += ":2379";
    out.push_back(std::move(endpoint));
  }
  return out;
}

base::Error ErrorOfStatus(const grpc::Status& status) {
  const std::string& text = status.error_message();
  auto code = static_cast<base::Code>(status.error_code());
  if (status.error_code() == grpc::StatusCode::UNKNOWN || code == base::Code::kDeadlineExceeded ||
      code == base::Code::kCancelled) {
    code = base::Code::kUnavailable;
  }
  return base::Error(code, text.empty() ? "no answer" : text);
}

base::Result<std::unique_ptr<EtcdClient>> EtcdClient::Create(const EtcdOptions& options) {
  if (options.endpoints.empty()) return base::InvalidArgument("etcd without an endpoint");
  grpc::SslCredentialsOptions tls;
  const bool with_tls = !options.ca_file.empty() || !options.certificate_file.empty();
  const auto read = [](const std::string& path, std::string& into) -> base::Status {
    if (path.empty()) return base::Ok();
    ASSIGN_OR_RETURN(into, os::ReadFile(path));
    return base::Ok();
  };
  RETURN_IF_ERROR(read(options.ca_file, tls.pem_root_certs));
  RETURN_IF_ERROR(read(options.certificate_file, tls.pem_cert_chain));
  RETURN_IF_ERROR(read(options.key_file, tls.pem_private_key));
  std::unique_ptr<EtcdClient> client(new EtcdClient(options));
  for (const std::string& endpoint : options.endpoints) {
    const Target target = TargetOf(endpoint, with_tls);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    // A member that is starting takes connections and leaves them: how long one is given.
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    client->channels_.push_back(grpc::CreateCustomChannel(
        target.address, target.tls ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials(),
        arguments));
  }
  return client;
}

std::shared_ptr<grpc::Channel> EtcdClient::Current() {
  std::shared_ptr<grpc::Channel> channel;
  {
    std::lock_guard lock(mutex_);
    channel = channels_[current_];
  }
  // gRPC works on a connection while somebody waits for it; calls alone would fail at once.
  const auto deadline = std::chrono::system_clock::now() + kConnect;
  for (bool tried = false;;) {
    const grpc_connectivity_state state = channel->GetState(true);
    if (state == GRPC_CHANNEL_READY) break;
    tried = tried || state == GRPC_CHANNEL_CONNECTING;
    // Refused just now: ask another one.
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE && tried && channels_.size() > 1) break;
    if (!channel->WaitForStateChange(state, deadline)) break;
  }
  return channel;
}

void EtcdClient::Failed(const grpc::Channel& channel) {
  std::lock_guard lock(mutex_);
  if (channels_[current_].get() == &channel) current_ = (current_ + 1) % channels_.size();
}

base::Status EtcdClient::Call(std::string_view what, const Attempt& attempt, bool* unsure) {
  const auto deadline = std::chrono::steady_clock::now() + options_.total_timeout;
  for (size_t tries = 1;; ++tries) {
    const std::shared_ptr<grpc::Channel> channel = Current();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + options_.call_timeout);
    const grpc::Status status = attempt(channel, context);
    if (status.ok()) return base::Ok();
    const bool passing = IsPassing(status);
    if (unsure != nullptr && passing) *unsure = true;
    if (!passing || std::chrono::steady_clock::now() >= deadline) {
      return ErrorOfStatus(status).WithContext(fmt::format("etcd: {}", what));
    }
    Failed(*channel);
    if (tries % channels_.size() == 0) Pause();  // all of them have been asked
  }
}

}  // namespace keelson::store
