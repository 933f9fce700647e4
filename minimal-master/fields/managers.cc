// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/managers.h"

#include <algorithm>
#include <tuple>

#include "lib/json/text.h"
#include "minimal-master/schema/json_text.h"

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

std::string Manager::Identity() const {
  std::string out = "{";
  const auto set = [&](std::string_view key, std::string_view text) {
    if (text.empty()) return;
    out += out.size() == 1 ? "\"" : ",\"";
    out += key;
    out += "\":";
    schema::AppendQuoted(out, text);
  };
  set("manager", name);
  set("operation", applies ? kApply : kUpdate);
  if (!applies) set("apiVersion", version);
  set("subresource", subresource);
  return out += '}';
}

std::string Manager::Shown() const {
  std::string out = json::Quote(name);
  if (!subresource.empty()) out += " with subresource " + json::Quote(subresource);
  if (!applies) out += " using " + version;
  return out;
}

namespace {

// An element that is there twice: the later one counts.
void Put(Managers& managers, Manager manager) {
  if (Manager* same = FindSame(managers, manager))
    *same = std::move(manager);
  else
    managers.push_back(std::move(manager));
}

}  // namespace

Managers ReadManagers(std::string_view managed_fields) {
  Managers out;
  if (managed_fields.empty()) return out;
  schema::JsonCursor cursor(managed_fields);
  if (cursor.Peek() != schema::Token::kArray) return out;
  cursor.Enter();
  std::string key;
  while (cursor.NextItem()) {
    if (cursor.Peek() != schema::Token::kObject) return {};
    std::string_view fields;
    std::string operation;
    Manager read;
    cursor.Enter();
    while (cursor.NextKey(key)) {
      const bool text = cursor.Peek() == schema::Token::kString;
      if (key == "fieldsV1" && cursor.Peek() == schema::Token::kObject)
        fields = cursor.Skip();
      else if (key == "manager" && text)
        read.name = cursor.String();
      else if (key == "operation" && text)
        operation = cursor.String();
      else if (key == "apiVersion" && text)
        read.version = cursor.String();
      else if (key == "time" && text)
        read.time = cursor.String();
      else if (key == "subresource" && text)
        read.subresource = cursor.String();
      else
        cursor.Skip();
    }
    if (fields.empty()) continue;
    Manager manager(fields);
    manager.name = std::move(read.name);
    manager.applies = operation == kApply;
    manager.version = std::move(read.version);
    manager.subresource = std::move(read.subresource);
    manager.time = std::move(read.time);
    Put(out, std::move(manager));
  }
  return out;
}

std::optional<Managers> ReadSentManagers(const Value& managed_fields) {
  Managers out;
  for (const Value& entry : managed_fields.items()) {
    const std::string& operation = entry.At({"operation"}).AsString();
    if ((operation != kApply && operation != kUpdate) ||
        entry.At({"apiVersion"}).AsString().empty() ||
        entry.At({"fieldsType"}).AsString() != kFieldsV1)
      return std::nullopt;
    Manager manager;
    if (const Value* fields = entry.Find("fieldsV1")) {
      base::Result<Set> set = Set::Parse(json::WriteJson(*fields));
      if (!set.ok()) return std::nullopt;
      manager.SetFields(*std::move(set));
    }
    manager.name = entry.At({"manager"}).AsString();
    manager.applies = operation == kApply;
    manager.version = entry.At({"apiVersion"}).AsString();
    manager.subresource = entry.At({"subresource"}).AsString();
    manager.time = entry.At({"time"}).AsString();
    Put(out, std::move(manager));
  }
  return out;
}

std::string WriteManagers(Managers managers) {
  if (managers.empty()) return {};
  std::sort(managers.begin(), managers.end(), [](const Manager& a, const Manager& b) {
    if (a.applies != b.applies) return a.applies;
    return std::tie(a.time, a.name, a.version, a.subresource) <
           std::tie(b.time, b.name, b.version, b.subresource);
  });
  std::string out = "[";
  for (const Manager& manager : managers) {
    if (out.size() > 1) out += ',';
    const size_t begun = out.size();
    const auto set = [&](std::string_view key, std::string_view text) {
      if (text.empty()) return;
      out += out.size() == begun ? "{\"" : ",\"";
      out += key;
      out += "\":";
      schema::AppendQuoted(out, text);
    };
    set("manager", manager.name);
    set("operation", manager.applies ? kApply : kUpdate);
    set("apiVersion", manager.version);
    set("time", manager.time);
    set("fieldsType", kFieldsV1);
    out += ",\"fieldsV1\":";
    out += manager.written();
    set("subresource", manager.subresource);
    out += '}';
  }
  return out += ']';
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
    if (managers[a].time != managers[b].time) return managers[a].time < managers[b].time;
    return managers[a].Identity() < managers[b].Identity();
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

bool SameButTimes(std::string_view a, std::string_view b) {
  if (a == b) return true;
  Managers left = ReadManagers(a);
  Managers right = ReadManagers(b);
  if (left.size() != right.size()) return false;
  // Their order follows from the times: each has its counterpart somewhere.
  return std::all_of(left.begin(), left.end(), [&](const Manager& each) {
    const Manager* other = FindSame(right, each);
    return other != nullptr && other->version == each.version && other->written() == each.written();
  });
}

}  // namespace keelson::fields
