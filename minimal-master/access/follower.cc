// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/access/follower.h"

#include <iterator>

namespace keelson::access {

base::Result<Follower::Changes> Follower::Take() {
  changed_ = false;  // before anything is taken: what comes later sets it again
  if (watchers_.empty()) return Restart();
  Changes changes;
  for (const auto& watcher : watchers_) {
    for (bool more = true; more;) {
      watch::Deliveries taken = watcher->Take();
      if (taken.end) return Restart();  // too much came while nobody asked
      more = taken.more;
      std::move(taken.events.begin(), taken.events.end(), std::back_inserter(changes.events));
    }
  }
  return changes;
}

base::Result<Follower::Changes> Follower::Restart() {
  watchers_.clear();
  changed_ = true;
  const watch::Snapshot snapshot = cache_.Current();
  std::vector<std::unique_ptr<watch::Watcher>> watchers;
  Changes changes{.anew = true, .events = {}};
  for (const std::string& prefix : prefixes_) {
    ASSIGN_OR_RETURN(auto watcher,
                     cache_.Watch({.prefix = prefix, .from = snapshot.revision(), .wake = [this] {
                                     changed_ = true;
                                   }}));
    watchers.push_back(std::move(watcher));
    snapshot.ForEach(prefix, {}, [&](const watch::ObjectPtr& object) {
      changes.events.push_back({watch::Kind::kAdded, object->revision(), object});
      return true;
    });
  }
  watchers_ = std::move(watchers);
  return changes;
}

}  // namespace keelson::access
