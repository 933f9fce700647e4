// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/set.h"

#include <algorithm>

#include "minimal-master/schema/json_text.h"

namespace keelson::fields {
namespace {

using schema::JsonCursor;
using schema::Token;

constexpr char kSelf[] = ".";

auto Place(const std::vector<Set::Node>& nodes, const Element& element) {
  return std::lower_bound(
      nodes.begin(), nodes.end(), element,
      [](const Set::Node& node, const Element& e) { return node.element.Compare(e) < 0; });
}

// Walks both in step; each gets the nodes of `a` and `b` with one element, either may be null.
template <typename Each>
void Zip(const std::vector<Set::Node>& a, const std::vector<Set::Node>& b, const Each& each) {
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() || right != b.end()) {
    const int order = left == a.end()    ? 1
                      : right == b.end() ? -1
                                         : left->element.Compare(right->element);
    const Set::Node* first = order <= 0 ? &*left : nullptr;
    const Set::Node* second = order >= 0 ? &*right : nullptr;
    if (order <= 0) ++left;
    if (order >= 0) ++right;
    each(first, second);
  }
}

void Visit(const Set& set, Path& path, const std::function<void(const Path&)>& visit) {
  for (const Set::Node& node : set.nodes()) {
    if (!node.member) continue;
    path.push_back(node.element);
    visit(path);
    path.pop_back();
  }
  for (const Set::Node& node : set.nodes()) {
    if (node.below.Empty()) continue;
    path.push_back(node.element);
    Visit(node.below, path, visit);
    path.pop_back();
  }
}

const Set& Nothing() {
  static const Set empty;
  return empty;
}

// Whether the element is itself in the set, by what is written of it.
bool IsMember(std::string_view written) {
  return written == "{}" || written.starts_with("{\".\":");
}

base::Result<Set> Read(JsonCursor& cursor, bool& self, size_t depth) {
  constexpr size_t kDeepest = 500;  // no type is as deep
  if (depth > kDeepest) return base::InvalidArgument("a set of fields is too deep");
  Set set;
  self = cursor.Peek() == Token::kNull;
  if (self) cursor.Null();
  if (self) return set;
  if (cursor.Peek() != Token::kObject) return base::InvalidArgument("a set of fields is an object");
  cursor.Enter();
  std::string key;
  while (cursor.NextKey(key)) {
    if (key == kSelf) {
      self = true;
      cursor.Skip();
      continue;
    }
    ASSIGN_OR_RETURN(std::optional<Element> element, Element::Parse(key));
    if (!element) {
      cursor.Skip();
      continue;
    }
    bool member = false;
    ASSIGN_OR_RETURN(Set below, Read(cursor, member, depth + 1));
    set.Attach(*std::move(element), member, std::move(below));
  }
  self = self || set.Empty();
  return set;
}

void Append(const Set& set, bool self, std::string& out) {
  out += '{';
  if (self) out += "\".\":{}";
  bool first = !self;
  for (const Set::Node& node : set.nodes()) {
    if (!first) out += ',';
    first = false;
    schema::AppendQuoted(out, node.element.Written());
    out += ':';
    Append(node.below, node.member && !node.below.Empty(), out);
  }
  out += '}';
}

// Each element of `fields` that `set` knows: its node, and what is written below it.
template <typename Each>
void ForEachKnown(std::string_view fields, const Set& set, const Each& each) {
  JsonCursor cursor(fields);
  cursor.Enter();
  std::string key;
  while (cursor.NextKey(key)) {
    const auto& nodes = set.nodes();
    const auto known = std::find_if(nodes.begin(), nodes.end(), [&](const Set::Node& node) {
      return node.element.IsWrittenAs(key);
    });
    const std::string_view below = cursor.Skip();
    if (known != nodes.end() && each(*known, below)) return;
  }
}

}  // namespace

base::Result<Set> Set::Parse(std::string_view fields) {
  JsonCursor cursor(fields);
  bool self = false;
  return Read(cursor, self, 0);
}

std::string Set::Write() const {
  std::string out;
  Append(*this, false, out);
  return out;
}

const Set::Node* Set::Find(const Element& element) const {
  const auto at = Place(nodes_, element);
  return at != nodes_.end() && at->element == element ? &*at : nullptr;
}

bool Set::HasMember(const Element& element) const {
  const Node* node = Find(element);
  return node != nullptr && node->member;
}

const Set& Set::Below(const Element& element) const {
  const Node* node = Find(element);
  return node == nullptr ? Nothing() : node->below;
}

bool Set::Has(const Path& path) const {
  const Set* at = this;
  for (size_t i = 0; i + 1 < path.size(); ++i) at = &at->Below(path[i]);
  return !path.empty() && at->HasMember(path.back());
}

void Set::Insert(const Path& path) {
  Set* at = this;
  for (size_t i = 0; i < path.size(); ++i) {
    const auto place = at->nodes_.begin() + (Place(at->nodes_, path[i]) - at->nodes_.begin());
    const bool found = place != at->nodes_.end() && place->element == path[i];
    Node& node = found ? *place : *at->nodes_.insert(place, Node{path[i], false, {}});
    if (i + 1 == path.size()) node.member = true;
    at = &node.below;
  }
}

void Set::Attach(Element element, bool member, Set below) {
  if (!member && below.Empty()) return;
  // Most come in order.
  if (nodes_.empty() || nodes_.back().element.Compare(element) < 0) {
    nodes_.push_back({std::move(element), member, std::move(below)});
    return;
  }
  const auto place = nodes_.begin() + (Place(nodes_, element) - nodes_.begin());
  if (place != nodes_.end() && place->element == element) {
    place->member = place->member || member;
    place->below = Union(place->below, below);
    return;
  }
  nodes_.insert(place, Node{std::move(element), member, std::move(below)});
}

void Set::ForEach(const std::function<void(const Path&)>& visit) const {
  Path path;
  Visit(*this, path, visit);
}

Set Union(Set a, const Set& b) {
  if (a.Empty()) return b;
  if (b.Empty()) return a;
  Set out;
  Zip(a.nodes_, b.nodes_, [&](const Set::Node* left, const Set::Node* right) {
    if (left == nullptr || right == nullptr) {
      out.nodes_.push_back(left == nullptr ? *right : *left);
      return;
    }
    out.nodes_.push_back(
        {left->element, left->member || right->member, Union(left->below, right->below)});
  });
  return out;
}

Set Intersection(const Set& a, const Set& b) {
  Set out;
  Zip(a.nodes_, b.nodes_, [&](const Set::Node* left, const Set::Node* right) {
    if (left == nullptr || right == nullptr) return;
    out.Attach(left->element, left->member && right->member,
               Intersection(left->below, right->below));
  });
  return out;
}

template <typename Each>
void Set::EraseIf(const Set& other, const Each& each) {
  auto at = other.nodes_.begin();
  std::erase_if(nodes_, [&](Node& node) {
    int order = -1;
    while (at != other.nodes_.end() && (order = at->element.Compare(node.element)) < 0) ++at;
    return at != other.nodes_.end() && order == 0 && each(node, *at);
  });
}

Set Difference(Set a, const Set& b) {
  a.EraseIf(b, [](Set::Node& node, const Set::Node& other) {
    node.member = node.member && !other.member;
    node.below = Difference(std::move(node.below), other.below);
    return !node.member && node.below.Empty();
  });
  return a;
}

Set Without(Set a, const Set& b) {
  a.EraseIf(b, [](Set::Node& node, const Set::Node& other) {
    if (other.member) return true;
    node.below = Without(std::move(node.below), other.below);
    return !node.member && node.below.Empty();
  });
  return a;
}

bool operator==(const Set& a, const Set& b) {
  return std::equal(a.nodes_.begin(), a.nodes_.end(), b.nodes_.begin(), b.nodes_.end(),
                    [](const Set::Node& left, const Set::Node& right) {
                      return left.element == right.element && left.member == right.member &&
                             left.below == right.below;
                    });
}

bool Touches(std::string_view fields, const Set& set) {
  if (set.Empty()) return false;
  bool touches = false;
  ForEachKnown(fields, set, [&](const Set::Node& node, std::string_view below) {
    touches = (node.member && IsMember(below)) || Touches(below, node.below);
    return touches;
  });
  return touches;
}

bool Covers(std::string_view fields, const Set& set) {
  if (set.Empty()) return true;
  size_t covered = 0;
  ForEachKnown(fields, set, [&](const Set::Node& node, std::string_view below) {
    const bool covers = (!node.member || IsMember(below)) && Covers(below, node.below);
    if (covers) ++covered;
    return !covers;
  });
  return covered == set.nodes().size();
}

}  // namespace keelson::fields
