// SPDX-License-Identifier: Apache-2.0
// Small steps that the defaults of many kinds are made of. For this folder alone.
#pragma once

#include <functional>
#include <initializer_list>
#include <string_view>

#include "lib/json/value.h"

namespace keelson::defaults {

using json::Value;

using Kind = void (*)(std::string_view version, Value& object);
struct Entry {
  std::string_view group;
  std::string_view kind;
  Kind apply;
};
// Each ends with an entry without a kind.
extern const Entry kCoreKinds[];
extern const Entry kWorkloadKinds[];
extern const Entry kOtherKinds[];

// Null or not there, as Go has it of a pointer.
bool IsUnset(const Value& object, std::string_view key);
// Also 0, "" and false: what Go cannot tell from a field that was left out.
bool IsZero(const Value& object, std::string_view key);
void IfUnset(Value& object, std::string_view key, Value value);
void IfZero(Value& object, std::string_view key, Value value);

// The member, made an empty object if it is not there. Of a wrong type: null, to be passed over.
Value* Made(Value& object, std::string_view key);
// The member if it is an object, else null.
Value* Inner(Value& object, std::string_view key);
Value* Inner(Value& object, std::initializer_list<std::string_view> path);
// Each item that is an object, of a member that is a list.
void Each(Value& object, std::string_view key, const std::function<void(Value&)>& apply);

// Of a pod's template or a pod: the spec.
void PodSpec(Value& spec);
void PodTemplateOf(Value& holder);  // of holder.template.spec
void ClaimSpec(Value& spec);        // of a PersistentVolumeClaim
// Volume sources that volumes of pods and PersistentVolumes share.
void VolumeSource(Value& source);

}  // namespace keelson::defaults
