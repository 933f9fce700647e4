// SPDX-License-Identifier: Apache-2.0
// What a controller is to the manager that runs it. Route() is called on the manager's one
// dispatching thread and must be quick; Sync() on worker threads, several keys at once, never the
// same key twice at once; both may read the cache at any time.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/watch/watcher.h"

namespace keelson::control {

// What came of looking at a key.
struct Outcome {
  // Tried again after a back-off (5 ms doubling to 1,000 s) that success resets.
  std::optional<std::string> failed;
  // Looked at again after this time even if nothing happens.
  std::optional<std::chrono::milliseconds> again;

  static Outcome Done() { return {}; }
  static Outcome Failed(std::string why) { return {std::move(why), std::nullopt}; }
  static Outcome After(std::chrono::milliseconds time) { return {std::nullopt, time}; }
};

// An event on its way to a controller. `old`: what the object was, null when it is new.
struct Change {
  const schema::Resource& resource;
  watch::Kind kind;
  watch::ObjectPtr object;
  watch::ObjectPtr old;
};

class Controller {
 public:
  using Add = std::function<void(std::string key)>;
  virtual ~Controller() = default;
  virtual std::string_view name() const = 0;  // as upstream's: "replicaset-controller"
  // What it wants to hear of; at the start every object there is comes as kAdded.
  virtual std::vector<const schema::Resource*> Watches() const = 0;
  // Adds the keys ("ns/name", or whatever it likes) that must be looked at because of `change`.
  virtual void Route(const Change& change, const Add& add) = 0;
  virtual Outcome Sync(const std::string& key) = 0;
  // Everything up to `revision` was routed; never goes back. Sync may find newer objects in the
  // cache than it has heard of.
  virtual void Heard(watch::Revision /*revision*/) {}
  // How many keys it may work on at once.
  virtual size_t Workers() const { return 5; }
};

}  // namespace keelson::control
