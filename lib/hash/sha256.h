// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4). A Sha256 belongs to one thread; the functions are pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace keelson::hash {

inline constexpr size_t kSha256Bytes = 32;

// Of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void Update(std::string_view bytes);
  std::string Finish();  // its 32 bytes; once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Of(std::string_view bytes);     // 32 bytes
std::string Sha256HexOf(std::string_view bytes);  // 64 lower-case hexadecimal digits

}  // namespace keelson::hash
