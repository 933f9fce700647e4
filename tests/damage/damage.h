// SPDX-License-Identifier: Apache-2.0
// Ways in which disks and people spoil a file that a program keeps. For tests of what its next
// start makes of it. One thread; a failure to spoil is the test's.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace keelson::damage {

struct Damage {
  const char* name;
  std::function<void(const std::string& path)> spoil;
};

// Cut short, empty, zeroed, one bit flipped, garbage, a folder in its place, missing: in this
// order, kMissing last (what is not there cannot be named by its content).
const std::vector<Damage>& Damages();
inline constexpr char kMissing[] = "missing";

void Rewrite(const std::string& path, const std::string& bytes);  // with its mode
std::string BytesOf(const std::string& path);

}  // namespace keelson::damage
