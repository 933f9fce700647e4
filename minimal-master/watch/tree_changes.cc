// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "minimal-master/watch/tree.h"

namespace keelson::watch {
namespace {

// What is left of a tree, in order, as few pieces as possible: whole nodes until somebody asks for
// what is in them. Only what lies below the prefix is kept.
class Rest {
 public:
  Rest(const Tree::Node* root, std::string_view prefix, std::string_view end)
      : prefix_(prefix), end_(end) {
    if (root != nullptr && root->count > 0) pieces_.push_back({root, nullptr});
  }

  bool empty() const { return pieces_.empty(); }
  const Tree::Node* node() const { return pieces_.back().node; }  // null: it is an object
  const ObjectPtr& object() const { return *pieces_.back().object; }
  std::string_view first() const {
    return node() != nullptr ? node()->first->key() : object()->key();
  }
  void Skip() { pieces_.pop_back(); }
  void Open() {
    const Tree::Node& node = *pieces_.back().node;
    pieces_.pop_back();
    for (size_t i = node.objects.size(); i-- > 0;) {
      if (node.objects[i]->key().starts_with(prefix_)) {
        pieces_.push_back({nullptr, &node.objects[i]});
      }
    }
    for (size_t i = node.children.size(); i-- > 0;) {
      const std::string_view first = node.children[i]->first->key();
      if (!end_.empty() && first >= end_) continue;
      if (i + 1 < node.children.size() && node.children[i + 1]->first->key() <= prefix_) continue;
      pieces_.push_back({node.children[i].get(), nullptr});
    }
  }

 private:
  struct Piece {
    const Tree::Node* node;
    const ObjectPtr* object;
  };
  const std::string_view prefix_;
  const std::string_view end_;
  std::vector<Piece> pieces_;  // the next is the last
};

}  // namespace

void Tree::ForEachChange(const Tree& older, std::string_view prefix, const Changed& each) const {
  const std::string end = store::PrefixEnd(prefix);
  const ObjectPtr none;
  Rest before(older.root_.get(), prefix, end);
  Rest after(root_.get(), prefix, end);
  while (!before.empty() || !after.empty()) {
    const Node* old_node = before.empty() ? nullptr : before.node();
    const Node* new_node = after.empty() ? nullptr : after.node();
    if (old_node != nullptr && old_node == new_node) {
      before.Skip();
      after.Skip();
    } else if (old_node != nullptr && (new_node == nullptr || old_node->count >= new_node->count)) {
      // An object that comes before all of the node needs nothing of it.
      if (!after.empty() && new_node == nullptr && after.first() < before.first()) {
        each(none, after.object());
        after.Skip();
      } else {
        before.Open();
      }
    } else if (new_node != nullptr) {
      if (!before.empty() && old_node == nullptr && before.first() < after.first()) {
        each(before.object(), none);
        before.Skip();
      } else {
        after.Open();
      }
    } else if (after.empty() || (!before.empty() && before.first() < after.first())) {
      each(before.object(), none);
      before.Skip();
    } else if (before.empty() || after.first() < before.first()) {
      each(none, after.object());
      after.Skip();
    } else {
      if (!(before.object() == after.object())) each(before.object(), after.object());
      before.Skip();
      after.Skip();
    }
  }
}

}  // namespace keelson::watch
