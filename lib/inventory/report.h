// SPDX-License-Identifier: Apache-2.0
// What a component answers when it is asked what on this machine is its own (`… fsck`): each thing
// with its owner, what is wrong with it, and what was or can be done. Owner: the component that
// made it; callers: `keelson fsck`, which puts several together. The JSON is private to them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::inventory {

struct Item {
  std::string kind;     // "directory", "record", "network namespace", "link", …: for people
  std::string thing;    // a path, a link's name, an address, a chain
  uint64_t bytes = 0;   // taken of a file system, trees as a whole
  std::string owner;    // "pod default/web"; empty: nobody
  std::string problem;  // empty: nothing is wrong
  std::string remedy;   // what mending does about it; empty: nothing
  std::string refused;  // why that is not done, or was tried in vain
  bool mended = false;
  bool operator==(const Item&) const = default;
};

// Of the runtime's: whoever has things of pods asks whether the pod is known.
struct Pod {
  std::string id;
  std::string uid;
  std::string name_space;
  std::string name;
  bool operator==(const Pod&) const = default;
};

struct Report {
  std::string component;  // "keelson-runtime"
  bool runs = false;      // its daemon, while this was written
  std::string endpoint;   // of the runtime: the socket where its daemon answers
  std::vector<Item> items;
  std::vector<Pod> pods;
  bool operator==(const Report&) const = default;
};

json::Value ToJson(const Report& report);
base::Result<Report> FromJson(std::string_view text);

// Something is wrong that was not mended.
bool HasProblem(const Report& report);

}  // namespace keelson::inventory
