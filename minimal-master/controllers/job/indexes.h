// SPDX-License-Identifier: Apache-2.0
// Sets of completion indexes, kept and spelled as ranges: "1,3-5,7". Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::job {

class Indexes {
 public:
  // Those below `limit`; what is no range is left out.
  static Indexes Parse(std::string_view text, int64_t limit);

  void Add(int64_t index);
  void Add(const Indexes& others);
  bool Has(int64_t index) const;
  int64_t size() const { return size_; }
  std::string Text() const;
  // The first `count` below `limit` that are not in it.
  std::vector<int64_t> Missing(size_t count, int64_t limit) const;
  // How many of them are in `others` as well.
  int64_t CountIn(const Indexes& others) const;
  bool operator==(const Indexes&) const = default;

 private:
  std::map<int64_t, int64_t> ranges_;  // first to last, apart by one at least
  int64_t size_ = 0;
};

}  // namespace keelson::job
