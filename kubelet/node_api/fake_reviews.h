// SPDX-License-Identifier: Apache-2.0
// Reviews as a test decides them: nobody is known and nothing allowed until it says so.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>

#include "kubelet/node_api/reviews.h"

namespace keelson::node_api {

class FakeReviews final : public Reviews {
 public:
  void Knows(const std::string& token, User user) {
    const std::lock_guard lock(mutex_);
    users_[token] = std::move(user);
  }
  void Forgets(const std::string& token) {
    const std::lock_guard lock(mutex_);
    users_.erase(token);
  }
  void Allow(const std::string& user, const std::string& verb, const std::string& subresource) {
    const std::lock_guard lock(mutex_);
    allowed_.insert({user, verb, subresource});
  }
  void Disallow(const std::string& user, const std::string& verb, const std::string& subresource) {
    const std::lock_guard lock(mutex_);
    allowed_.erase({user, verb, subresource});
  }
  void FailNext(int times) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
  }
  int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  base::Result<std::optional<User>> Token(const std::string& token) override {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(Enter());
    const auto found = users_.find(token);
    return found == users_.end() ? std::optional<User>() : std::optional<User>(found->second);
  }
  base::Result<bool> Access(const Question& question) override {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(Enter());
    return allowed_.count({question.user.name, question.verb, question.subresource}) != 0;
  }

 private:
  base::Status Enter() {
    ++asked_;
    if (failures_ == 0) return base::Ok();
    --failures_;
    return base::Unavailable("the API server does not answer");
  }

  mutable std::mutex mutex_;
  std::map<std::string, User> users_;  // guarded by mutex_, as all below
  std::set<std::tuple<std::string, std::string, std::string>> allowed_;
  int failures_ = 0;
  int asked_ = 0;
};

}  // namespace keelson::node_api
