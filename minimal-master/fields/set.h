// SPDX-License-Identifier: Apache-2.0
// A set of fields: paths as a tree, sorted as upstream writes it. An element may be in the set
// itself (a member), or only something below it, or both. Plain data.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "minimal-master/fields/element.h"

namespace keelson::fields {

using Path = std::vector<Element>;

class Set {
 public:
  struct Node;

  // FieldsV1, good JSON; elements of unknown kinds are left out. Refuses what is no object.
  static base::Result<Set> Parse(std::string_view fields);
  std::string Write() const;

  bool Empty() const { return nodes_.empty(); }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node* Find(const Element& element) const;
  bool Has(const Path& path) const;
  bool HasMember(const Element& element) const;
  const Set& Below(const Element& element) const;

  void Insert(const Path& path);
  // Adds one element and what is below it; nothing if there is neither.
  void Attach(Element element, bool member, Set below);

  // Each path once, those that end at a level before those that go on.
  void ForEach(const std::function<void(const Path&)>& visit) const;

  friend Set Union(Set a, const Set& b);
  friend Set Intersection(const Set& a, const Set& b);
  friend Set Difference(Set a, const Set& b);  // path by path
  // What is in `a` and not at or below a path of `b`.
  friend Set Without(Set a, const Set& b);
  friend bool operator==(const Set& a, const Set& b);

 private:
  // Each node that has a counterpart in `other`, in order; where `each` says so it goes.
  template <typename Each>
  void EraseIf(const Set& other, const Each& each);

  std::vector<Node> nodes_;
};

struct Set::Node {
  Element element;
  bool member = false;
  Set below;
};

// Whether `fields` (FieldsV1 as written by Set) names a path of `set`; whether it names them all.
// Nothing is kept of what is passed by.
bool Touches(std::string_view fields, const Set& set);
bool Covers(std::string_view fields, const Set& set);

}  // namespace keelson::fields
