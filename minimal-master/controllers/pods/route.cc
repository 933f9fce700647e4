// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/route.h"

namespace keelson::pods {

void RoutePod(Pods& pods, Selecting& selecting, std::string_view kind,
              const control::Change& change, const control::Controller::Add& add) {
  const PodPtr pod = pods.Read(change.object);
  const auto to_owner = [&](const PodFacts& facts) {
    if (facts.owner_kind == kind) add(std::string(facts.ns()) + "/" + facts.owner_name);
  };
  to_owner(*pod);
  bool changed = !change.old;
  if (change.old) {
    const PodPtr old = pods.Read(change.old);
    if (old->owner_uid != pod->owner_uid) to_owner(*old);
    changed = old->owner_uid != pod->owner_uid || change.old->labels() != change.object->labels();
  }
  if (!changed || !pod->owner_uid.empty() || change.kind == watch::Kind::kDeleted) return;
  for (std::string& key : selecting.Of(*change.object)) add(std::move(key));
}

}  // namespace keelson::pods
