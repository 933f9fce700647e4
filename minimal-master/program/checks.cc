// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/program/checks.h"

namespace keelson::program {

std::vector<health::Check> ChecksOf(store::Store& store, const watch::Cache& cache,
                                    const std::atomic<bool>& stopping) {
  // Steps that are done before anybody is listened to hold as long as the process lives.
  const auto good = [] { return base::Ok(); };
  const auto answers = [&store]() -> base::Status {
    const base::Result<store::Revision> revision = store.CurrentRevision();
    return revision.ok() ? base::Ok() : revision.error();
  };
  const auto follows = [&store, &cache]() -> base::Status {
    ASSIGN_OR_RETURN(const store::Revision newest, store.CurrentRevision());
    const base::Result<watch::Snapshot> seen = cache.AtLeast(newest, std::chrono::seconds(1));
    return seen.ok() ? base::Ok() : seen.error();
  };
  const auto stays = [&stopping]() -> base::Status {
    return stopping ? base::Unavailable("process is shutting down") : base::Ok();
  };
  return {{"ping", good},
          {"etcd", answers},
          {"etcd-readiness", answers, false},
          {"informer-sync", follows, false},
          {"poststarthook/rbac/bootstrap-roles", good},
          {"poststarthook/scheduling/bootstrap-system-priority-classes", good},
          {"poststarthook/bootstrap-controller", good},
          {"shutdown", stays, false}};
}

}  // namespace keelson::program
