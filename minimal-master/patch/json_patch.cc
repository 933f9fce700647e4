// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/patch/json_patch.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace keelson::patch {
namespace {

using json::Value;

constexpr size_t kMostOperations = 10000;
// What copies may add up to: a small patch must not fold itself out to gigabytes.
constexpr size_t kMostCopiedBytes = 3u << 20;

// The steps of a JSON pointer; nothing where it does not begin with a slash.
std::optional<std::vector<std::string>> Steps(std::string_view pointer) {
  std::vector<std::string> steps;
  if (pointer.empty()) return steps;
  if (pointer[0] != '/') return std::nullopt;
  for (const char c : pointer) {
    if (c == '/') {
      steps.emplace_back();
    } else {
      steps.back() += c;
    }
  }
  for (std::string& step : steps) {
    std::string plain;
    for (size_t i = 0; i < step.size(); ++i) {
      const bool escape = step[i] == '~' && i + 1 < step.size();
      if (escape && step[i + 1] == '0') {
        plain += '~';
        ++i;
      } else if (escape && step[i + 1] == '1') {
        plain += '/';
        ++i;
      } else {
        plain += step[i];
      }
    }
    step = std::move(plain);
  }
  return steps;
}

// An index into a list of `size` items; negative ones count from the end, as upstream has it.
std::optional<size_t> Index(std::string_view step, size_t size) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), number);
  if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  const auto count = static_cast<int64_t>(size);
  if (number < 0) number += count;
  if (number < 0 || number > count) return std::nullopt;
  return static_cast<size_t>(number);
}

Value* Child(Value& parent, const std::string& step) {
  if (parent.IsObject()) return parent.Find(step);
  if (!parent.IsArray()) return nullptr;
  const std::optional<size_t> index = Index(step, parent.items().size());
  if (!index || *index == parent.items().size()) return nullptr;
  return &parent.items()[*index];
}

// What holds the last step, if it is there.
Value* Parent(Value& root, const std::vector<std::string>& steps) {
  Value* at = &root;
  for (size_t i = 0; i + 1 < steps.size() && at != nullptr; ++i) at = Child(*at, steps[i]);
  return at;
}

Value* Find(Value& root, const std::vector<std::string>& steps) {
  if (steps.empty()) return &root;
  Value* parent = Parent(root, steps);
  return parent == nullptr ? nullptr : Child(*parent, steps.back());
}

bool Add(Value& root, const std::vector<std::string>& steps, Value value) {
  if (steps.empty()) return false;
  Value* parent = Parent(root, steps);
  if (parent == nullptr) return false;
  if (parent->IsObject()) {
    parent->Set(steps.back(), std::move(value));
    return true;
  }
  if (!parent->IsArray()) return false;
  std::vector<Value>& items = parent->items();
  // Counted from the end -1 is behind the last one.
  const std::optional<size_t> index =
      steps.back() == "-" ? items.size() : Index(steps.back(), items.size() + 1);
  if (!index || *index > items.size()) return false;
  items.insert(items.begin() + static_cast<ptrdiff_t>(*index), std::move(value));
  return true;
}

bool Remove(Value& root, const std::vector<std::string>& steps) {
  if (steps.empty()) return false;
  Value* parent = Parent(root, steps);
  if (parent == nullptr || Child(*parent, steps.back()) == nullptr) return false;
  if (parent->IsObject()) {
    parent->Erase(steps.back());
    return true;
  }
  std::vector<Value>& items = parent->items();
  items.erase(items.begin() + static_cast<ptrdiff_t>(*Index(steps.back(), items.size())));
  return true;
}

class Run {
 public:
  explicit Run(Value object) : object_(std::move(object)) {}

  bool Do(const Value& operation) {
    const std::string& op = operation.At({"op"}).AsString();
    const Value* path = operation.Find("path");
    if (path == nullptr || !path->IsString()) return false;
    const auto steps = Steps(path->AsString());
    if (!steps) return false;
    if (op == "add" || op == "replace" || op == "test") {
      const Value* value = operation.Find("value");
      if (op == "test") return Test(*steps, value);
      Value given = value == nullptr ? Value() : *value;
      return op == "replace" ? Replace(*steps, std::move(given))
                             : Add(object_, *steps, std::move(given));
    }
    if (op == "remove") return Remove(object_, *steps);
    if (op == "move" || op == "copy") return Transfer(operation, *steps, op == "move");
    return false;
  }
  Value Take() { return std::move(object_); }

 private:
  // The value there; null for a member that an object lacks. False: nothing could be there.
  bool Get(const std::vector<std::string>& steps, Value& out) {
    if (const Value* there = Find(object_, steps)) {
      out = *there;
      return true;
    }
    const Value* parent = steps.empty() ? nullptr : Parent(object_, steps);
    return parent != nullptr && parent->IsObject();
  }
  bool Test(const std::vector<std::string>& steps, const Value* value) {
    Value there;
    if (!Get(steps, there)) return false;
    const bool wants_nothing = value == nullptr || value->IsNull();
    if (there.IsNull()) return wants_nothing;
    return !wants_nothing && there == *value;
  }
  // A member that is not there is added, as upstream has it.
  bool Replace(const std::vector<std::string>& steps, Value value) {
    if (steps.empty()) {
      if (!value.IsObject() && !value.IsArray()) return false;
      object_ = std::move(value);
      return true;
    }
    Value* parent = Parent(object_, steps);
    if (parent == nullptr) return false;
    if (parent->IsObject()) {
      parent->Set(steps.back(), std::move(value));
      return true;
    }
    Value* there = Child(*parent, steps.back());
    if (there == nullptr) return false;
    *there = std::move(value);
    return true;
  }
  bool Transfer(const Value& operation, const std::vector<std::string>& to, bool move) {
    const Value* from = operation.Find("from");
    if (from == nullptr || !from->IsString()) return false;
    const auto steps = Steps(from->AsString());
    if (!steps) return false;
    Value value;
    if (steps->empty() || !Get(*steps, value)) return false;
    if (move) return Remove(object_, *steps) && Add(object_, to, std::move(value));
    copied_ += json::WriteJson(value).size();
    return copied_ <= kMostCopiedBytes && Add(object_, to, std::move(value));
  }

  Value object_;
  size_t copied_ = 0;
};

const char* KindOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kObject:
      return "object";
    case Value::Kind::kArray:
      return "array";
    case Value::Kind::kString:
      return "string";
    case Value::Kind::kBool:
      return "bool";
    default:
      return "number";
  }
}

}  // namespace

status::Or<Value> ApplyJsonPatch(const Value& object, const Value& patch) {
  if (!patch.IsArray() && !patch.IsNull()) {
    return status::BadRequest(
        fmt::format("error decoding patch: json: cannot unmarshal {} into Go value of type "
                    "[]handlers.jsonPatchOp",
                    KindOf(patch)));
  }
  if (patch.items().size() > kMostOperations) {
    return status::TooLarge(
        fmt::format("The allowed maximum operations in a JSON patch is {}, got {}", kMostOperations,
                    patch.items().size()));
  }
  Run run(object);
  for (const Value& operation : patch.items()) {
    if (!run.Do(operation)) return status::Unprocessable();
  }
  return run.Take();
}

Value ApplyMergePatch(Value object, const Value& patch) {
  if (!patch.IsObject()) return patch;
  if (!object.IsObject()) object = Value::Object();
  for (const auto& [key, change] : patch.members()) {
    if (change.IsNull()) {
      object.Erase(key);
      continue;
    }
    Value* there = object.Find(key);
    object.Set(key, ApplyMergePatch(there == nullptr ? Value() : std::move(*there), change));
  }
  return object;
}

}  // namespace keelson::patch
