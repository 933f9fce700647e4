// SPDX-License-Identifier: Apache-2.0
// What became of things while a disk was recorded, and what of it may be found after a cut. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace keelson::power_test {

struct Possible {
  std::set<std::string> states;  // "": it is not there
  bool changing = false;         // a change of it had begun, and was not sure to be on the disk
  std::string Text() const {
    std::string text;
    for (const std::string& state : states) text += (text.empty() ? "'" : ", '") + state + "'";
    return text;
  }
};

// Of one thing: its states, in order.
class StateHistory {
 public:
  void Add(size_t begun, size_t durable, const std::string& state) {
    changes_.push_back({begun, durable, state});
  }
  // With the first `position` entries of the log seen by the disk: the last state that was durable
  // by then, and every later one that had begun.
  Possible At(size_t position) const {
    Possible possible{{""}};
    for (const Change& change : changes_) {
      if (change.durable <= position) {
        possible = {{change.state}};
      } else if (change.begun < position) {
        possible.states.insert(change.state);
        possible.changing = true;
      }
    }
    return possible;
  }

 private:
  struct Change {
    size_t begun, durable;
    std::string state;
  };
  std::vector<Change> changes_;
};

class History {
 public:
  void Add(size_t begun, size_t durable, const std::map<std::string, std::string>& came) {
    for (const auto& [thing, state] : came) things_[thing].Add(begun, durable, state);
    ++size_;
  }
  size_t size() const { return size_; }  // operations
  const std::map<std::string, StateHistory>& things() const { return things_; }

 private:
  std::map<std::string, StateHistory> things_;
  size_t size_ = 0;
};

}  // namespace keelson::power_test
