// SPDX-License-Identifier: Apache-2.0
// The parts of the validation, one file each.
#pragma once

#include "lib/kube/problems.h"

namespace keelson::kube {

void ValidateMeta(const Field& meta, Problems& problems);

}  // namespace keelson::kube
