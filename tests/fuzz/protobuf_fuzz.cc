// SPDX-License-Identifier: Apache-2.0
// Objects in Kubernetes' protobuf encoding: what is accepted has one canonical text, which JSON's
// reader takes as it is.
#include <array>
#include <string>
#include <string_view>

#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/schema/protobuf.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
using keelson::schema::Decode;
using keelson::schema::Media;
using keelson::schema::Type;

void Check(std::string_view body, const Type& type) {
  const auto decoded = Decode(body, type, Media::kProtobuf);
  if (!decoded.ok()) return RequireSentence(decoded.error().message());
  const std::string written = WriteCanonical(decoded->value, type);
  Require(keelson::schema::CheckJson(written).ok(), "the canonical text is no JSON", written);
  const auto again = Decode(written, type, Media::kJson);
  Require(again.ok(), "the canonical text cannot be read", written);
  Require(again->problems.empty(), "the canonical text has unknown fields", written);
  Require(WriteCanonical(again->value, type) == written, "the canonical text is not stable",
          written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (!keelson::schema::IsProtobuf(body)) {
    // Without an envelope: any bytes as the message of some type.
    static const std::array<const Type*, 4> kTypes = {
        keelson::schema::Find("", "v1", "Pod"), keelson::schema::Find("", "v1", "Secret"),
        keelson::schema::Find("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
        keelson::schema::Find("authentication.k8s.io", "v1", "TokenReview")};
    for (const Type* type : kTypes) {
      const auto decoded = DecodeProtobuf({.raw = body}, *type);
      if (!decoded.ok()) {
        RequireSentence(decoded.error().message());
        continue;
      }
      Check(EncodeProtobuf(decoded->value, *type), *type);
    }
    return 0;
  }
  const auto kind = ReadKind(body, Media::kProtobuf);
  if (!kind.ok()) {
    RequireSentence(kind.error().message());
    return 0;
  }
  const Type* type = keelson::schema::Find(kind->group, kind->version, kind->kind);
  Check(body, type != nullptr ? *type : *keelson::schema::Find("", "v1", "Pod"));
  return 0;
}
