// SPDX-License-Identifier: Apache-2.0
// Bodies of requests to the control plane, as JSON or YAML: what is accepted has one canonical
// text, which reads back as itself without a complaint and survives protobuf.
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

void CheckDecoded(const keelson::schema::Decoded& decoded) {
  const Type& type = *decoded.type;
  for (const auto& problem : decoded.problems) RequireSentence(problem.message);
  const std::string written = WriteCanonical(decoded.value, type);
  const auto again = Decode(written, type, Media::kJson);
  Require(again.ok(), "the canonical text cannot be read", written);
  Require(again->problems.empty(), "the canonical text has unknown fields", written);
  Require(WriteCanonical(again->value, type) == written, "the canonical text is not stable",
          written);
  // Some of what JSON says protobuf does not carry; what went through it once stays as it is.
  const auto carried = Decode(EncodeProtobuf(decoded.value, type), type, Media::kProtobuf);
  if (!carried.ok()) {  // null in the place of JSON kept as it is
    RequireSentence(carried.error().message());
    return;
  }
  const std::string first = WriteCanonical(carried->value, type);
  const auto second = Decode(EncodeProtobuf(carried->value, type), type, Media::kProtobuf);
  Require(second.ok(), "protobuf of ours cannot be read", first);
  Require(WriteCanonical(second->value, type) == first, "protobuf changes what it carried", first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Require(keelson::schema::CheckJson(text).ok() == keelson::schema::DecodeAny(text).ok(),
          "two opinions of one text", text);
  for (const Media media : {Media::kJson, Media::kYaml}) {
    const auto kind = ReadKind(text, media);
    if (!kind.ok()) {
      RequireSentence(kind.error().message());
      continue;
    }
    const Type* type = keelson::schema::Find(kind->group, kind->version, kind->kind);
    if (type == nullptr) type = keelson::schema::Find("", "v1", "Pod");
    const auto decoded = Decode(text, *type, media);
    decoded.ok() ? CheckDecoded(*decoded) : RequireSentence(decoded.error().message());
    const auto request = DecodeRequest(text, media, "apps", "v1", "Deployment");
    if (!request.ok()) RequireSentence(request.error().message());
  }
  return 0;
}
