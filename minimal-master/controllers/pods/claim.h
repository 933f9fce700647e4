// SPDX-License-Identifier: Apache-2.0
// Which objects a controller's object has, by owner and selector: those it owns and selects are
// its own, those it selects without an owner are adopted, those it owns and does not select are
// let go; an object that is being deleted changes nothing. Pure, any thread.
#pragma once

#include <vector>

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/pods/facts.h"
#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::pods {

// Whoever owns.
struct Owner {
  const json::Value& object;
  std::string_view api_version;
  std::string_view kind;
};

struct Claims {
  std::vector<PodPtr> mine;  // with those to be adopted
  std::vector<control::Write> writes;
};
// Of `owned` and `orphans` those that have not ended and are not being deleted, by name.
Claims ClaimActive(const Owner& owner, const watch::selectors::LabelSelector& selector,
                   const std::vector<PodPtr>& owned, const std::vector<PodPtr>& orphans);
// The same of other objects. `owned` and `orphans` in any state.
struct ObjectClaims {
  std::vector<watch::ObjectPtr> mine;
  std::vector<control::Write> writes;
};
ObjectClaims ClaimObjects(const Owner& owner, const schema::Resource& resource,
                          const watch::selectors::LabelSelector& selector,
                          const std::vector<watch::ObjectPtr>& owned,
                          const std::vector<watch::ObjectPtr>& orphans);

}  // namespace keelson::pods
