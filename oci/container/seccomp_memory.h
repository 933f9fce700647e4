// SPDX-License-Identifier: Apache-2.0
// Compiled seccomp programs, kept beside the containers' records: compiling one takes longer than
// everything else that a start does. One file for each key, which is everything that a program
// follows from; the whole key is compared. At most 64 files, then all of them go. Blocks for a
// moment; any process at any time.
#pragma once

#include <optional>
#include <string>

namespace keelson::oci {

class SeccompMemory {
 public:
  // `root`: that of the containers' records, the caller's own.
  explicit SeccompMemory(const std::string& root);
  std::optional<std::string> Find(const std::string& key) const;
  // What cannot be written is compiled again.
  void Keep(const std::string& key, const std::string& program) const;

 private:
  std::string PathOf(const std::string& key) const;
  std::string folder_;
};

}  // namespace keelson::oci
