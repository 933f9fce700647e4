// SPDX-License-Identifier: Apache-2.0
// The static pods that the kubelet's test asks for, and the objects that they name. Pure.
#pragma once

#include <set>
#include <string>
#include <tuple>

namespace keelson::power_test {

// What one does is the first word of its name; each writes into the folder of marks what it saw.
//   serves  for ever, with volumes, a hosts file and a probe     begins  for ever, after an init
//   once    restartPolicy Never, ends with 0                     stays   the same, never ends
//   enough  restartPolicy OnFailure, ends with 0
//   owns    for ever, with an image that its secret fetches      wants   that image, no secret
struct Asked {
  std::string name;
  int version = 0;  // another one: another pod of that name
  bool operator<(const Asked& other) const {
    return std::tie(name, version) < std::tie(other.name, other.version);
  }
  bool Is(const char* word) const { return name.starts_with(word); }
  bool GoesOn() const { return Is("serves") || Is("begins") || Is("owns"); }
  std::string Mark() const { return name + "." + std::to_string(version); }  // its file
};
using AskedPods = std::set<Asked>;

// `marks`: the folder; `image`: of "owns" and "wants".
std::string ManifestOf(const Asked& pod, const std::string& marks, const std::string& image);

// The objects' version `words`; the secret is for the user u with password p.
std::string ObjectsOf(int words, const std::string& registry);
// What "serves" notes when it begins with these.
std::string SeenOf(const Asked& pod, int words);
std::string Word(int words);  // what its volume's file "word" holds

}  // namespace keelson::power_test
