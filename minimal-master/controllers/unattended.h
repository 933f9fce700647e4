// SPDX-License-Identifier: Apache-2.0
// Kinds that are kept and served but that nothing in this cluster acts on yet: whoever makes one is
// told so in a Warning, instead of waiting for what does not come. Pure. Only gets shorter.
#pragma once

#include <string_view>

namespace keelson::controllers {

// The sentence for the header, or nothing.
std::string_view Unattended(std::string_view group, std::string_view resource);

}  // namespace keelson::controllers
