// SPDX-License-Identifier: Apache-2.0
// The steps of single kinds. For this folder alone.
#pragma once

#include "minimal-master/strategy/strategy.h"

namespace keelson::strategy {

using json::Value;

struct Rules {
  Kind kind;
  bool generation = false;  // counts changes of what people want
  bool status = false;      // has one that is not the writer's
  bool annotations_count = false;
  // Null: nothing more.
  void (*create)(Value& object, std::string_view time) = nullptr;
  void (*update)(Value& object, const Value& old) = nullptr;
};
// Null: a kind with neither.
const Rules* RulesOf(const Kind& kind);

Value& Member(Value& object, std::string_view key);  // made an object where it is not one

void CreatePod(Value& pod, std::string_view time);
void UpdatePod(Value& pod, const Value& old);
void CreateJob(Value& job, std::string_view time);

}  // namespace keelson::strategy
