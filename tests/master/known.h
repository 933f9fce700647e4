// SPDX-License-Identifier: Apache-2.0
// The recorded cases that are not answered as upstream answers them: known_differences.txt, a line
// for each, "<file> <name>". The list only gets shorter: a case that is answered right and still
// listed fails the test, and so does one that is not listed and differs.
#pragma once

#include <string>
#include <vector>

namespace keelson::golden {

struct Outcome {
  std::string name;
  std::vector<std::string> differences;  // empty: as recorded
};

// Compares with the list; prints how many cases of how many are right. What is wrong with the list
// or the answers, one line each.
std::vector<std::string> Judge(const std::string& file, const std::vector<Outcome>& outcomes);

}  // namespace keelson::golden
