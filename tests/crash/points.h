// SPDX-License-Identifier: Apache-2.0
// For tests: the table of fail points (lib/base/fail_point.h) from the side that kills. Made with a
// slot for each line of tests/crash/points.txt before any process is started; gone with the test.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/base/fail_point_table.h"

namespace keelson::points {

struct Place {
  std::string program, point;
  auto operator<=>(const Place&) const = default;
};
// One process is to die, at that hit from now on.
struct Aim {
  Place place;
  int64_t hit = 1;
};
std::string Describe(const Aim& aim);

class Points {
 public:
  Points();  // a failure fails the test
  ~Points();
  Points(const Points&) = delete;
  Points& operator=(const Points&) = delete;

  std::string Environment() const;  // what a process is given that takes part
  const std::vector<Place>& All() const { return places_; }
  void Arm(const Aim& aim);
  void Disarm();
  // Of all places together, or of those of one program.
  uint64_t Deaths(const std::string& program = "") const;
  std::map<Place, int64_t> Hits() const;
  std::string Stranger() const;  // a point that was reached and is not in the list; "": none

 private:
  base::fail_point::Slot& SlotOf(const Place& place) const;
  int id_ = -1;
  base::fail_point::Table* table_ = nullptr;
  std::vector<Place> places_;
};

}  // namespace keelson::points
