// SPDX-License-Identifier: Apache-2.0
// Who owns what after a write: every create, update and patch makes its manager the owner of what
// it changed; an apply merges, gives up what it no longer says, and stops at what others own.
// metadata.managedFields are texts beside their objects (split.h). Pure, any thread. Source: the
// API's notes on server-side apply, recorded answers in tests/data/golden/patches.json.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lib/json/value.h"
#include "minimal-master/fields/set.h"
#include "minimal-master/schema/schema.h"
#include "minimal-master/status/failure.h"

namespace keelson::fields {

// What is written to, in the version of the request.
struct Target {
  std::string group;
  std::string version;
  std::string kind;
  std::string subresource;  // the door
  const schema::Type* type;
  // What this door leaves as it was, whatever is sent.
  Set reset;
  // `value` in another version ("autoscaling/v1"), and its type; null: there is none. May be empty.
  std::function<const schema::Type*(const std::string& version, const json::Value& value,
                                    json::Value& out)>
      convert;
  // The other way: `value` of another version in that of the request. May be empty.
  std::function<const schema::Type*(const std::string& version, const json::Value& value,
                                    json::Value& out)>
      convert_back;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
};

// "status" on the resource itself, "spec" on its status, and what else upstream's strategies reset.
// `has_status`: the kind has one that is not the writer's.
Set ResetFields(const std::string& group, const std::string& kind, const std::string& subresource,
                bool has_status);

// The manager where the client names none: what comes before the slash of its User-Agent.
std::string ManagerOf(std::string_view asked, std::string_view user_agent);

// The managers after a create (`old` null), update or patch; `object` is decoded and has its
// defaults. What it says of managers itself is taken off it and counts, if the door is no
// subresource. `managers`: of `old`.
std::string TrackWrite(const Target& target, const json::Value* old, std::string_view managers,
                       json::Value& object, const std::string& manager, const std::string& time);

struct Applied {
  json::Value object;  // as written, not yet decoded
  std::string managers;
  bool changed = false;  // more than who owns what
};
// What an apply of `config` makes of `live` (null: there is none) with these managers.
status::Or<Applied> Apply(const Target& target, const json::Value* live, std::string_view managers,
                          const json::Value& config, const std::string& manager, bool force,
                          const std::string& time);

}  // namespace keelson::fields
