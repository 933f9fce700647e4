// SPDX-License-Identifier: Apache-2.0
// Tree: objects in the order of their keys, in nodes that versions share. Copying a Tree is one
// count; a change copies only the few nodes on its way that a copy still shares, so that lists walk
// an unchanging version while writes go on. A Tree is changed by one thread at a time, and never
// while it is being copied; copies are read from any thread.
#pragma once

#include <functional>
#include <string_view>

#include "minimal-master/watch/object.h"

namespace keelson::watch {

class Tree {
 public:
  // What was there before, or null.
  ObjectPtr Put(ObjectPtr object);
  ObjectPtr Erase(std::string_view key);

  ObjectPtr Find(std::string_view key) const;
  size_t size() const;
  // Keys that begin with `prefix`, not below `from`, until `each` says false. Returns whether it
  // never did.
  bool ForEach(std::string_view prefix, std::string_view from,
               const std::function<bool(const ObjectPtr&)>& each) const;
  size_t Count(std::string_view prefix, std::string_view from) const;

  // What became of the keys that begin with `prefix` since `older`, in order; null: not there.
  // Nodes that both share are passed over: it costs what changed, not what there is.
  using Changed = std::function<void(const ObjectPtr& before, const ObjectPtr& after)>;
  void ForEachChange(const Tree& older, std::string_view prefix, const Changed& each) const;

  struct Node;

 private:
  size_t Rank(std::string_view key) const;  // how many keys are below it
  Ref<Node> root_;
};

struct Tree::Node : Counted {
  size_t count = 0;                 // objects at and below it
  const Object* first = nullptr;    // the lowest of them
  std::vector<ObjectPtr> objects;   // of a leaf
  std::vector<Ref<Node>> children;  // of any other
  bool leaf() const { return children.empty(); }
};

}  // namespace keelson::watch
