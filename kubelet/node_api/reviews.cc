// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/reviews.h"

namespace keelson::node_api {
namespace {

// Parts cannot run into each other: each comes with its length.
void Add(std::string& key, const std::string& part) {
  key.append(std::to_string(part.size())).append(":").append(part);
}

std::string KeyOf(const Question& question) {
  std::string key;
  for (const std::string* part : {&question.verb, &question.subresource, &question.node,
                                  &question.user.name, &question.user.uid})
    Add(key, *part);
  for (const std::string& group : question.user.groups) Add(key, group);
  for (const auto& [name, values] : question.user.extra) {
    key += '=';
    Add(key, name);
    for (const std::string& value : values) Add(key, value);
  }
  return key;
}

}  // namespace

CachedReviews::CachedReviews(Reviews& next, const base::Clock& clock, Options options)
    : next_(next),
      clock_(clock),
      options_(options),
      tokens_(options.most),
      accesses_(options.most) {}

base::Result<std::optional<User>> CachedReviews::Token(const std::string& token) {
  {
    const std::lock_guard lock(mutex_);
    if (auto kept = tokens_.Find(token, clock_.Steady())) return *std::move(kept);
  }
  ASSIGN_OR_RETURN(std::optional<User> user, next_.Token(token));
  if (token.size() <= options_.longest_key) {
    const std::lock_guard lock(mutex_);
    tokens_.Put(token, user, clock_.Steady() + options_.token);
  }
  return user;
}

base::Result<bool> CachedReviews::Access(const Question& question) {
  const std::string key = KeyOf(question);
  {
    const std::lock_guard lock(mutex_);
    if (const auto kept = accesses_.Find(key, clock_.Steady())) return *kept;
  }
  ASSIGN_OR_RETURN(const bool allowed, next_.Access(question));
  if (key.size() <= options_.longest_key) {
    const std::lock_guard lock(mutex_);
    accesses_.Put(key, allowed, clock_.Steady() + (allowed ? options_.allowed : options_.denied));
  }
  return allowed;
}

}  // namespace keelson::node_api
