// SPDX-License-Identifier: Apache-2.0
// Upstream's validation rules of the kinds a node reads, on documents whose types were checked
// (schema.h). Source of rules and wording: k8s.io/kubernetes/pkg/apis/core/validation (1.35),
// checked against recorded answers in testdata/.
#pragma once

#include "lib/kube/problems.h"

namespace keelson::kube {

void ValidatePod(const Field& pod, Problems& problems);
void ValidateConfigObject(const Field& object, Problems& problems);

}  // namespace keelson::kube
