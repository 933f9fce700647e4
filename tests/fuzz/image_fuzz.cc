// SPDX-License-Identifier: Apache-2.0
// What a registry says of an image: index, manifest, configuration. The first line is the media
// type, the rest the document; the same text is also tried as an image reference, which must read
// again as what it was.
#include <string_view>

#include "runtime/content/digest.h"
#include "runtime/image/document_codec.h"
#include "runtime/image/parse_documents.h"
#include "runtime/image/reference.h"
#include "runtime/reader/question.h"
#include "tests/fuzz/require.h"

namespace {

using namespace keelson;
using fuzz::Require;
using fuzz::RequireSentence;

void CheckDescriptor(const image::Descriptor& descriptor) {
  Require(content::IsDigest(descriptor.digest), "no digest", descriptor.digest);
}

// What keelson-read would answer is taken by the daemon, and as what it was.
template <typename Value>
void CheckAnswer(const base::Result<Value>& value,
                 base::Result<Value> (*decode)(std::string_view)) {
  const std::string answer = image::EncodeAnswer(value);
  Require(answer.size() <= reader::kMaxAnswerBytes, "an answer that nobody would take");
  const base::Result<Value> taken = decode(answer);
  Require(taken.ok() == value.ok(), "an answer that is not taken");
  Require(image::EncodeAnswer(taken) == answer, "an answer that is taken as another");
}

void CheckDocument(std::string_view text, std::string_view type) {
  const auto document = image::ParseDocument(text, type);
  CheckAnswer(document, image::DecodeDocument);
  if (!document.ok()) return RequireSentence(document.error().message());
  if (const auto* manifest = std::get_if<image::Manifest>(&*document)) {
    CheckDescriptor(manifest->config);
    Require(manifest->layers.size() <= image::kMaxLayers, "more layers than can be stacked");
    for (const image::Descriptor& layer : manifest->layers) CheckDescriptor(layer);
    return;
  }
  const auto& index = std::get<image::Index>(*document);
  for (const image::IndexEntry& entry : index.entries) CheckDescriptor(entry.descriptor);
  const auto chosen = image::ChoosePlatform(index, {.os = "linux", .architecture = "amd64"});
  chosen.ok() ? CheckDescriptor(*chosen) : RequireSentence(chosen.error().message());
}

void CheckReference(std::string_view text) {
  const auto reference = image::ParseReference(text);
  if (!reference.ok()) return RequireSentence(reference.error().message());
  const std::string full = reference->ToString();
  const auto again = image::ParseReference(full);
  Require(again.ok() && *again == *reference, "a reference in full reads as something else", full);
  Require((full + "/").find("/../") == std::string::npos && !full.starts_with("../") &&
              full.find('\n') == std::string::npos,
          "a reference that could lead elsewhere", full);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view type = all.substr(0, all.find('\n'));
  const std::string_view text = all.substr(std::min(all.size(), type.size() + 1));
  CheckDocument(text, type);
  CheckDocument(text, "");
  const auto config = image::ParseConfig(text);
  CheckAnswer(config, image::DecodeConfig);
  if (config.ok()) {
    Require(config->diff_ids.size() <= image::kMaxLayers, "more layers than can be stacked");
    for (const std::string& id : config->diff_ids) Require(content::IsDigest(id), "no digest", id);
  } else {
    RequireSentence(config.error().message());
  }
  CheckReference(type);
  return 0;
}
