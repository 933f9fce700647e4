// SPDX-License-Identifier: Apache-2.0
// Small texts that many kinds' cells are made of. Pure, any thread. For this folder alone.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"

namespace keelson::table {

using Path = std::initializer_list<std::string_view>;

// "" and 0 where there is none.
std::string TextAt(const json::Value& object, Path path);
int64_t NumberAt(const json::Value& object, Path path);
bool TrueAt(const json::Value& object, Path path);
std::string TextAtOr(const json::Value& object, Path path, std::string_view otherwise);
std::vector<std::string> TextsAt(const json::Value& object, Path path);

// "5m", "3h20m", "2d": at most two units, fewer as it grows.
std::string HumanDuration(int64_t seconds);
// Since a time written by RFC 3339; "<unknown>" where there is none.
std::string Since(std::string_view time, int64_t now_nanos);
std::string Age(const json::Value& object, int64_t now_nanos);

std::string Labels(const json::Value& labels);           // "a=b,c=d", "<none>"
std::string LabelSelector(const json::Value& selector);  // with its expressions, "<none>"
// Joined by ",", no more than `most`, then how many there are beside them.
std::string Shortened(const std::vector<std::string>& all, size_t most);

struct ContainerTexts {
  std::string names;
  std::string images;
};
ContainerTexts Containers(const json::Value& pod_spec);

// The condition of a status that has the type, or null.
const json::Value* Condition(const json::Value& object, std::string_view type);
bool ConditionIsTrue(const json::Value& object, std::string_view type);

}  // namespace keelson::table
