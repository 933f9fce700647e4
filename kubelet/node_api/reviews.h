// SPDX-License-Identifier: Apache-2.0
// An API server's word on tokens and on what a user may, and how long it holds. Thread-safe;
// calls may block up to a deadline. Whatever goes wrong is an error: nobody gets in on one.
// Source: TokenReview and SubjectAccessReview; the times are upstream's.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "kubelet/node_api/access.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace keelson::node_api {

struct Question {
  User user;
  std::string verb;
  std::string subresource;
  std::string node;
};

class Reviews {
 public:
  virtual ~Reviews() = default;
  // Whose token it is; nothing: nobody's.
  virtual base::Result<std::optional<User>> Token(const std::string& token) = 0;
  virtual base::Result<bool> Access(const Question& question) = 0;
};

// Answers that are kept for a while, the oldest gone first when there are too many. One thread.
template <typename T>
class KeptAnswers {
 public:
  explicit KeptAnswers(size_t most) : most_(most) {}
  std::optional<T> Find(const std::string& key, base::SteadyTime now) const {
    const auto found = kept_.find(key);
    if (found == kept_.end() || found->second.until <= now) return std::nullopt;
    return found->second.answer;
  }
  void Put(const std::string& key, T answer, base::SteadyTime until) {
    const auto old = kept_.find(key);
    if (old != kept_.end()) {
      order_.erase(old->second.place);
      kept_.erase(old);
    }
    order_.push_back(key);
    kept_.emplace(key, Kept{std::move(answer), until, std::prev(order_.end())});
    if (kept_.size() <= most_) return;
    kept_.erase(order_.front());
    order_.pop_front();
  }
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    T answer;
    base::SteadyTime until;
    std::list<std::string>::iterator place;
  };
  const size_t most_;
  std::map<std::string, Kept> kept_;
  std::list<std::string> order_;  // as they came
};

// Asks `next` for what it does not know. Errors are not kept.
class CachedReviews final : public Reviews {
 public:
  struct Options {
    std::chrono::nanoseconds token{std::chrono::minutes(2)};
    std::chrono::nanoseconds allowed{std::chrono::minutes(5)};
    std::chrono::nanoseconds denied{std::chrono::seconds(30)};
    size_t most = 8192;  // of either kind
    size_t longest_key = 10000;
  };
  CachedReviews(Reviews& next, const base::Clock& clock, Options options);
  CachedReviews(Reviews& next, const base::Clock& clock) : CachedReviews(next, clock, Options()) {}

  base::Result<std::optional<User>> Token(const std::string& token) override;
  base::Result<bool> Access(const Question& question) override;

 private:
  Reviews& next_;
  const base::Clock& clock_;
  const Options options_;
  std::mutex mutex_;
  KeptAnswers<std::optional<User>> tokens_;  // guarded by mutex_
  KeptAnswers<bool> accesses_;               // guarded by mutex_
};

}  // namespace keelson::node_api
