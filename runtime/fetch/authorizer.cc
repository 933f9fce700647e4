// SPDX-License-Identifier: Apache-2.0
#include "runtime/fetch/authorizer.h"

#include "lib/base/strings.h"
#include "lib/http/client/url.h"
#include "runtime/content/json_view.h"
#include "runtime/fetch/challenge.h"

namespace keelson::fetch {

using base::Result;

namespace {

constexpr size_t kMaxTokenAnswer = 1u << 20;

std::string Basic(const Credentials& credentials) {
  return "Basic " + base::Base64Encode(credentials.username + ":" + credentials.password);
}

const Challenge* Find(const std::vector<Challenge>& challenges, std::string_view scheme) {
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme == scheme) return &challenge;
  }
  return nullptr;
}

std::string Parameter(const Challenge& challenge, const std::string& name) {
  const auto it = challenge.parameters.find(name);
  return it == challenge.parameters.end() ? "" : it->second;
}

}  // namespace

std::string Authorizer::Header() const {
  if (!endpoint_.credentials.registry_token.empty())
    return "Bearer " + endpoint_.credentials.registry_token;
  const std::lock_guard lock(mutex_);
  return header_;
}

Result<std::string> Authorizer::Answer(http::Client& client, const http::ClientRequest& model,
                                       const http::ResponseHead& refusal, const std::string& used) {
  const std::lock_guard one_at_a_time(fetching_);
  if (const std::string now = Header(); now != used)
    return now;  // another request has just got one
  const Credentials& credentials = endpoint_.credentials;
  const bool named = !credentials.username.empty();
  const std::vector<Challenge> challenges = ParseChallenges(refusal.GetAll("www-authenticate"));
  std::string next;
  if (!credentials.registry_token.empty()) {
    return base::Unauthenticated("the registry refused the token that was given");
  }
  if (const Challenge* bearer = Find(challenges, "bearer"); bearer != nullptr) {
    ASSIGN_OR_RETURN(next, FetchToken(client, model, Parameter(*bearer, "realm"),
                                      Parameter(*bearer, "service")));
  } else if (Find(challenges, "basic") != nullptr && named) {
    next = Basic(credentials);
  } else if (Find(challenges, "basic") != nullptr) {
    return base::Unauthenticated("the registry wants a user name and password, and none are known");
  } else {
    return base::Unauthenticated(
        "the registry answered 401 and names no known way to authenticate");
  }
  if (next == used) return base::Unauthenticated("the registry refused the credentials");
  const std::lock_guard lock(mutex_);
  header_ = next;
  return next;
}

Result<std::string> Authorizer::FetchToken(http::Client& client, const http::ClientRequest& model,
                                           const std::string& realm, const std::string& service) {
  ASSIGN_OR_RETURN(const http::Url url,
                   http::ParseUrl(realm).WithContext("the registry's challenge"));
  if (url.scheme == "http" && endpoint_.base.starts_with("https:")) {
    return base::PermissionDenied("the registry's challenge leads from https to {}", realm);
  }
  const Credentials& credentials = endpoint_.credentials;
  const std::string scope = "repository:" + repository_ + ":pull";
  http::ClientRequest request = model;
  request.headers = {{"Accept", "application/json"}};
  const std::string query =
      "service=" + base::PercentEncode(service) + "&scope=" + base::PercentEncode(scope);
  if (!credentials.identity_token.empty()) {
    request.method = "POST";
    request.url = realm;
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = "grant_type=refresh_token&client_id=keelson&" + query +
                   "&refresh_token=" + base::PercentEncode(credentials.identity_token);
  } else {
    request.method = "GET";
    request.url = realm + (url.path.find('?') == std::string::npos ? "?" : "&") + query;
    if (!credentials.username.empty())
      request.headers.emplace_back("Authorization", Basic(credentials));
  }
  const std::string context = "token from " + url.Origin();
  auto answer = client.PerformToString(request, kMaxTokenAnswer);
  if (!answer.ok()) return answer.error().WithContext(context);
  const int status = answer->first.status;
  if (status == 401 || status == 403) {
    const bool anonymous = credentials.username.empty() && credentials.identity_token.empty();
    return base::Unauthenticated(
        "{}: {} ({})", context, status,
        anonymous ? "no credentials are known" : "the credentials were refused");
  }
  if (status != 200) return base::Unavailable("{}: status {}", context, status);
  ASSIGN_OR_RETURN(const content::JsonView json,
                   content::JsonView::Parse(answer->second).WithContext(context));
  ASSIGN_OR_RETURN(std::string token, json.String("token"));
  if (token.empty()) {
    ASSIGN_OR_RETURN(token, json.String("access_token"));
  }
  if (token.empty() || base::ContainsControlCharacter(token))
    return base::Unavailable("{}: the answer holds no token", context);
  return "Bearer " + token;
}

}  // namespace keelson::fetch
