// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/points.h"

#include <gtest/gtest.h>
#include <sys/shm.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"

namespace keelson::points {

using base::fail_point::Slot;
using base::fail_point::Table;

std::string Describe(const Aim& aim) {
  return aim.place.program + " at " + aim.place.point + ", hit " + std::to_string(aim.hit);
}

Points::Points() : id_(shmget(IPC_PRIVATE, sizeof(Table), IPC_CREAT | 0600)) {
  EXPECT_GE(id_, 0);
  table_ = new (shmat(id_, nullptr, 0)) Table{};
  // Goes with the last process that uses it; Linux lets others still join by its number.
  EXPECT_EQ(shmctl(id_, IPC_RMID, nullptr), 0);
  const std::string list = os::ReadFile(base::SourceDir() + "/tests/crash/points.txt").value();
  for (std::string_view line : base::Split(list, '\n')) {
    line = base::Trim(line.substr(0, line.find('#')));
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const Place place{std::string(line.substr(0, space)),
                      std::string(base::Trim(line.substr(space)))};
    Slot* slot = base::fail_point::Find(*table_, place.program.c_str(), place.point.c_str());
    if (slot == nullptr || place.program.size() >= sizeof slot->program ||
        place.point.size() >= sizeof slot->point) {
      ADD_FAILURE() << "no slot for " << line;
      continue;
    }
    std::memcpy(slot->program, place.program.c_str(), place.program.size() + 1);
    std::memcpy(slot->point, place.point.c_str(), place.point.size() + 1);
    places_.push_back(place);
  }
}

Points::~Points() { (void)shmdt(table_); }

std::string Points::Environment() const {
  return std::string(base::fail_point::kVariable) + "=" + std::to_string(id_);
}

Slot& Points::SlotOf(const Place& place) const {
  return *base::fail_point::Find(*table_, place.program.c_str(), place.point.c_str());
}

void Points::Arm(const Aim& aim) { SlotOf(aim.place).left = aim.hit; }

void Points::Disarm() {
  for (const Place& place : places_) SlotOf(place).left = 0;
}

uint64_t Points::Deaths(const std::string& program) const {
  uint64_t deaths = 0;
  for (const Place& place : places_) {
    if (program.empty() || place.program == program) deaths += SlotOf(place).deaths;
  }
  return deaths;
}

std::map<Place, int64_t> Points::Hits() const {
  std::map<Place, int64_t> hits;
  for (const Place& place : places_) hits[place] = static_cast<int64_t>(SlotOf(place).hits.load());
  return hits;
}

std::string Points::Stranger() const {
  return table_->strangers == 0 ? "" : std::string(table_->stranger);
}

}  // namespace keelson::points
