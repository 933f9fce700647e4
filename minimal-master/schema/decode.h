// SPDX-License-Identifier: Apache-2.0
// Bodies of requests to values, guided by a type, with the outcome and the words of upstream's
// server: wrong types refuse; unknown and repeated fields are reported, left out (the last of a
// repeated field counts), and it is the caller's choice what they mean (fieldValidation). Pure, any
// thread.
//
// A decoded value is normalised: members in any order, none unknown, none null; quantities, times
// and durations as they are stored; of fields with `omitempty` that are no pointers no zero value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "minimal-master/schema/schema.h"

namespace keelson::schema {

enum class Media { kJson, kYaml, kProtobuf };

struct Problem {
  enum class Kind { kUnknownField, kDuplicateField };
  Kind kind;
  std::string path;     // "spec.containers[0].imag"; empty for a repeated key of YAML
  std::string message;  // `unknown field "spec.containers[0].imag"`: the text of the Warning
};

// "strict decoding error: unknown field …, duplicate field …": why fieldValidation=Strict refuses.
std::string StrictMessage(const std::vector<Problem>& problems);

struct Decoded {
  json::Value value;
  const Type* type = nullptr;
  std::vector<Problem> problems;  // at most 100, each message once
};

// What a body says of itself; either may be empty.
struct ObjectKind {
  std::string group;
  std::string version;
  std::string kind;
};

// The kind that the body names; its error is upstream's without the words around it ("couldn't get
// version/kind; json parse error: …").
base::Result<ObjectKind> ReadKind(std::string_view body, Media media);

// A body of which the type is known; what it says about its kind is not looked at. The error is
// upstream's without the words around it ("json: cannot unmarshal string into Go struct field …").
base::Result<Decoded> Decode(std::string_view body, const Type& type, Media media);
// The same for a value, as after a patch.
base::Result<Decoded> Decode(const json::Value& value, const Type& type);

// The body of a create or an update of an object of this kind. What it leaves out of apiVersion and
// kind is filled in. Errors are whole: "ConfigMap in version "v1" cannot be handled as a ConfigMap:
// …", to be answered as BadRequest. Another kind is refused.
base::Result<Decoded> DecodeRequest(std::string_view body, Media media, std::string_view group,
                                    std::string_view version, std::string_view kind);
// The words that DecodeRequest puts around a refusal, for fieldValidation=Strict.
std::string RequestRefusal(std::string_view version, std::string_view kind,
                           std::string_view reason);

// JSON of any form. Repeated members: the last counts. Errors in Go's words ("unexpected end of
// JSON input", "invalid character 'x' after top-level value").
base::Result<json::Value> DecodeAny(std::string_view json);
base::Status CheckJson(std::string_view json);

// Nesting beyond this is refused ("exceeded max depth"); upstream's bound is 10000, which no
// document needs and a small stack cannot walk.
constexpr size_t kMaxDepth = 1000;

}  // namespace keelson::schema
