// SPDX-License-Identifier: Apache-2.0
// The walk through a JSON text along a type. As Go's decoder it goes on after a value of a wrong
// type, so that the first of them is told, and stops where a type with a reader of its own refuses.
// One use for each text; one thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/schema/json_text.h"

namespace keelson::schema {

class JsonDecoder {
 public:
  // `checked` passed CheckJson().
  explicit JsonDecoder(std::string_view checked) : in_(checked) {}

  base::Result<Decoded> Run(const Type& type);

 private:
  // Each reads one value into `out`, which is null or, for a repeated field, what was read before;
  // null stays for what JSON's null leaves unset.
  base::Status Read(const Type& type, json::Value& out);
  base::Status ReadStruct(const Type& type, json::Value& out);
  base::Status ReadField(const Field& field, bool again, json::Value& out);
  base::Status ReadMap(const Type& type, json::Value& out);
  base::Status ReadList(const Type& type, json::Value& out);
  base::Status ReadScalar(const Type& type, Token token, json::Value& out);
  base::Status ReadInt(const Type& type, json::Value& out);
  base::Status ReadIntOrString(Token token, json::Value& out);
  base::Status ReadUnion(const Type& type, Token token, json::Value& out);
  base::Status Canonical(base::Result<std::string> text, json::Value& out);

  // "json: cannot unmarshal WHAT into Go struct field ….of type TYPE".
  base::Error WrongType(std::string_view what, std::string_view type) const;
  // Kept if it is the first; the value is left out.
  void SaveWrongType(Token token, const Type& type);
  void Report(Problem::Kind kind, std::string_view name);

  JsonCursor in_;
  const Type* struct_ = nullptr;  // the innermost
  std::string fields_;            // as upstream's messages have it: "spec.containers.name"
  std::string path_;              // "spec.containers[0]"
  std::vector<Problem> problems_;
  std::unordered_set<std::string> told_;
  std::string first_error_;
  size_t merged_ = 0;  // entries of maps that came again
  int quiet_ = 0;      // upstream reads what is inside with a reader that reports nothing
};

// What Go has where nothing was given: "", 0, false, {}; null for lists, maps and the rest.
json::Value ZeroValue(const Type& type);
// "", 0, false, no items.
bool IsEmptyValue(const json::Value& value);
// Go's omitempty leaves the empty value of this field out; it never does so with structs, among
// which are times, quantities and IntOrString.
bool IsOmittedWhenEmpty(const Field& field);

}  // namespace keelson::schema
