// SPDX-License-Identifier: Apache-2.0
// SHA-256 in the form that OCI documents use: "sha256:" and 64 lower-case hexadecimal digits. One
// Digester belongs to one thread.
#pragma once

#include <string>
#include <string_view>

#include "lib/hash/sha256.h"
#include "runtime/content/digest_name.h"

namespace keelson::content {

// Of bytes that come in pieces.
class Digester {
 public:
  void Update(std::string_view bytes) { hash_.Update(bytes); }
  std::string Finish();  // once

 private:
  hash::Sha256 hash_;
};

std::string DigestOf(std::string_view bytes);

}  // namespace keelson::content
