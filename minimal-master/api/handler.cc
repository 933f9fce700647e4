// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/handler.h"

#include <fmt/format.h>

#include "lib/base/strings.h"
#include "minimal-master/api/discovery.h"
#include "minimal-master/openapi/documents.h"
#include "minimal-master/schema/resources.h"

namespace keelson::api {
namespace {

using json::Value;

constexpr size_t kMostBody = size_t{3} << 20;

// What clients must not guess the type of: upstream says so of some refusals.
Answer Marked(Answer answer) {
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return answer;
}
Answer NoPage() { return Marked(PlainText(404, "404 page not found\n")); }

bool IsDiscovery(std::string_view path) {
  return path == "/api" || path == "/apis" || path.starts_with("/api/") ||
         path.starts_with("/apis/");
}

bool IsServedGroup(std::string_view group) {
  for (const schema::Resource& resource : schema::Resources()) {
    if (resource.group() == group) return true;
  }
  return false;
}

// A group that nobody serves is no path at all; a version or resource that is missing in one that
// is served is an answer of the API.
Answer NotThere(std::string_view path) {
  const std::vector<std::string_view> parts = base::Split(path.substr(1), '/');
  const bool known =
      parts[0] == "api" || (parts[0] == "apis" && parts.size() >= 3 && IsServedGroup(parts[1]));
  return known ? Refusal(status::NoSuchPath()) : NoPage();
}

Answer Discover(const service::Request& request, std::string_view path,
                const std::string& address) {
  if (request.method != "GET" && request.method != "HEAD")
    return Refusal(status::MethodNotAllowed());
  const std::string* accept = service::FindHeader(request.headers, "accept");
  if ((path == "/api" || path == "/apis") && accept != nullptr) {
    const std::string type = AggregatedTypeIn(*accept);
    if (!type.empty()) {
      Answer answer;
      answer.content_type = type;
      answer.headers.emplace_back("Vary", "Accept");
      Value document = AggregatedDiscovery(path == "/api");
      if (type.find("v=v2beta1") != std::string::npos)
        document.Set("apiVersion", Value("apidiscovery.k8s.io/v2beta1"));
      answer.body.emplace_back(json::WriteJson(document) + "\n");
      return answer;
    }
  }
  const status::Or<Form> form = FormOf(request.headers, false);
  if (!form.ok()) return Refusal(form.failure());
  const Value document = LegacyDiscovery(path, address);
  if (document.IsNull()) return NotThere(path);
  Form plain = *form;
  plain.as = Form::As::kObject;
  return Encoded(200, plain, json::WriteJson(document));
}

Answer OpenApi(const service::Request& request, std::string_view path, const std::string& version) {
  if (path == "/openapi/v3") {
    static const std::string index = openapi::Index();
    return Encoded(200, Form{}, index);
  }
  if (path == "/openapi/v2") {
    const std::string* accept = service::FindHeader(request.headers, "accept");
    if (accept == nullptr || accept->find(openapi::kV2ProtobufAsked) == std::string::npos)
      return Encoded(200, Form{}, openapi::DocumentV2(version));
    Answer answer;
    answer.content_type = openapi::kV2ProtobufTold;
    answer.body.emplace_back(openapi::DocumentV2Protobuf(version));
    return answer;
  }
  constexpr std::string_view kDocuments = "/openapi/v3/";
  std::string document;
  if (path.starts_with(kDocuments))
    document = openapi::Document(path.substr(kDocuments.size()), version);
  return document.empty() ? Refusal(status::NoSuchPath())
                          : Encoded(200, Form{}, std::move(document));
}

}  // namespace

void Handler::Handle(std::shared_ptr<service::Exchange> exchange) {
  Route route = RouteOf(exchange->request());
  std::shared_ptr<Visit> visit;
  if (options_.visit) {
    visit = options_.visit(std::move(exchange), route);
    exchange = visit->exchange();
  }
  const service::Request& request = exchange->request();
  if (!IsLongRunning(route)) {
    const auto timeout = ReadTimeout(request.query);
    if (!timeout.ok()) return Send(*exchange, Refusal(timeout.failure()));
  }
  const status::Or<auth::User> user = gate_.authenticate(request);
  if (!user.ok()) {
    const Answer refusal = Refusal(user.failure());
    return Send(*exchange, refusal.code == 401 ? refusal : Marked(refusal));
  }
  route.user = *user;
  if (visit && !visit->Enter(route)) return;
  const status::Or<bool> allowed = gate_.authorize(route);
  if (visit) visit->Decided(allowed.ok());
  if (!allowed.ok()) return Send(*exchange, Marked(Refusal(allowed.failure())));
  if (route.path.starts_with("//")) return Send(*exchange, NoPage());
  if (route.is_resource) return Resource(exchange, route);
  if (options_.page && options_.page(*exchange, route)) return;
  Send(*exchange, Other(request, route));
}

void Handler::Resource(const std::shared_ptr<service::Exchange>& exchange, const Route& route) {
  const service::Request& request = exchange->request();
  if (route.served == nullptr) return Send(*exchange, NotThere(route.path));
  if (!route.allowed) return Send(*exchange, Refusal(status::MethodNotAllowed()));
  if (request.body.size() > kMostBody) {
    status::Failure failure;
    failure.code = 413;
    failure.reason = "RequestEntityTooLarge";
    failure.message = fmt::format("Request entity too large: limit is {}", kMostBody);
    return Send(*exchange, Refusal(failure));
  }
  if (route.verb == "watch") return watches_.Begin(exchange, route);
  Call call{request, route, route.user, {}};
  const std::string& sub = route.subresource;
  const bool whole =
      sub.empty() || sub == "status" || sub == "ephemeralcontainers" || sub == "resize";
  if (route.resource == "serviceaccounts" && route.subresource == "token" && engine_.MakesTokens())
    return Send(*exchange, engine_.CreateToken(call));
  if (sub == "scale") return Send(*exchange, engine_.Scale(call));
  if (sub == "binding") return Send(*exchange, engine_.Bind(call));
  if (sub == "eviction") return Send(*exchange, engine_.Evict(call));
  if (sub == "finalize") return Send(*exchange, engine_.Finalize(call));
  if (sub == "approval") return Send(*exchange, engine_.Approve(call));
  if (options_.connect &&
      (sub == "log" || sub == "exec" || sub == "attach" || sub == "portforward" || sub == "proxy"))
    return options_.connect(exchange, route);
  if (!whole) {
    // Each other subresource has rules of its own.
    status::Failure failure =
        status::Internal(fmt::format("{}/{} is not served yet", route.resource, route.subresource));
    failure.code = 501;
    failure.reason = "NotImplemented";
    return Send(*exchange, Refusal(failure));
  }
  if (route.verb == "get") return Send(*exchange, engine_.Get(call));
  if (route.verb == "list") return Send(*exchange, engine_.List(call));
  if (route.verb == "create") return Send(*exchange, engine_.Create(call));
  if (route.verb == "update") return Send(*exchange, engine_.Update(call));
  if (route.verb == "patch") return Send(*exchange, engine_.Patch(call));
  if (route.verb == "delete") return Send(*exchange, engine_.Delete(call));
  if (route.verb == "deletecollection") return Send(*exchange, engine_.DeleteCollection(call));
  Send(*exchange, Refusal(status::MethodNotAllowed()));
}

Answer Handler::Other(const service::Request& request, const Route& route) {
  std::string_view path = route.path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (IsDiscovery(path)) return Discover(request, path, options_.address);
  if (path.starts_with("/openapi/")) return OpenApi(request, path, options_.version);
  if (path == "/version") {
    if (request.method != "GET" && request.method != "HEAD")
      return Refusal(status::MethodNotAllowed());
    Value version;
    version.Set("major", Value("1"));
    version.Set("minor", Value("35"));
    version.Set("gitVersion", Value(options_.version));
    for (const char* key : {"emulation", "minCompatibility"}) {
      version.Set(std::string(key) + "Major", Value("1"));
      version.Set(std::string(key) + "Minor",
                  Value(std::string_view(key) == "emulation" ? "35" : "34"));
    }
    version.Set("gitCommit", Value(""));
    version.Set("gitTreeState", Value("clean"));
    version.Set("buildDate", Value(""));
    version.Set("goVersion", Value(""));
    version.Set("compiler", Value("gcc"));
    version.Set("platform", Value("linux/amd64"));
    return Encoded(200, Form{}, json::WriteJson(version, true));
  }
  return NoPage();
}

}  // namespace keelson::api
