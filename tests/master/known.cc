// SPDX-License-Identifier: Apache-2.0
#include "tests/master/known.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"

namespace keelson::golden {
namespace {

std::set<std::string> Listed(const std::string& file) {
  std::set<std::string> names;
  std::ifstream in(base::SourceDir() + "/tests/master/known_differences.txt");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with(file + " ")) names.insert(line.substr(file.size() + 1));
  }
  return names;
}

}  // namespace

std::vector<std::string> Judge(const std::string& file, const std::vector<Outcome>& outcomes) {
  std::vector<std::string> problems;
  std::set<std::string> listed = Listed(file);
  size_t right = 0;
  std::ofstream found;
  // For whoever works on the list: what it would have to be, and why.
  if (const char* path = std::getenv("KEELSON_DIFFERENCES")) found.open(path, std::ios::app);
  for (const Outcome& outcome : outcomes) {
    const bool same = outcome.differences.empty();
    right += same ? 1 : 0;
    const bool known = listed.erase(outcome.name) != 0;
    if (same && known)
      problems.push_back(
          fmt::format("{}: answered as upstream does now: take it off the list", outcome.name));
    if (!same && !known)
      problems.push_back(fmt::format("{}: {}", outcome.name, outcome.differences.front()));
    if (found.is_open() && !same)
      found << file << ' ' << outcome.name << '\t' << base::Join(outcome.differences, " | ")
            << '\n';
  }
  for (const std::string& name : listed)
    problems.push_back(fmt::format("{}: listed and not among the cases", name));
  std::printf("%s: %zu of %zu answered as upstream does\n", file.c_str(), right, outcomes.size());
  return problems;
}

}  // namespace keelson::golden
