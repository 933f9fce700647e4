// SPDX-License-Identifier: Apache-2.0
// Objects' JSON in two: metadata.managedFields, which make up half of many objects and concern few,
// and the rest. Texts are those that are stored: good JSON, in canonical form. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace keelson::fields {

struct Split {
  std::string object;    // without managedFields
  std::string managers;  // their JSON; empty: there are none
};

Split SplitManagers(std::string_view object);
// `object` has none.
std::string JoinManagers(std::string object, std::string_view managers);

}  // namespace keelson::fields
