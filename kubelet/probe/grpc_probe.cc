// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/grpc_probe.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>

#include <condition_variable>
#include <mutex>

#include "kubelet/probe/http_probe.h"
#include "kubelet/probe/tcp_probe.h"

namespace keelson::probe {
namespace {

constexpr uint64_t kServing = 1;

// Takes a varint off the front of `bytes`.
std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

bool Skip(std::string_view& bytes, uint64_t wire_type) {
  uint64_t size = 0;
  if (wire_type == 0) return TakeVarint(bytes).has_value();
  if (wire_type == 1) size = 8;
  if (wire_type == 5) size = 4;
  if (wire_type == 2) {
    const auto length = TakeVarint(bytes);
    if (!length) return false;
    size = *length;
  } else if (size == 0) {
    return false;
  }
  if (size > bytes.size()) return false;
  bytes.remove_prefix(size);
  return true;
}

std::string ToText(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices)
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
}

grpc::Status Check(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                   std::chrono::system_clock::time_point deadline, std::string& response) {
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const std::string encoded = EncodeHealthRequest(service);
  const grpc::Slice slice(encoded);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer answer;

  std::mutex mutex;
  std::condition_variable ready;
  std::optional<grpc::Status> ended;
  grpc::GenericStub stub(channel);
  stub.UnaryCall(
      &context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &answer,
      [&](grpc::Status status) {
        const std::lock_guard lock(mutex);
        ended = std::move(status);
        ready.notify_one();  // under the lock: what it waits on lives on the waiter's stack
      });
  std::unique_lock lock(mutex);
  ready.wait(lock, [&] { return ended.has_value(); });
  if (ended->ok()) response = ToText(answer);
  return *ended;
}

}  // namespace

std::string EncodeHealthRequest(std::string_view service) {
  std::string out;
  if (service.empty()) return out;
  out += '\x0a';
  for (size_t length = service.size();; length >>= 7) {
    if (length < 0x80) {
      out += static_cast<char>(length);
      break;
    }
    out += static_cast<char>((length & 0x7f) | 0x80);
  }
  return out.append(service);
}

std::optional<uint64_t> DecodeHealthResponse(std::string_view bytes) {
  uint64_t status = 0;
  while (!bytes.empty()) {
    const auto tag = TakeVarint(bytes);
    if (!tag) return std::nullopt;
    if (*tag == 0x08) {
      const auto value = TakeVarint(bytes);
      if (!value) return std::nullopt;
      status = *value;
    } else if (!Skip(bytes, *tag & 7)) {
      return std::nullopt;
    }
  }
  return status;
}

std::string HealthStatusName(uint64_t status) {
  constexpr std::string_view kNames[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return status < std::size(kNames) ? std::string(kNames[status]) : std::to_string(status);
}

Answer ProbeGrpc(const std::string& host, uint16_t port, const std::string& service,
                 std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::system_clock::now() + timeout;
  const std::string address = JoinHostPort(host, port);
  // The connection is ours, not the library's, so that it ends without a wait and is never tried
  // again behind our back.
  auto connected = Connect(host, port, timeout);
  if (!connected.ok()) {
    return {Outcome::kFailure, fmt::format("failed to connect service \"{}\": {}", address,
                                           connected.error().message())};
  }
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix(std::string("kube-probe/") + kApiVersion);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, address);
  const auto channel =
      grpc::CreateCustomInsecureChannelFromFd(address, connected.value().release(), arguments);

  std::string response;
  const grpc::Status status = Check(channel, service, deadline, response);
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      break;
    case grpc::StatusCode::UNIMPLEMENTED:
      return {Outcome::kFailure,
              "error: this server does not implement the grpc health protocol "
              "(grpc.health.v1.Health): " +
                  status.error_message()};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {Outcome::kFailure, fmt::format("timeout: health rpc did not complete within {} s",
                                             std::chrono::duration<double>(timeout).count())};
    default:
      return {Outcome::kFailure, "error: health rpc probe failed: " + status.error_message()};
  }
  const auto health = DecodeHealthResponse(response);
  if (!health)
    return {Outcome::kFailure, "error: health rpc probe failed: the answer is malformed"};
  if (*health != kServing)
    return {Outcome::kFailure,
            fmt::format("service unhealthy (responded with \"{}\")", HealthStatusName(*health))};
  return {Outcome::kSuccess, "service healthy"};
}

}  // namespace keelson::probe
