// SPDX-License-Identifier: Apache-2.0
// The fields of each resource that field selectors may name, and where they are found. Pure, any
// thread. Source: recorded answers (tests/data/golden/selectors.json).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/schema/resources.h"

namespace keelson::api {

struct Selectable {
  std::string_view label;  // "spec.nodeName"
  // Of the stored object.
  std::string (*read)(const json::Value& object);
};

// In a fixed order: the index is that of watch::Object::field(). metadata.name and
// metadata.namespace are not in it: every object has those. `stored`: see StoredAs().
const std::vector<Selectable>& SelectableFields(const schema::Resource& stored);
// How a client of this resource's version may name it; the other view of events has other words.
std::optional<size_t> SelectableIndex(const schema::Resource& asked, std::string_view label);

}  // namespace keelson::api
