// SPDX-License-Identifier: Apache-2.0
// Compiled without KEELSON_DEBUG, as releases are; scripts/check_points.py looks at the object.
#include "lib/base/fail_point.h"

namespace keelson::lint {

const char* Points() {
  FAIL_POINT("file.made");
  FAIL_POINT("runtime.pod.recorded");
  return base::fail_point::Inherited();
}

}  // namespace keelson::lint
