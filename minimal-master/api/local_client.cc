// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/local_client.h"

#include "minimal-master/api/shape.h"
#include "minimal-master/patch/json_patch.h"

namespace keelson::api {
namespace {

using control::Write;
using json::Value;

bool IsScheduler(std::string_view as) { return as.find("scheduler") != std::string_view::npos; }

auth::User UserOf(std::string_view as) {
  auth::User user = IsScheduler(as) ? auth::User{.name = "system:kube-scheduler"}
                                    : auth::ServiceAccountUser("kube-system", as, "");
  auth::AddGroup(user, auth::kAuthenticated);
  auth::AddGroup(user, auth::kMasters);
  return user;
}

const char* VerbOf(const Write& write) {
  switch (write.verb) {
    case Write::Verb::kCreate:
      return "create";
    case Write::Verb::kUpdate:
      return "update";
    case Write::Verb::kMergePatch:
      return "patch";
    case Write::Verb::kDelete:
      break;
  }
  return "delete";
}

service::Request RequestOf(std::string_view as, const Write& write) {
  service::Request request;
  request.headers.emplace_back("user-agent",
                               IsScheduler(as) ? "kube-scheduler" : "kube-controller-manager");
  const bool patch = write.verb == Write::Verb::kMergePatch;
  request.headers.emplace_back("content-type",
                               patch ? "application/merge-patch+json" : "application/json");
  return request;
}

Route RouteTo(const Write& write) {
  const schema::Resource& resource = *write.resource;
  Route route;
  route.verb = VerbOf(write);
  route.is_resource = true;
  route.group = resource.group();
  route.version = resource.version();
  route.resource = resource.name();
  route.subresource = write.subresource;
  route.ns = write.ns;
  route.name = write.name;
  route.served = &resource;
  route.served_sub =
      write.subresource.empty() ? nullptr : resource.FindSubresource(write.subresource);
  route.allowed = true;
  return route;
}

// An answer that was made for the network, as what it says.
status::Or<std::string> TextOf(const Answer& answer) {
  std::string text;
  for (const service::Buffer& piece : answer.body) text += piece.view();
  if (answer.code < 300) return text;
  status::Failure failure = status::Internal(text);
  failure.code = answer.code;
  if (const base::Result<Value> said = json::ParseJson(text); said.ok()) {
    failure.reason = said->At({"reason"}).AsString();
    failure.message = said->At({"message"}).AsString();
    failure.details.retry_after_seconds =
        static_cast<int>(said->At({"details", "retryAfterSeconds"}).AsInt());
  }
  return failure;
}

}  // namespace

status::Or<Value> LocalClient::Do(std::string_view as, const Write& write) {
  service::Request request = RequestOf(as, write);
  Route route = RouteTo(write);
  if (!route.subresource.empty() && route.served_sub == nullptr) return status::NoSuchPath();
  const bool whole = route.subresource.empty() || route.subresource == "status";
  const bool binding = route.subresource == "binding";
  if (!whole && !binding) request.body = json::WriteJson(write.body);
  route.user = UserOf(as);
  Call call{request, route, route.user, {}};
  const status::Or<std::string> done = whole || binding ? Run(call, write) : Ask(call);
  if (!done.ok()) return done.failure();
  if (binding) return Value::Object({{"kind", Value("Status")}, {"status", Value("Success")}});
  base::Result<Value> value = json::ParseJson(*done);
  if (!value.ok()) return status::Internal(value.error().message());
  return *std::move(value);
}

status::Or<std::string> LocalClient::Run(Call& call, const Write& write) {
  const schema::Resource& resource = *write.resource;
  const WriteOptions options;
  if (call.route.subresource == "binding") {
    const status::Or<Written> bound = engine_.BindTo(call, options, write.body);
    if (!bound.ok()) return bound.failure();
    return bound->json;
  }
  if (write.verb == Write::Verb::kDelete) return engine_.DeleteWith(call, write.body);
  if (write.verb == Write::Verb::kCreate) {
    if (const auto& answer = engine_.hooks_.answer) {
      if (const auto answered = answer(call.user, write.ns, write.body)) {
        if (!answered->ok()) return answered->failure();
        return json::WriteJson(**answered);
      }
    }
    const status::Or<std::string> made = engine_.CreateOnce(call, options, write.body);
    if (!made.ok()) return made.failure();
    return InVersion(resource, *made);
  }
  const bool patch = write.verb == Write::Verb::kMergePatch;
  const Engine::Change change = [&](const Value* current) -> status::Or<Value> {
    return patch ? patch::ApplyMergePatch(*current, write.body) : write.body;
  };
  const status::Or<Written> written = engine_.Store(call, options, write.name, change, false);
  if (!written.ok()) return written.failure();
  return InVersion(resource, written->json);
}

status::Or<std::string> LocalClient::Ask(Call& call) {
  const std::string& sub = call.route.subresource;
  if (sub == "scale") return TextOf(engine_.Scale(call));
  if (sub == "eviction") return TextOf(engine_.Evict(call));
  if (sub == "finalize") return TextOf(engine_.Finalize(call));
  if (sub == "approval") return TextOf(engine_.Approve(call));
  return status::MethodNotAllowed();
}

}  // namespace keelson::api
