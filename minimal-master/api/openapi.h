// SPDX-License-Identifier: Apache-2.0
// OpenAPI v3, made from the table of types when somebody asks: an index, and for each group and
// version a document with the paths that can be patched (kubectl looks there whether fields are
// checked here) and the types behind them (for `kubectl explain`). Any thread.
#pragma once

#include <string>
#include <string_view>

namespace keelson::api {

// Of /openapi/v3; empty paths there are none.
std::string OpenApiIndex();
// Of /openapi/v3/api/v1 or /openapi/v3/apis/<group>/<version>: `path` is what follows
// "/openapi/v3/". Empty: there is no such document.
std::string OpenApiDocument(std::string_view path, std::string_view server_version);

}  // namespace keelson::api
