// SPDX-License-Identifier: Apache-2.0
#include "runtime/content/digest.h"

#include "lib/base/strings.h"

namespace keelson::content {

std::string Digester::Finish() { return "sha256:" + base::HexEncode(hash_.Finish()); }

std::string DigestOf(std::string_view bytes) { return "sha256:" + hash::Sha256HexOf(bytes); }

}  // namespace keelson::content
