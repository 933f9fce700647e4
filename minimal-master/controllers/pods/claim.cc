// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/claim.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/pods/template.h"

namespace keelson::pods {

Claims ClaimActive(const Owner& owner, const watch::selectors::LabelSelector& selector,
                   const std::vector<PodPtr>& owned, const std::vector<PodPtr>& orphans) {
  static const schema::Resource& kPods = control::ResourceNamed("", "pods");
  const bool ends = control::IsBeingDeleted(owner.object);
  const std::string& uid = owner.object.At({"metadata", "uid"}).AsString();
  Claims out;
  for (const PodPtr& pod : owned) {
    if (!pod->active()) continue;
    if (selector.Matches(*pod->object)) {
      out.mine.push_back(pod);
    } else if (!ends) {
      out.writes.push_back(Release(kPods, *pod->object, uid));
    }
  }
  if (!ends) {
    for (const PodPtr& pod : orphans) {
      if (!pod->active() || !selector.Matches(*pod->object)) continue;
      out.mine.push_back(pod);
      out.writes.push_back(Adopt(kPods, *pod->object, owner.api_version, owner.kind, owner.object));
    }
  }
  std::sort(out.mine.begin(), out.mine.end(),
            [](const PodPtr& a, const PodPtr& b) { return a->name() < b->name(); });
  return out;
}

ObjectClaims ClaimObjects(const Owner& owner, const schema::Resource& resource,
                          const watch::selectors::LabelSelector& selector,
                          const std::vector<watch::ObjectPtr>& owned,
                          const std::vector<watch::ObjectPtr>& orphans) {
  const bool ends = control::IsBeingDeleted(owner.object);
  ObjectClaims out;
  for (const watch::ObjectPtr& object : owned) {
    if (selector.Matches(*object)) {
      out.mine.push_back(object);
    } else if (!ends) {
      out.writes.push_back(
          Release(resource, *object, owner.object.At({"metadata", "uid"}).AsString()));
    }
  }
  if (ends) return out;
  for (const watch::ObjectPtr& object : orphans) {
    if (!selector.Matches(*object) || control::IsBeingDeleted(control::Parse(*object))) continue;
    out.mine.push_back(object);
    out.writes.push_back(Adopt(resource, *object, owner.api_version, owner.kind, owner.object));
  }
  return out;
}

}  // namespace keelson::pods
