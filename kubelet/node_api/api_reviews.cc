// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/api_reviews.h"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace keelson::node_api {

using base::Result;
using json::Value;

namespace {

// Of tries after the first; each waits longer.
constexpr int kMostTries = 4;
constexpr std::chrono::milliseconds kFirstPause{100};

// One review, tried again where no answer came or the server has no time. Shared with the loop: who
// waits may have given up when the answer comes.
struct Waiting {
  kube::Api::Request request;
  std::mutex mutex;
  std::condition_variable came;
  std::optional<Result<Value>> answer;  // guarded by mutex
  bool given_up = false;                // guarded by mutex
};

void Send(kube::Api& api, const std::shared_ptr<Waiting>& waiting, int tries) {
  api.Send(waiting->request, [&api, waiting, tries](Result<Value> answer) {
    const std::lock_guard lock(waiting->mutex);
    if (waiting->given_up) return;
    if (!answer.ok() && answer.error().code() == base::Code::kUnavailable && tries < kMostTries) {
      api.loop().After(kFirstPause * (1 << tries),
                       [&api, waiting, tries] { Send(api, waiting, tries + 1); });
      return;
    }
    waiting->answer = std::move(answer);
    waiting->came.notify_all();
  });
}

Value Texts(const std::vector<std::string>& texts) {
  Value array = Value::Array();
  for (const std::string& text : texts) array.Append(Value(text));
  return array;
}

std::vector<std::string> ReadTexts(const Value& array) {
  std::vector<std::string> texts;
  for (const Value& item : array.items()) texts.push_back(item.AsString());
  return texts;
}

Value Review(const char* group, const char* kind, Value spec) {
  return Value::Object({{"apiVersion", Value(std::string(group) + "/v1")},
                        {"kind", Value(kind)},
                        {"spec", std::move(spec)}});
}

}  // namespace

Value TokenReview(const std::string& token) {
  return Review("authentication.k8s.io", "TokenReview", Value::Object({{"token", Value(token)}}));
}

Value AccessReview(const Question& question) {
  Value extra = Value::Object();
  for (const auto& [name, values] : question.user.extra) extra.Set(name, Texts(values));
  Value spec = Value::Object(
      {{"resourceAttributes", Value::Object({{"verb", Value(question.verb)},
                                             {"version", Value("v1")},
                                             {"resource", Value("nodes")},
                                             {"subresource", Value(question.subresource)},
                                             {"name", Value(question.node)}})},
       {"user", Value(question.user.name)},
       {"groups", Texts(question.user.groups)},
       {"extra", std::move(extra)}});
  if (!question.user.uid.empty()) spec.Set("uid", Value(question.user.uid));
  return Review("authorization.k8s.io", "SubjectAccessReview", std::move(spec));
}

Result<std::optional<User>> ReadTokenReview(const Value& answer) {
  const Value& status = answer.At({"status"});
  if (!status.At({"authenticated"}).AsBool()) {
    const std::string& problem = status.At({"error"}).AsString();
    if (!problem.empty()) return base::Unauthenticated("{}", problem);
    return std::optional<User>();
  }
  const Value& told = status.At({"user"});
  User user{.name = told.At({"username"}).AsString(),
            .uid = told.At({"uid"}).AsString(),
            .groups = ReadTexts(told.At({"groups"})),
            .extra = {}};
  if (user.name.empty()) return base::Internal("the token's review names no user");
  for (const auto& [name, values] : told.At({"extra"}).members())
    user.extra[name] = ReadTexts(values);
  return std::optional<User>(std::move(user));
}

Result<bool> ReadAccessReview(const Value& answer) {
  const Value& status = answer.At({"status"});
  if (!status.IsObject()) return base::Internal("the access review has no status");
  const bool allowed = status.At({"allowed"}).AsBool();
  const bool denied = status.At({"denied"}).AsBool();
  if (allowed && denied) return base::Internal("the access review both allows and denies");
  return allowed;
}

Result<Value> ApiReviews::Create(const std::string& path, const Value& object) {
  const auto waiting = std::make_shared<Waiting>();
  waiting->request.method = "POST";
  waiting->request.path = path;
  waiting->request.body = json::WriteJson(object);
  waiting->request.timeout = timeout_;
  api_.loop().Post([&api = api_, waiting] { Send(api, waiting, 0); });
  std::unique_lock lock(waiting->mutex);
  if (waiting->came.wait_for(lock, timeout_, [&] { return waiting->answer.has_value(); }))
    return *std::move(waiting->answer);
  waiting->given_up = true;
  return base::DeadlineExceeded("the API server did not answer");
}

Result<std::optional<User>> ApiReviews::Token(const std::string& token) {
  ASSIGN_OR_RETURN(const Value answer,
                   Create("/apis/authentication.k8s.io/v1/tokenreviews", TokenReview(token)));
  return ReadTokenReview(answer);
}

Result<bool> ApiReviews::Access(const Question& question) {
  ASSIGN_OR_RETURN(const Value answer, Create("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                              AccessReview(question)));
  return ReadAccessReview(answer);
}

}  // namespace keelson::node_api
