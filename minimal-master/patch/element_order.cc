// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/patch/element_order.h"

#include <algorithm>

namespace keelson::patch {
namespace {

using json::Value;

constexpr size_t kNowhere = SIZE_MAX;

size_t Place(const std::vector<Value>& list, const Value& item, const std::string& key) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (SameElement(list[i], item, key)) return i;
  }
  return kNowhere;
}

void SortBy(std::vector<Value>& items, const std::vector<Value>& order, const std::string& key) {
  std::stable_sort(items.begin(), items.end(), [&](const Value& a, const Value& b) {
    return Place(order, a, key) < Place(order, b, key);
  });
}

}  // namespace

bool SameElement(const Value& a, const Value& b, const std::string& key) {
  if (key.empty() || !a.IsObject() || !b.IsObject()) return a == b;
  const Value* left = a.Find(key);
  const Value* right = b.Find(key);
  return left != nullptr && right != nullptr && *left == *right;
}

std::vector<Value> InOrder(std::vector<Value> merged, const std::vector<Value>& order,
                           const std::vector<Value>& server, const std::string& key) {
  std::vector<Value> ordered;
  std::vector<Value> others;
  for (Value& item : merged)
    (Place(order, item, key) == kNowhere ? others : ordered).push_back(std::move(item));
  SortBy(ordered, order, key);
  SortBy(others, server, key);
  std::vector<Value> all;
  size_t i = 0;
  size_t j = 0;
  while (i < others.size() || j < ordered.size()) {
    bool other = j >= ordered.size();
    if (i < others.size() && j < ordered.size()) {
      const size_t left = Place(server, others[i], key);
      const size_t right = Place(server, ordered[j], key);
      other = left != kNowhere && right != kNowhere && left < right;
    }
    all.push_back(std::move(other ? others[i++] : ordered[j++]));
  }
  return all;
}

bool FollowsOrder(const std::vector<Value>& patch, const std::vector<Value>& order,
                  const std::string& key) {
  size_t at = 0;
  for (const Value& item : patch) {
    if (item.IsObject() && item.At({"$patch"}).AsString() == "delete") continue;
    if (item.IsObject() && item.Find(key) == nullptr) continue;
    while (at < order.size() && !SameElement(order[at], item, key)) ++at;
    if (at == order.size()) return false;
    ++at;
  }
  return true;
}

}  // namespace keelson::patch
