// SPDX-License-Identifier: Apache-2.0
// Upstream's validation rules of the kinds a node reads, on documents whose types were checked
// (schema.h). Source of rules and wording: k8s.io/kubernetes/pkg/apis/core/validation (1.35),
// checked against recorded answers in testdata/.
#pragma once

#include "lib/kube/problems.h"

namespace keelson::kube {

// `stored`: an API server has it; else it is about to be made, and nobody can have come to look at
// it.
void ValidatePod(const Field& pod, bool stored, Problems& problems);
// What is checked of pods and of templates of them alike, at any path.
void ValidatePodSpec(const Field& spec, Problems& problems);
void ValidateConfigObject(const Field& object, Problems& problems);
void ValidateConfigData(const Field& object, Problems& problems);  // without its metadata

}  // namespace keelson::kube
