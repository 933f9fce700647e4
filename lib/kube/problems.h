// SPDX-License-Identifier: Apache-2.0
// Field: a place in a document, with its path and line. Problems: what is wrong with a document, in
// upstream's words. Paths and wording: k8s.io/apimachinery/pkg/util/validation/field (1.35). Fields
// point into the document, which must outlive them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"

namespace keelson::kube {

class Field {
 public:
  // The root of a document.
  explicit Field(const json::Value& value) : value_(&value), line_(value.line()) {}

  // A member, present or not (then null, blamed on the object's own line).
  Field operator[](std::string_view name) const;
  // The same member seen as an entry of a map: path[key].
  Field Entry(std::string_view key) const;
  std::vector<Field> Items() const;    // of a list: path[0], path[1], …
  std::vector<Field> Entries() const;  // of a map
  // Another path for the same place ("spec.containers[0].resources.requests" for a member of it).
  Field WithPath(std::string path) const;

  bool Present() const { return !value_->IsNull(); }
  const json::Value& value() const { return *value_; }
  const std::string& String() const { return value_->AsString(); }
  std::string StringOr(std::string_view fallback) const {
    return Present() ? String() : std::string(fallback);
  }
  int64_t Int(int64_t fallback = 0) const { return Present() ? value_->AsInt() : fallback; }
  bool Bool(bool fallback = false) const { return Present() ? value_->AsBool() : fallback; }

  const std::string& path() const { return path_; }
  const std::string& key() const {
    return key_;
  }  // last step: the member's name or the entry's key
  int line() const { return line_; }

 private:
  Field(const json::Value* value, std::string path, std::string key, int line)
      : value_(value), path_(std::move(path)), key_(std::move(key)), line_(line) {}
  const json::Value* value_;
  std::string path_;
  std::string key_;
  int line_;
};

// What kind of problem, and as upstream's causes call it: "FieldValueRequired".
enum class ProblemKind {
  kUnknown,  // of no field, or of none of these kinds
  kRequired,
  kInvalid,
  kDuplicate,
  kNotFound,
  kForbidden,
  kNotSupported,
  kTooLong,
  kTooMany,
};
std::string_view ReasonOf(ProblemKind kind);

struct Problem {
  ProblemKind kind;
  std::string field;  // path, empty for what is of no field
  std::string what;   // "Required value: …"
  int line;
};

class Problems {
 public:
  // "line N: <path>: <what>"
  void Add(const Field& at, std::string_view what, ProblemKind kind = ProblemKind::kInvalid);
  // "line N: <what>"
  void AddBare(int line, std::string_view what);

  void Required(const Field& at, std::string_view why = "");
  void Invalid(const Field& at, std::string_view value,
               std::string_view why);                   // value: as shown, strings already quoted
  void Invalid(const Field& at, std::string_view why);  // shows the field's own value
  void Invalid(const Field& at, const std::vector<std::string>& whys);  // one problem for each
  void InvalidText(const Field& at, std::string_view text,
                   std::string_view why);  // of a text: shows it in quotes
  void InvalidText(const Field& at, std::string_view text, const std::vector<std::string>& whys);
  void Duplicate(const Field& at, std::string_view value);
  void Duplicate(const Field& at);
  void NotFound(const Field& at, std::string_view value);
  void Forbidden(const Field& at, std::string_view why);
  // In the order given: upstream sorts some lists and not others.
  void NotSupported(const Field& at, std::string_view value, std::vector<std::string> supported);
  void TooLong(const Field& at, size_t most);
  void TooMany(const Field& at, size_t count, size_t most);

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  const std::vector<Problem>& list() const { return list_; }  // the first kMost
  base::Error ToError() const;                                // one per line

  static constexpr size_t kMost = 100;

 private:
  void Keep(Problem problem);

  std::vector<Problem> list_;
  size_t count_ = 0;
};

// As upstream shows a value in "Invalid value: …".
std::string Shown(const json::Value& value);

}  // namespace keelson::kube
