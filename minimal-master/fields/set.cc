// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/set.h"

#include <algorithm>

namespace keelson::fields {
namespace {

using json::Value;

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

bool IsMember(const Value& written) {
  return written.members().empty() || written.Find(kSelf) != nullptr;
}

}  // namespace

base::Result<Set> Set::Parse(const Value& fields) {
  if (!fields.IsObject()) return base::InvalidArgument("a set of fields is an object");
  Set set;
  set.nodes_.reserve(fields.members().size());
  for (const auto& [key, value] : fields.members()) {
    if (key == kSelf) continue;
    std::optional<Element> element = Element::Parse(key);
    if (!element) continue;
    ASSIGN_OR_RETURN(Set below, Parse(value));
    set.Attach(*std::move(element), IsMember(value), std::move(below));
  }
  return set;
}

Value Set::Write() const {
  Value out = Value::Object();
  out.members().reserve(nodes_.size());
  for (const Node& node : nodes_) {
    Value below = node.below.Write();
    if (node.member && !node.below.Empty())
      below.members().insert(below.members().begin(), {kSelf, Value::Object()});
    out.members().emplace_back(node.element.Written(), std::move(below));
  }
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

Set Union(const Set& a, const Set& b) {
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

Set Difference(const Set& a, const Set& b) {
  Set out;
  Zip(a.nodes_, b.nodes_, [&](const Set::Node* left, const Set::Node* right) {
    if (left == nullptr) return;
    if (right == nullptr) {
      out.nodes_.push_back(*left);
      return;
    }
    out.Attach(left->element, left->member && !right->member,
               Difference(left->below, right->below));
  });
  return out;
}

Set Without(const Set& a, const Set& b) {
  Set out;
  Zip(a.nodes_, b.nodes_, [&](const Set::Node* left, const Set::Node* right) {
    if (left == nullptr || (right != nullptr && right->member)) return;
    if (right == nullptr) {
      out.nodes_.push_back(*left);
      return;
    }
    out.Attach(left->element, left->member, Without(left->below, right->below));
  });
  return out;
}

bool operator==(const Set& a, const Set& b) {
  return std::equal(a.nodes_.begin(), a.nodes_.end(), b.nodes_.begin(), b.nodes_.end(),
                    [](const Set::Node& left, const Set::Node& right) {
                      return left.element == right.element && left.member == right.member &&
                             left.below == right.below;
                    });
}

bool Touches(const Value& fields, const Set& set) {
  return std::any_of(set.nodes().begin(), set.nodes().end(), [&](const Set::Node& node) {
    const Value* written = fields.Find(node.element.Written());
    if (written == nullptr) return false;
    return (node.member && IsMember(*written)) || Touches(*written, node.below);
  });
}

bool Covers(const Value& fields, const Set& set) {
  return std::all_of(set.nodes().begin(), set.nodes().end(), [&](const Set::Node& node) {
    const Value* written = fields.Find(node.element.Written());
    if (written == nullptr) return false;
    return (!node.member || IsMember(*written)) && Covers(*written, node.below);
  });
}

}  // namespace keelson::fields
