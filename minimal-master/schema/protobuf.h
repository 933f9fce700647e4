// SPDX-License-Identifier: Apache-2.0
// Objects in Kubernetes' protobuf encoding: "k8s\0", then runtime.Unknown around the object's own
// message. Driven by the table: no code for each message. What has no number in the table is
// skipped. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "minimal-master/schema/decode.h"

namespace keelson::schema {

struct ProtobufObject {
  std::string api_version;
  std::string kind;
  std::string_view raw;      // of the body
  std::string content_type;  // empty: raw is protobuf
  std::string content_encoding;
};

bool IsProtobuf(std::string_view bytes);  // begins with k8s\0

// Errors are upstream's: "provided data does not appear to be a protobuf message, …", "proto:
// illegal wireType 7".
base::Result<ProtobufObject> ReadProtobufEnvelope(std::string_view body);
base::Result<Decoded> DecodeProtobuf(const ProtobufObject& object, const Type& type);

// The whole encoding, envelope included, of a value of this type; its apiVersion and kind go into
// the envelope.
std::string EncodeProtobuf(const json::Value& value, const Type& type);

}  // namespace keelson::schema
