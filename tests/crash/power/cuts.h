// SPDX-License-Identifier: Apache-2.0
// The cuts of a recorded disk, one after the other.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "tests/crash/power/power_disk.h"

namespace keelson::power_test {

// At most this many, evenly spread: KEELSON_POWER_CUTS, where "all" is every one.
inline size_t MostCuts(size_t usual) {
  const char* text = std::getenv("KEELSON_POWER_CUTS");
  if (text == nullptr) return usual;
  return static_cast<size_t>(base::ParseUint64(text).value_or(SIZE_MAX));
}

// KEELSON_POWER_PART=2/3: of a list the second third, for runs side by side. Each records a disk of
// its own.
template <typename One>
void TakePart(std::vector<One>& all) {
  const char* text = std::getenv("KEELSON_POWER_PART");
  unsigned part = 0, of = 0;
  if (text == nullptr || std::sscanf(text, "%u/%u", &part, &of) != 2 || part < 1 || part > of)
    return;
  const size_t from = all.size() * (part - 1) / of, to = all.size() * part / of;
  all = std::vector<One>(all.begin() + static_cast<ptrdiff_t>(from),
                         all.begin() + static_cast<ptrdiff_t>(to));
}

// Of the positions from `first` to `last`, `check` gets an image: after a write all that was
// written, and once more a random part of what no flush has made durable; after a flush only what
// is durable. The seed (KEELSON_TEST_SEED) repeats the random parts. Ends at the first fatal
// failure.
inline void ForEachCut(RecordedDisk& disk, size_t first, size_t last, const std::string& dir,
                       size_t usual, const std::function<void(size_t, const std::string&)>& check) {
  struct One {
    size_t position;
    Survivors survivors;
  };
  std::vector<One> all;
  for (size_t position = std::max<size_t>(first, 1); position <= last; ++position) {
    const bool flush = disk.Log()[position - 1].data.empty();
    if (flush) {
      all.push_back({position, Survivors::kNone});
      continue;
    }
    all.push_back({position, Survivors::kAll});
    all.push_back({position, Survivors::kSome});
  }
  TakePart(all);
  const char* text = std::getenv("KEELSON_TEST_SEED");
  const auto seed =
      text != nullptr ? static_cast<unsigned>(std::atoi(text)) : static_cast<unsigned>(getpid());
  std::mt19937 random(seed);
  const size_t most = std::min(MostCuts(usual), all.size());
  Cutter cutter(disk, dir);
  for (size_t i = 0; i < most; ++i) {
    // Where not all are taken, each run takes others.
    const size_t from = i * all.size() / most, to = (i + 1) * all.size() / most;
    const One& one = all[from + random() % (to - from)];
    SCOPED_TRACE("cut after " + std::to_string(one.position) + " of " + std::to_string(last) +
                 " entries, " +
                 (one.survivors == Survivors::kAll    ? "all written"
                  : one.survivors == Survivors::kSome ? "some written"
                                                      : "flushed") +
                 ", seed " + std::to_string(seed));
    // A file of its own each: some process's mount namespace may let the last one go a moment
    // later.
    const std::string image = dir + "/cut-" + std::to_string(i);
    const base::Status made = cutter.Cut(one.position, one.survivors, random, image);
    ASSERT_TRUE(made.ok()) << made.error().message();
    check(one.position, image);
    (void)os::RemoveFile(image);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace keelson::power_test
