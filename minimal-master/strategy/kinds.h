// SPDX-License-Identifier: Apache-2.0
// The steps of single kinds. For this folder alone.
#pragma once

#include "minimal-master/strategy/strategy.h"

namespace keelson::strategy {

using json::Value;

// What the generation counts.
enum class Counts { kSpec, kAnnotationsToo, kLabelsToo, kNothing };

// Of daemon sets' annotations.
inline constexpr char kTemplateGeneration[] = "deprecated.daemonset.template.generation";

struct Rules {
  Kind kind;
  bool generation = false;
  bool status = false;  // has one that is not the writer's
  Counts counts = Counts::kSpec;
  // Null: nothing more.
  void (*create)(Value& object, std::string_view time) = nullptr;
  void (*update)(Value& object, const Value& old) = nullptr;
};
// Null: a kind with neither.
const Rules* RulesOf(const Kind& kind);

Value& Member(Value& object, std::string_view key);  // made an object where it is not one

// Texts are written as bytes and never read back.
void MergeStringData(Value& secret);
// Older clients write one range, newer ones several: they say the same.
void NodeRanges(Value& node);

void CreatePod(Value& pod, std::string_view time);
void UpdatePod(Value& pod, const Value& old);
void CreateJob(Value& job, std::string_view time);

}  // namespace keelson::strategy
