// SPDX-License-Identifier: Apache-2.0
// An OpenAPI v2 document in the protobuf form that Go clients read it in: only what this server's
// documents have. Pure. Source: openapiv2/OpenAPIv2.proto of github.com/google/gnostic-models.
#pragma once

#include <string>

#include "lib/json/value.h"

namespace keelson::openapi {

std::string Gnostic(const json::Value& document);

}  // namespace keelson::openapi
