// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/tree.h"

#include <algorithm>

namespace keelson::watch {
namespace {

using Node = Tree::Node;
constexpr size_t kLeafObjects = 64;
constexpr size_t kChildren = 32;

// The node to change: itself when nobody shares it, else a copy in its place.
Node& Own(Ref<Node>& ref) {
  if (!ref.unique()) ref = Ref<Node>(new Node(*ref));
  return *ref;
}

void Sum(Node& node) {
  if (node.leaf()) {
    node.count = node.objects.size();
    node.first = node.objects.empty() ? nullptr : node.objects.front().get();
    return;
  }
  node.count = 0;
  for (const Ref<Node>& child : node.children) node.count += child->count;
  node.first = node.children.front()->first;
}

size_t FindInLeaf(const Node& leaf, std::string_view key) {
  return static_cast<size_t>(
      std::lower_bound(leaf.objects.begin(), leaf.objects.end(), key,
                       [](const ObjectPtr& a, std::string_view b) { return a->key() < b; }) -
      leaf.objects.begin());
}

// The child below which `key` belongs.
size_t FindChild(const Node& node, std::string_view key) {
  const auto after =
      std::upper_bound(node.children.begin(), node.children.end(), key,
                       [](std::string_view a, const Ref<Node>& b) { return a < b->first->key(); });
  return after == node.children.begin() ? 0
                                        : static_cast<size_t>(after - node.children.begin()) - 1;
}

template <typename T>
std::vector<T> TakeUpperHalf(std::vector<T>& from, size_t at) {
  std::vector<T> out(std::make_move_iterator(from.begin() + static_cast<ptrdiff_t>(at)),
                     std::make_move_iterator(from.end()));
  from.resize(at);
  return out;
}

// Returns what was there before; `sibling` is the upper half when the node had to be split.
ObjectPtr PutBelow(Ref<Node>& ref, ObjectPtr object, Ref<Node>& sibling) {
  Node& node = Own(ref);
  ObjectPtr before;
  if (node.leaf()) {
    const size_t at = FindInLeaf(node, object->key());
    if (at < node.objects.size() && node.objects[at]->key() == object->key()) {
      before = std::exchange(node.objects[at], std::move(object));
    } else {
      // Keys often come in order: a leaf filled from its end is left almost full.
      const bool last = at == node.objects.size();
      node.objects.insert(node.objects.begin() + static_cast<ptrdiff_t>(at), std::move(object));
      if (node.objects.size() > kLeafObjects) {
        sibling = Ref<Node>(new Node);
        sibling->objects = TakeUpperHalf(node.objects, last ? kLeafObjects - 4 : kLeafObjects / 2);
      }
    }
  } else {
    const size_t at = FindChild(node, object->key());
    Ref<Node> split;
    before = PutBelow(node.children[at], std::move(object), split);
    if (split) {
      node.children.insert(node.children.begin() + static_cast<ptrdiff_t>(at) + 1,
                           std::move(split));
      if (node.children.size() > kChildren) {
        sibling = Ref<Node>(new Node);
        sibling->children = TakeUpperHalf(node.children, kChildren / 2);
      }
    }
  }
  Sum(node);
  if (sibling) Sum(*sibling);
  return before;
}

void Join(Node& into, Node& other) {
  into.objects.insert(into.objects.end(), other.objects.begin(), other.objects.end());
  into.children.insert(into.children.end(), other.children.begin(), other.children.end());
  Sum(into);
}

// `key` is there.
ObjectPtr EraseBelow(Ref<Node>& ref, std::string_view key) {
  Node& node = Own(ref);
  ObjectPtr before;
  if (node.leaf()) {
    const auto at = node.objects.begin() + static_cast<ptrdiff_t>(FindInLeaf(node, key));
    before = std::move(*at);
    node.objects.erase(at);
  } else {
    const size_t at = FindChild(node, key);
    before = EraseBelow(node.children[at], key);
    const auto small = [](const Node& a, const Node& b) {
      return a.leaf() == b.leaf() && a.objects.size() + b.objects.size() <= kLeafObjects / 2 &&
             a.children.size() + b.children.size() <= kChildren / 2;
    };
    const auto position = node.children.begin() + static_cast<ptrdiff_t>(at);
    if (node.children[at]->count == 0) {
      node.children.erase(position);
    } else if (at > 0 && small(*node.children[at - 1], *node.children[at])) {
      Join(Own(node.children[at - 1]), *node.children[at]);
      node.children.erase(position);
    }
    if (node.children.empty()) {  // as a leaf without objects: the caller takes it out
      node.count = 0;
      node.first = nullptr;
      return before;
    }
  }
  Sum(node);
  return before;
}

bool Walk(const Node& node, std::string_view prefix, std::string_view from,
          const std::function<bool(const ObjectPtr&)>& each, bool& past) {
  if (node.leaf()) {
    for (size_t i = FindInLeaf(node, from); i < node.objects.size(); ++i) {
      if (!node.objects[i]->key().starts_with(prefix)) {
        past = true;
        return true;
      }
      if (!each(node.objects[i])) return false;
    }
    return true;
  }
  for (size_t i = FindChild(node, from); i < node.children.size() && !past; ++i) {
    if (!Walk(*node.children[i], prefix, from, each, past)) return false;
  }
  return true;
}

}  // namespace

ObjectPtr Tree::Put(ObjectPtr object) {
  if (!root_) root_ = Ref<Node>(new Node);
  Ref<Node> sibling;
  ObjectPtr before = PutBelow(root_, std::move(object), sibling);
  if (sibling) {
    Ref<Node> top(new Node);
    top->children = {std::move(root_), std::move(sibling)};
    Sum(*top);
    root_ = std::move(top);
  }
  return before;
}

ObjectPtr Tree::Erase(std::string_view key) {
  if (!Find(key)) return nullptr;
  ObjectPtr before = EraseBelow(root_, key);
  while (root_ && !root_->leaf() && root_->children.size() == 1) {
    root_ = Ref<Node>(root_->children.front());
  }
  if (root_->count == 0) root_ = nullptr;
  return before;
}

ObjectPtr Tree::Find(std::string_view key) const {
  if (!root_) return nullptr;
  const Node* node = root_.get();
  while (!node->leaf()) node = node->children[FindChild(*node, key)].get();
  const size_t at = FindInLeaf(*node, key);
  return at < node->objects.size() && node->objects[at]->key() == key ? node->objects[at] : nullptr;
}

size_t Tree::size() const { return root_ ? root_->count : 0; }

bool Tree::ForEach(std::string_view prefix, std::string_view from,
                   const std::function<bool(const ObjectPtr&)>& each) const {
  if (!root_) return true;
  bool past = false;
  return Walk(*root_, prefix, std::max(prefix, from), each, past);
}

size_t Tree::Rank(std::string_view key) const {
  if (!root_) return 0;
  size_t rank = 0;
  const Node* node = root_.get();
  while (!node->leaf()) {
    const size_t at = FindChild(*node, key);
    for (size_t i = 0; i < at; ++i) rank += node->children[i]->count;
    node = node->children[at].get();
  }
  return rank + FindInLeaf(*node, key);
}

size_t Tree::Count(std::string_view prefix, std::string_view from) const {
  const std::string end = store::PrefixEnd(prefix);
  const size_t upper = end.empty() ? size() : Rank(end);
  const size_t lower = Rank(std::max(prefix, from));
  return upper > lower ? upper - lower : 0;
}

}  // namespace keelson::watch
