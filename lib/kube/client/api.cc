// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/client/api.h"

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::kube {
namespace {

constexpr std::chrono::seconds kTokenLife(60);
constexpr size_t kQuoted = 300;

base::Code CodeOf(int status) {
  switch (status) {
    case 401:
      return base::Code::kUnauthenticated;
    case 403:
      return base::Code::kPermissionDenied;
    case 404:
      return base::Code::kNotFound;
    case 409:
      return base::Code::kAborted;
    case 410:
      return base::Code::kOutOfRange;
    case 429:
    case 503:
    case 504:
      return base::Code::kUnavailable;
    default:
      return status >= 500 ? base::Code::kInternal : base::Code::kInvalidArgument;
  }
}

}  // namespace

int HttpStatusOf(const base::Error& error) {
  const auto* detail = dynamic_cast<const StatusDetail*>(error.detail().get());
  return detail == nullptr ? 0 : detail->code;
}

base::Error ErrorOf(const multiplex::Reply& reply, const std::string& what) {
  auto detail = std::make_shared<StatusDetail>();
  detail->code = reply.status;
  std::string message;
  const base::Result<json::Value> body = json::ParseJson(reply.body);
  if (body.ok() && body->At({"kind"}).AsString() == "Status") {
    message = body->At({"message"}).AsString();
    detail->reason = body->At({"reason"}).AsString();
    detail->retry_after_seconds =
        static_cast<int>(body->At({"details", "retryAfterSeconds"}).AsInt());
  } else {
    message = base::QuoteIfNeeded(std::string_view(reply.body).substr(0, kQuoted));
  }
  if (const std::string* after = service::FindHeader(reply.headers, "retry-after"))
    detail->retry_after_seconds = static_cast<int>(base::ParseUint64(*after).value_or(0));
  const base::Code code =
      detail->reason == "AlreadyExists" ? base::Code::kAlreadyExists : CodeOf(reply.status);
  return base::Error(code, fmt::format("{}: {} {}", what, reply.status, message))
      .WithDetail(std::move(detail));
}

Api::Api(os::EventLoop& loop, const base::Clock& clock, ClientConfig config, std::string user_agent)
    : loop_(loop),
      clock_(clock),
      config_(std::move(config)),
      user_agent_(std::move(user_agent)),
      client_(loop, config_.target) {}

void Api::SetConfig(ClientConfig config) {
  config_ = std::move(config);
  token_.clear();
  token_read_ = {};
  client_.SetTarget(config_.target);
}

// Tokens in files are exchanged under us.
const std::string& Api::Token() {
  if (config_.token_file.empty()) return config_.token;
  const base::SteadyTime now = clock_.Steady();
  if (!token_.empty() && now - token_read_ < kTokenLife) return token_;
  token_read_ = now;
  const base::Result<std::string> text = os::ReadFile(config_.token_file);
  if (text.ok())
    token_ = base::Trim(*text);
  else
    base::LogWarn("the token cannot be read, the former one is used",
                  {{"error", text.error().message()}});
  return token_;
}

multiplex::CallId Api::Begin(multiplex::Call call) {
  call.path = config_.path_prefix + call.path;
  call.headers.emplace_back("user-agent", user_agent_);
  if (const std::string& token = Token(); !token.empty())
    call.headers.emplace_back("authorization", "Bearer " + token);
  return client_.Begin(std::move(call));
}

multiplex::CallId Api::Send(Request request, Answer answer) {
  multiplex::Call call;
  call.method = request.method;
  call.path = request.path;
  call.timeout = request.timeout;
  call.headers.emplace_back("accept", "application/json");
  if (!request.body.empty()) call.headers.emplace_back("content-type", request.content_type);
  call.body = std::move(request.body);
  call.done = [what = request.method + " " + request.path,
               answer = std::move(answer)](base::Result<multiplex::Reply> reply) {
    if (!reply.ok()) return answer(reply.error());
    if (reply->status >= 300) return answer(ErrorOf(*reply, what));
    base::Result<json::Value> body = json::ParseJson(
        reply->body, {.bytes = size_t{256} << 20, .depth = 100, .values = 20'000'000});
    if (!body.ok()) return answer(body.error().WithContext(what + ": the answer"));
    answer(std::move(body));
  };
  return Begin(std::move(call));
}

}  // namespace keelson::kube
