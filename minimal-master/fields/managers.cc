// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/managers.h"

#include <algorithm>
#include <tuple>

#include "lib/json/text.h"

namespace keelson::fields {

using json::Value;

namespace {

constexpr char kApply[] = "Apply";
constexpr char kUpdate[] = "Update";
constexpr char kFieldsV1[] = "FieldsV1";
constexpr char kOldest[] = "ancient-changes";
constexpr size_t kMostUpdaters = 10;

}  // namespace

const Set& Manager::set() {
  if (!set_) {
    base::Result<Set> read = Set::Parse(written_);
    set_ = read.ok() ? *std::move(read) : Set();
  }
  return *set_;
}

void Manager::SetFields(Set set) {
  written_ = set.Write();
  set_ = std::move(set);
}

std::string Manager::Shown() const {
  std::string out = json::Quote(name);
  if (!subresource.empty()) out += " with subresource " + json::Quote(subresource);
  if (!applies) out += " using " + version;
  return out;
}

std::optional<Managers> ReadManagers(Value managed_fields, bool own) {
  Managers out;
  out.reserve(managed_fields.items().size() + 1);
  for (Value& entry : managed_fields.items()) {
    const std::string& operation = entry.At({"operation"}).AsString();
    Value* fields = entry.Find("fieldsV1");
    if ((operation != kApply && operation != kUpdate) ||
        entry.At({"apiVersion"}).AsString().empty() ||
        entry.At({"fieldsType"}).AsString() != kFieldsV1 || fields == nullptr ||
        !fields->IsObject())
      return std::nullopt;
    Manager manager(std::move(*fields));
    if (!own) {
      base::Result<Set> set = Set::Parse(manager.written());
      if (!set.ok()) return std::nullopt;
      manager.SetFields(*std::move(set));
    }
    manager.name = entry.At({"manager"}).AsString();
    manager.applies = operation == kApply;
    manager.version = entry.At({"apiVersion"}).AsString();
    manager.subresource = entry.At({"subresource"}).AsString();
    manager.time = entry.At({"time"}).AsString();
    if (Manager* same = FindSame(out, manager)) {
      *same = std::move(manager);
    } else {
      out.push_back(std::move(manager));
    }
  }
  return out;
}

Value WriteManagers(Managers managers) {
  if (managers.empty()) return {};
  std::sort(managers.begin(), managers.end(), [](const Manager& a, const Manager& b) {
    if (a.applies != b.applies) return a.applies;
    return std::tie(a.time, a.name, a.version, a.subresource) <
           std::tie(b.time, b.name, b.version, b.subresource);
  });
  Value out = Value::Array();
  for (Manager& manager : managers) {
    Value entry = Value::Object();
    const auto set = [&](const char* key, std::string_view text) {
      if (!text.empty()) entry.members().emplace_back(key, Value(text));
    };
    set("manager", manager.name);
    set("operation", manager.applies ? kApply : kUpdate);
    set("apiVersion", manager.version);
    set("time", manager.time);
    set("fieldsType", kFieldsV1);
    entry.members().emplace_back("fieldsV1", std::move(manager).TakeWritten());
    set("subresource", manager.subresource);
    out.Append(std::move(entry));
  }
  return out;
}

Manager* FindSame(Managers& managers, const Manager& like) {
  const auto at = std::find_if(managers.begin(), managers.end(),
                               [&](const Manager& each) { return each.IsSame(like); });
  return at == managers.end() ? nullptr : &*at;
}

void DropEmpty(Managers& managers) {
  std::erase_if(managers, [](const Manager& each) { return each.OwnsNothing(); });
}

void CapUpdaters(Managers& managers) {
  std::vector<size_t> updaters;
  for (size_t i = 0; i < managers.size(); ++i) {
    if (!managers[i].applies) updaters.push_back(i);
  }
  if (updaters.size() <= kMostUpdaters) return;
  std::sort(updaters.begin(), updaters.end(), [&](size_t a, size_t b) {
    return std::tie(managers[a].time, managers[a].name) <
           std::tie(managers[b].time, managers[b].name);
  });
  // The first of a version keeps its entry until a second one comes; then both move.
  std::vector<size_t> firsts;
  size_t left = updaters.size();
  for (size_t i = 0; i < updaters.size() && left > kMostUpdaters; ++i) {
    Manager& old = managers[updaters[i]];
    const auto first = std::find_if(firsts.begin(), firsts.end(), [&](size_t each) {
      return managers[each].version == old.version;
    });
    if (first == firsts.end()) {
      firsts.push_back(updaters[i]);
      continue;
    }
    // One that is there already takes it, whichever came first.
    Manager wanted;
    wanted.name = kOldest;
    wanted.version = old.version;
    Manager* there = FindSame(managers, wanted);
    Manager& bucket = there == nullptr || there == &old ? managers[*first] : *there;
    bucket.name = kOldest;
    bucket.subresource.clear();
    bucket.SetFields(Union(bucket.set(), old.set()));
    bucket.time = old.time;
    old.SetFields(Set());
    --left;
  }
  DropEmpty(managers);
}

bool SameButTimes(const Value& a, const Value& b) {
  if (a.items().size() != b.items().size()) return false;
  const auto same = [](const Value& x, const Value& y) {
    constexpr const char* kKeys[] = {"manager",    "operation", "apiVersion",
                                     "fieldsType", "fieldsV1",  "subresource"};
    return std::all_of(std::begin(kKeys), std::end(kKeys),
                       [&](const char* key) { return x.At({key}) == y.At({key}); });
  };
  // Their order follows from the times: each has its counterpart somewhere.
  return std::all_of(a.items().begin(), a.items().end(), [&](const Value& x) {
    return std::any_of(b.items().begin(), b.items().end(),
                       [&](const Value& y) { return same(x, y); });
  });
}

}  // namespace keelson::fields
