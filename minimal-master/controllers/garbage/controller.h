// SPDX-License-Identifier: Apache-2.0
// garbage-collector-controller: keeps which objects name which owners, by uid, and looks at an
// object when an owner of it goes, when it goes itself, or when what it waits for is gone. Keys are
// those of the store. The index is the dispatching thread's to write and everybody's to read.
#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/garbage/plan.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::garbage {

class Collector final : public control::Controller {
 public:
  explicit Collector(const Context& context) : context_(context) {}
  std::string_view name() const override { return "garbage-collector-controller"; }
  std::vector<const schema::Resource*> Watches() const override;
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;
  void Heard(watch::Revision revision) override { heard_ = revision; }
  size_t Workers() const override { return 20; }

 private:
  std::vector<std::string> DependentsOf(std::string_view uid) const;
  // Likewise, with all that were there at `revision`: looked for one by one where the index is
  // behind what was read.
  std::vector<std::string> DependentsAt(std::string_view uid, watch::Revision revision) const;
  void Index(const control::Change& change);
  // Those that its plan looks at.
  void AddDependents(const watch::Object& object, watch::Revision revision, Facts& facts) const;
  // `revision` becomes the owner's if that is younger.
  OwnerState StateOf(const json::Value& reference, const json::Value& object,
                     watch::Revision& revision) const;
  // Somebody of this uid lives in another namespace: the reference can never be right.
  bool IsElsewhere(const schema::Resource& resource, std::string_view uid) const;

  const Context context_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::unordered_set<std::string>>
      dependents_;                         // guarded by mutex_
  std::atomic<watch::Revision> heard_{0};  // the index has everything up to it
};

}  // namespace keelson::controllers::garbage
