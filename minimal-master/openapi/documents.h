// SPDX-License-Identifier: Apache-2.0
// OpenAPI, made from the table of types when somebody asks. Version 3: an index, and for each group
// and version a document with the paths that can be patched (kubectl looks there whether fields are
// checked here) and the types behind them (for `kubectl explain`). Version 2: one document, which
// kubectl reads for a file of kind List and for `explain --output=plaintext-openapiv2`. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace keelson::openapi {

// Of /openapi/v3.
std::string Index();
// Of /openapi/v3/api/v1 or /openapi/v3/apis/<group>/<version>: `path` is what follows
// "/openapi/v3/". Empty: there is no such document.
std::string Document(std::string_view path, std::string_view server_version);

// Of /openapi/v2, as JSON and in the protobuf form of the gnostic project.
std::string DocumentV2(std::string_view server_version);
std::string DocumentV2Protobuf(std::string_view server_version);

// What a client asks for, and what it gets.
constexpr std::string_view kV2ProtobufAsked =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr std::string_view kV2ProtobufTold =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

}  // namespace keelson::openapi
