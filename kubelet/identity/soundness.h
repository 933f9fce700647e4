// SPDX-License-Identifier: Apache-2.0
// Whether what lies on the disk can be what was written there: certificates and keys as they are,
// without asking anybody. Pure. Source: RFC 5280.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::identity {

// A client's: it can be read, the key is its own, and if it names one of `authorities` (PEM, may be
// empty) as its issuer by that one's key identifier, that one has signed it. Says what is wrong.
base::Status CheckClient(const std::string& certificate, const std::string& key,
                         const std::string& authorities);

}  // namespace keelson::identity
