// SPDX-License-Identifier: Apache-2.0
// Runtime handlers beside the built-in one: what the settings name, looked at once when the daemon
// starts (is the program there, what does its `features` say), and what of a pod may pass to such a
// program. Open() runs programs; the rest is pure. Any thread. Sources: runtime-spec features.md;
// annotations as containerd writes them, which runsc and Kata read.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "runtime/config/config.h"

namespace keelson::handlers {

struct Features {
  bool recursive_read_only = false;
  bool user_namespaces = false;  // with mounts whose owners are mapped
  bool operator==(const Features&) const = default;
};

struct Handler {
  runtime_config::Handler settings;
  Features features;
  bool IsOther() const { return !settings.runtime.empty(); }
};

// Refuses a program that is missing or cannot be executed. One that has no `features` has none.
base::Result<std::vector<Handler>> Open(const std::vector<runtime_config::Handler>& settings);
// What `features` printed; anything that cannot be read is not there.
Features ReadFeatures(std::string_view json);

const Handler* Find(const std::vector<Handler>& handlers, const std::string& name);

// '*' stands for any number of any characters, everything else for itself.
bool Matches(std::string_view pattern, std::string_view name);

using Annotations = std::vector<std::pair<std::string, std::string>>;
// Who the container is. Written last: no pod can say it is another.
struct Identity {
  std::string sandbox_id, sandbox_name, sandbox_namespace, sandbox_uid;
  std::string container_name, image_name;
};
// The pod's and the container's annotations that `handler` lets pass, the container's stronger, and
// those that say who it is.
Annotations AnnotationsFor(const Handler& handler, const Annotations& pod,
                           const Annotations& container, const Identity& identity);

}  // namespace keelson::handlers
