// SPDX-License-Identifier: Apache-2.0
// SHA-256 in the form that OCI documents use: "sha256:" and 64 lower-case hexadecimal digits. One
// Sha256 belongs to one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/content/digest_name.h"

namespace keelson::content {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void Update(std::string_view bytes);
  std::string Finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string DigestOf(std::string_view bytes);

}  // namespace keelson::content
