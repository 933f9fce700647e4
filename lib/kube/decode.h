// SPDX-License-Identifier: Apache-2.0
// From a document to a checked, defaulted object. Strict: unknown fields, wrong types and duplicate
// names are refused, with upstream's wording of the rule, the field's path and the line: `line 12:
// spec.containers[1].name: Duplicate value: "web"`. Pure; every problem of a document is reported,
// not just the first (one per line of the message).
#pragma once

#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::kube {

// Checks kind and apiVersion, then fields against the schema, then upstream's validation rules of a
// Pod.
base::Result<Pod> DecodePod(const json::Value& document);
// One that an API server keeps: ephemeral containers may have been added to it.
base::Result<Pod> DecodeStoredPod(const json::Value& document);
base::Result<ConfigObject> DecodeConfigObject(const json::Value& document);  // ConfigMap or Secret

}  // namespace keelson::kube
