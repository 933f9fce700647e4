// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/prober.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <limits>

#include "kubelet/probe/grpc_probe.h"
#include "kubelet/probe/http_probe.h"
#include "kubelet/probe/tcp_probe.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"

namespace keelson::probe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = std::chrono::steady_clock;

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

Answer ProbeExec(const ExecFunction& exec, const kube::ExecAction& action, const Target& target,
                 seconds timeout) {
  auto answer = exec(target.container_id, action.command, timeout);
  if (!answer.ok()) {
    if (answer.error().code() == base::Code::kDeadlineExceeded) {
      return {Outcome::kFailure, fmt::format("command timed out after {} s", timeout.count())};
    }
    return {Outcome::kError, answer.error().message()};
  }
  answer->output.resize(std::min(answer->output.size(), kMaxBodyBytes));
  return {answer->exit_code == 0 ? Outcome::kSuccess : Outcome::kFailure,
          std::move(answer->output)};
}

base::Status HookExec(const ExecFunction& exec, const kube::ExecAction& action,
                      const Target& target, seconds timeout) {
  ASSIGN_OR_RETURN(ExecAnswer answer, exec(target.container_id, action.command, timeout));
  if (answer.exit_code == 0) return base::Ok();
  const std::string command = action.command.empty() ? "" : action.command.front();
  answer.output.resize(std::min(answer.output.size(), kMaxBodyBytes));
  return base::Aborted("command '{}' exited with {}: {}", command, answer.exit_code, answer.output);
}

base::Status HookHttp(const kube::HttpGetAction& action, const Target& target, seconds timeout) {
  ASSIGN_OR_RETURN(const std::string url, HttpUrl(action, target));
  std::vector<kube::HttpHeader> headers =
      HttpHeaders(action, std::string("kube-lifecycle/") + kApiVersion);
  const Time::time_point deadline = Time::now() + timeout;
  const auto reply = HttpGet(url, headers, timeout);
  constexpr std::string_view kHttps = "https://";
  if (!reply.ok() && reply.error().code() == base::Code::kFailedPrecondition &&
      url.starts_with(kHttps)) {
    // Kept from upstream, which once ignored the scheme: secrets are left out of what is now sent
    // in plain text.
    base::LogWarn("the server of a lifecycle hook speaks http, not https: asked again over http",
                  {{"url", url}});
    const std::string rest = url.substr(kHttps.size());
    std::erase_if(headers,
                  [](const auto& header) { return base::ToLower(header.name) == "authorization"; });
    const auto second = HttpGet("http://" + rest, headers,
                                std::chrono::duration_cast<milliseconds>(deadline - Time::now()));
    if (!second.ok()) return reply.error();  // as upstream: of what was asked for
    if (target.warn) {
      target.warn("LifecycleHTTPFallback",
                  fmt::format("request to HTTPS lifecycle hook {} got HTTP response, retry with "
                              "HTTP succeeded",
                              rest.substr(0, rest.find('/'))));
    }
    return base::Ok();
  }
  return reply.ok() ? base::Ok() : base::Status(reply.error());
}

base::Status HookSleep(const kube::SleepAction& action, seconds timeout) {
  const Time::time_point end =
      Time::now() + seconds(std::clamp<int64_t>(action.seconds, 0, timeout.count()));
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - Time::now()).count();
    if (left <= 0) break;
    (void)::poll(nullptr, 0,
                 static_cast<int>(std::min<int64_t>(left, std::numeric_limits<int>::max())));
  }
  if (action.seconds > timeout.count())
    return base::DeadlineExceeded("the container was terminated before the sleep hook finished");
  return base::Ok();
}

}  // namespace

Answer NodeProber::Probe(const kube::Probe& probe, const Target& target) {
  const seconds timeout(std::max(probe.timeout_seconds, 1));
  return std::visit(
      Overloaded{
          [&](const kube::ExecAction& action) { return ProbeExec(exec_, action, target, timeout); },
          [&](const kube::HttpGetAction& action) { return ProbeHttp(action, target, timeout); },
          [&](const kube::TcpSocketAction& action) -> Answer {
            const auto port = ResolvePort(action.port, target.container);
            if (!port.ok()) return {Outcome::kError, port.error().message()};
            return ProbeTcp(action.host.empty() ? target.address : action.host, *port, timeout);
          },
          [&](const kube::GrpcAction& action) -> Answer {
            if (action.port < 1 || action.port > 65535)
              return {Outcome::kError, fmt::format("invalid port number: {}", action.port)};
            return ProbeGrpc(target.address, static_cast<uint16_t>(action.port), action.service,
                             timeout);
          },
      },
      probe.action);
}

base::Status NodeProber::Hook(const kube::LifecycleHandler& handler, const Target& target,
                              seconds timeout) {
  return std::visit(
      Overloaded{
          [&](const kube::ExecAction& action) { return HookExec(exec_, action, target, timeout); },
          [&](const kube::HttpGetAction& action) { return HookHttp(action, target, timeout); },
          [&](const kube::TcpSocketAction&) -> base::Status {
            return base::Unimplemented("tcpSocket is no lifecycle handler");
          },
          [&](const kube::SleepAction& action) { return HookSleep(action, timeout); },
      },
      handler);
}

}  // namespace keelson::probe
