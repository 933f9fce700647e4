// SPDX-License-Identifier: Apache-2.0
// A pod's last events, for people: what is told again is counted, not repeated. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace keelson::lifecycle {

class Journal {
 public:
  // True when it is new, false when it was counted.
  bool Add(int64_t now, bool warning, const std::string& reason, const std::string& message);
  // "<time> Warning BackOff: …", with "(3 times since <time>)" where it was told again; the one
  // told last comes last.
  std::vector<std::string> Lines() const;

 private:
  struct Entry {
    int64_t first = 0, last = 0;
    int count = 1;
    bool warning = false;
    std::string reason, message;
  };
  std::deque<Entry> entries_;
};

}  // namespace keelson::lifecycle
