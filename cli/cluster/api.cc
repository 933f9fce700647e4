// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/api.h"

#include "lib/json/value.h"
#include "lib/kube/client/config.h"

namespace keelson::cluster {
namespace {

constexpr size_t kLongestAnswer = 64u << 20;

std::string Words(const json::Value& body, int status) {
  const std::string& message = body.At({"message"}).AsString();
  return message.empty() ? fmt::format("the server answers {}", status) : message;
}

base::Code CodeOf(int status) {
  switch (status) {
    case 401:
      return base::Code::kUnauthenticated;
    case 403:
      return base::Code::kPermissionDenied;
    case 404:
      return base::Code::kNotFound;
    case 409:
      return base::Code::kAlreadyExists;
    case 429:
    case 503:
      return base::Code::kUnavailable;
    default:
      return base::Code::kFailedPrecondition;
  }
}

}  // namespace

base::Result<Access> ReadAccess(const std::string& kubeconfig) {
  ASSIGN_OR_RETURN(const kube::ClientConfig config, kube::ReadKubeconfig(kubeconfig));
  Access access;
  access.server =
      fmt::format("https://{}:{}{}", config.target.host, config.target.port, config.path_prefix);
  access.tls.authorities_pem = config.target.authorities;
  access.tls.certificate_pem = config.target.certificate;
  access.tls.key_pem = config.target.key;
  access.token = config.token;
  return access;
}

http::ClientRequest Api::Request(const std::string& method, const std::string& path) const {
  http::ClientRequest request;
  request.method = method;
  request.url = access_.server + path;
  request.tls = access_.tls;
  request.headers = {{"Accept", "application/json"}};
  if (!access_.token.empty())
    request.headers.emplace_back("Authorization", "Bearer " + access_.token);
  request.connect_timeout = std::chrono::seconds(10);
  request.no_progress_timeout = std::chrono::seconds(60);
  return request;
}

base::Result<Api::Answer> Api::Ask(const std::string& method, const std::string& path,
                                   const json::Value& body, const std::string& type) {
  http::ClientRequest request = Request(method, path);
  if (!body.IsNull()) {
    request.body = json::WriteJson(body);
    request.headers.emplace_back("Content-Type", type);
  }
  ASSIGN_OR_RETURN(const auto answer, client_.PerformToString(request, kLongestAnswer));
  return Answer{answer.first.status, json::ParseJson(answer.second).ValueOr(json::Value()),
                answer.first.Get("date")};
}

base::Result<json::Value> Api::Need(const std::string& method, const std::string& path,
                                    const json::Value& body, const std::string& type) {
  ASSIGN_OR_RETURN(Answer answer, Ask(method, path, body, type));
  if (answer.status < 400) return std::move(answer.body);
  return base::Error(CodeOf(answer.status), Words(answer.body, answer.status));
}

base::Status Api::Make(const std::string& path, const json::Value& object) {
  const auto made = Need("POST", path, object);
  if (made.ok() || made.error().code() == base::Code::kAlreadyExists) return base::Ok();
  return made.error().WithContext("make " + object.At({"kind"}).AsString() + " " +
                                  object.At({"metadata", "name"}).AsString());
}

base::Status Api::Await(const std::string& collection, const std::string& name,
                        std::chrono::seconds patience,
                        const std::function<bool(const json::Value&)>& done) {
  // A watch without a version begins with what is there.
  const std::string path =
      fmt::format("{}?watch=1&fieldSelector=metadata.name%3D{}&timeoutSeconds={}", collection, name,
                  patience.count());
  std::string rest;
  bool reached = false;
  int refused = 0;
  http::ClientRequest request = Request("GET", path);
  request.no_progress_timeout = patience + std::chrono::seconds(5);
  const auto ended = client_.Perform(
      request, [&](const http::ResponseHead& head, std::string_view piece) -> base::Status {
        rest += piece;
        if (head.status >= 400) {
          refused = head.status;
          return base::Ok();
        }
        for (size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
          const auto event = json::ParseJson(rest.substr(0, end));
          rest.erase(0, end + 1);
          if (!event.ok() || event->At({"type"}).AsString() == "DELETED") continue;
          if (!done(event->At({"object"}))) continue;
          reached = true;
          return base::Cancelled("enough");
        }
        return base::Ok();
      });
  if (reached) return base::Ok();
  if (refused != 0)
    return base::Error(CodeOf(refused),
                       Words(json::ParseJson(rest).ValueOr(json::Value()), refused));
  if (!ended.ok()) return ended.error();
  return base::DeadlineExceeded("not within {} seconds", patience.count());
}

}  // namespace keelson::cluster
