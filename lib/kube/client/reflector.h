// SPDX-License-Identifier: Apache-2.0
// Follows a collection: what is there, then what changes, for as long as it lives. The first state
// comes as a stream too where the server can (WatchList), else in pages. It keeps names and
// revisions, never objects: whoever follows keeps what it needs. A server that is gone is asked
// again with back-off; meanwhile what was known stays. On the loop's thread, which outlives it, as
// does `api`. Source: KEP-3157, kubernetes.io/docs/reference/using-api/api-concepts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/kube/client/api.h"

namespace keelson::kube {

struct ObjectName {
  std::string ns;  // "" for what has none
  std::string name;
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};
ObjectName NameOf(const json::Value& object);

class Reflector {
 public:
  struct Query {
    std::string path;      // "/api/v1/services"
    std::string selector;  // more of the query, escaped: "fieldSelector=spec.nodeName%3Da"
  };
  struct Follower {
    // New or changed, or told again after a gap; the object is whole.
    std::function<void(const json::Value& object)> changed;
    std::function<void(const ObjectName& name)> gone;
    // All that there is has been told, what is no longer there too: first, and after each gap.
    std::function<void()> synced;
    // A request failed, in a sentence; it goes on trying. May be empty.
    std::function<void(const base::Error& error)> problem;
  };
  struct Options {
    std::chrono::milliseconds min_backoff{800};
    std::chrono::milliseconds max_backoff{30000};
    // A watch is asked for between this and twice as long.
    std::chrono::seconds watch_time{300};
    int page = 500;
    std::function<double()> random;  // 0 to 1; empty: a generator of its own
  };
  Reflector(Api& api, Query query, Follower follower, Options options);
  Reflector(Api& api, Query query, Follower follower)
      : Reflector(api, std::move(query), std::move(follower), Options()) {}
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  void Start();
  bool synced() const;
  size_t size() const;  // objects known

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::kube
