// SPDX-License-Identifier: Apache-2.0
// UniqueFd owns one file descriptor and closes it. No implicit int: say get(). Every descriptor is
// made with O_CLOEXEC.
#pragma once

#include <utility>

namespace keelson::os {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);  // keeps errno

 private:
  int fd_ = -1;
};

}  // namespace keelson::os
