// SPDX-License-Identifier: Apache-2.0
// The one name under which our code speaks of the generated CRI types. Include the generated
// headers in .cc files only: they are heavy; headers forward-declare what they name.
#pragma once

namespace runtime::v1 {}
namespace keelson {
namespace cri = ::runtime::v1;
}
