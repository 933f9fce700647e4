// SPDX-License-Identifier: Apache-2.0
// Many nodes whose kubelets only say so: leases are kept fresh, pods that get a node run, pods that
// are to end are gone. Those of dead nodes stay as they are. All by the test's one thread, which
// lets others help; the server outlives it.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "minimal-master/watch/cache.h"
#include "tests/master/controlled_server.h"

namespace keelson::golden {

class Fleet {
 public:
  struct Pod {
    std::string app;  // its label
    std::string image;
    std::string node;
    bool ready = false;
    bool leaving = false;
  };

  explicit Fleet(ControlledServer& server) : server_(server) {}
  void Join(size_t nodes);
  void Renew();
  void Die(const std::string& node) { dead_.insert(node); }
  bool IsDead(const std::string& node) const { return dead_.contains(node); }
  static std::string NameOf(size_t index);

  // What kubelets do about all that changed since the last time; how much that was.
  size_t Serve();
  const std::map<std::string, Pod>& pods() const {
    return pods_;
  }  // by key, as of the last Serve()
  // Runs work(0) … work(count - 1) on a few threads.
  static void Each(size_t count, const std::function<void(size_t)>& work);

 private:
  ControlledServer& server_;
  size_t nodes_ = 0;
  std::set<std::string> dead_;
  watch::Snapshot seen_;
  std::map<std::string, Pod> pods_;
};

}  // namespace keelson::golden
