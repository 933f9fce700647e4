// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/follower.h"

namespace keelson::watch {

void Follower::CatchUp(const Tree::Changed& each) {
  Snapshot now = cache_.Current();
  if (now.revision() == seen_.revision()) return;
  now.ForEachChange(seen_, prefix_, each);
  seen_ = std::move(now);
}

}  // namespace keelson::watch
