// SPDX-License-Identifier: Apache-2.0
// A directory below $TMPDIR or /tmp, removed with all its content when the owner goes. For tests
// and staging.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::os {

class TempDir {
 public:
  static base::Result<TempDir> Create(const std::string& prefix = "keelson");
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&&) = delete;
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace keelson::os
