// SPDX-License-Identifier: Apache-2.0
#include "cli/node.h"

#include <sys/socket.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/os/socket.h"

namespace keelson::cli {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMaxAnswerBytes = 64u << 20;
constexpr size_t kMaxRefusalBytes = 64u << 10;
constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::hours kNoEnd{24 * 365};

// What the kubelet said instead of an answer, without its JSON shell.
Error Refused(int status, const std::string& body) {
  std::string text(base::Trim(body));
  if (const Result<json::Value> object = json::ParseJson(text);
      object.ok() && object->At({"message"}).IsString()) {
    text = object->At({"message"}).AsString();
  }
  if (text.empty()) text = "the kubelet answers " + std::to_string(status);
  switch (status) {
    case 404:
      return base::NotFound("{}", text);
    case 500:
      return base::Internal("{}", text);
    case 503:
      return base::Unavailable("{}", text);
    default:
      return base::InvalidArgument("{}", text);
  }
}

}  // namespace

std::string SocketPath(const std::string& endpoint) {
  constexpr std::string_view kScheme = "unix://";
  return endpoint.starts_with(kScheme) ? endpoint.substr(kScheme.size()) : endpoint;
}

std::optional<Error> NoAnswer(const std::string& program, const std::string& socket,
                              const std::string& flag) {
  const Result<os::UniqueFd> connected = os::ConnectUnix(socket, SOCK_STREAM);
  if (connected.ok()) return std::nullopt;
  switch (connected.error().os_errno()) {
    case EACCES:
    case EPERM:
      return base::PermissionDenied("'{}' is not for you: run this as root", socket);
    case ENOENT:
      return base::Unavailable("is {} running? there is no socket '{}' (another one: {})", program,
                               socket, flag);
    case ECONNREFUSED:
      return base::Unavailable("is {} running? nobody listens on '{}'", program, socket);
    default:
      return base::Unavailable("is {} running? {}", program, connected.error().message());
  }
}

Result<http::ResponseHead> Kubelet::Ask(const std::string& path, std::chrono::milliseconds patience,
                                        const http::BodyTaker& taker) {
  http::ClientRequest request;
  request.url = "http://localhost" + path;
  request.unix_socket = socket_;
  request.no_progress_timeout = patience;
  Result<http::ResponseHead> head = client_.Perform(request, taker);
  if (head.ok() || head.error().code() != base::Code::kUnavailable) return head;
  if (std::optional<Error> error = NoAnswer("keelson-kubelet", socket_, "--kubelet-socket"))
    return *std::move(error);
  return base::Unavailable("the kubelet broke off in the middle of its answer: {}",
                           head.error().message());
}

Result<std::string> Kubelet::Get(const std::string& path) {
  std::string body;
  ASSIGN_OR_RETURN(
      const http::ResponseHead head,
      Ask(path, kPatience, [&body](const http::ResponseHead&, std::string_view piece) -> Status {
        if (body.size() + piece.size() > kMaxAnswerBytes)
          return base::ResourceExhausted("the kubelet's answer is larger than 64 MiB");
        body += piece;
        return {};
      }));
  if (head.status != 200) return Refused(head.status, body);
  return body;
}

Result<json::Value> Kubelet::Pods() {
  ASSIGN_OR_RETURN(const std::string body, Get("/pods"));
  json::Limits limits;
  limits.bytes = kMaxAnswerBytes;
  limits.values = 10'000'000;
  Result<json::Value> list = json::ParseJson(body, limits);
  if (!list.ok()) return list.error().WithContext("the kubelet's list of pods");
  return list;
}

Result<std::string> Kubelet::Explain(const std::string& name_space, const std::string& pod) {
  return Get("/explain/" + base::PercentEncode(name_space) + "/" + base::PercentEncode(pod));
}

Status Kubelet::Healthy() {
  RETURN_IF_ERROR(Get("/healthz"));
  return {};
}

Status Kubelet::Log(const std::string& path, const std::function<void(std::string_view)>& taker) {
  std::string refusal;
  ASSIGN_OR_RETURN(
      const http::ResponseHead head,
      Ask(path, kNoEnd, [&](const http::ResponseHead& begun, std::string_view piece) -> Status {
        if (begun.status == 200) {
          taker(piece);
        } else if (refusal.size() < kMaxRefusalBytes) {
          refusal += piece;
        }
        return {};
      }));
  return head.status == 200 ? Status() : Refused(head.status, refusal);
}

}  // namespace keelson::cli
