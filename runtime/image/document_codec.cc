// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/document_codec.h"

#include <algorithm>

#include "runtime/content/digest_name.h"
#include "runtime/reader/question.h"

namespace keelson::image {
namespace {

using base::Reader;
using base::Result;
using base::Writer;

using reader::IsText;
using reader::Malformed;

constexpr uint32_t kIndex = 1, kManifest = 2;

bool AreTexts(const std::vector<std::string>& texts) {
  return std::all_of(texts.begin(), texts.end(), IsText);
}

void Put(Writer& out, const Descriptor& descriptor) {
  out.String(descriptor.media_type);
  out.String(descriptor.digest);
  out.U64(descriptor.size);
}
Descriptor GetDescriptor(Reader& in) {
  Descriptor out;
  out.media_type = in.String();
  out.digest = in.String();
  out.size = in.U64();
  return out;
}
bool IsSound(const Descriptor& descriptor) {
  return IsText(descriptor.media_type) && content::IsDigest(descriptor.digest) &&
         descriptor.size <= kMaxBlobSize;
}

void Put(Writer& out, const Platform& platform) {
  out.String(platform.os);
  out.String(platform.architecture);
  out.String(platform.variant);
}
Platform GetPlatform(Reader& in) {
  Platform out;
  out.os = in.String();
  out.architecture = in.String();
  out.variant = in.String();
  return out;
}
bool IsSound(const Platform& platform) {
  return IsText(platform.os) && IsText(platform.architecture) && IsText(platform.variant);
}

void Put(Writer& out, const Document& document) {
  if (const auto* index = std::get_if<Index>(&document)) {
    out.U32(kIndex);
    out.U32(static_cast<uint32_t>(index->entries.size()));
    for (const IndexEntry& entry : index->entries) {
      Put(out, entry.descriptor);
      Put(out, entry.platform);
      out.String(entry.ref_name);
    }
    return;
  }
  const auto& manifest = std::get<Manifest>(document);
  out.U32(kManifest);
  Put(out, manifest.config);
  out.U32(static_cast<uint32_t>(manifest.layers.size()));
  for (const Descriptor& layer : manifest.layers) Put(out, layer);
}

Result<Document> GetIndex(Reader& in) {
  Index out;
  const uint32_t count = in.Count(32);
  if (count > kMaxIndexEntries) return Malformed();
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    IndexEntry entry;
    entry.descriptor = GetDescriptor(in);
    entry.platform = GetPlatform(in);
    entry.ref_name = in.String();
    if (!IsSound(entry.descriptor) || !IsSound(entry.platform) || !IsText(entry.ref_name))
      return Malformed();
    out.entries.push_back(std::move(entry));
  }
  return Document(std::move(out));
}

Result<Document> GetManifest(Reader& in) {
  Manifest out;
  out.config = GetDescriptor(in);
  if (!IsSound(out.config) || !IsConfigType(out.config.media_type)) return Malformed();
  const uint32_t count = in.Count(16);
  if (count > kMaxLayers) return Malformed();
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    out.layers.push_back(GetDescriptor(in));
    if (!IsSound(out.layers.back()) || !IsLayerType(out.layers.back().media_type))
      return Malformed();
  }
  return Document(std::move(out));
}

void Put(Writer& out, const ConfigDocument& document) {
  Put(out, document.config);
  Put(out, document.platform);
  out.Strings(document.diff_ids);
}

template <typename Value>
std::string Encode(const Result<Value>& value) {
  if (!value.ok()) return reader::Refusal(value.error());
  Writer out = reader::BeginAnswer();
  Put(out, *value);
  return out.Take();
}

}  // namespace

std::string EncodeAnswer(const Result<Document>& document) { return Encode(document); }
std::string EncodeAnswer(const Result<ConfigDocument>& config) { return Encode(config); }

Result<Document> DecodeDocument(std::string_view answer) {
  Reader in(answer);
  RETURN_IF_ERROR(reader::OpenAnswer(in));
  const uint32_t kind = in.U32();
  if (kind != kIndex && kind != kManifest) return Malformed();
  ASSIGN_OR_RETURN(Document out, kind == kIndex ? GetIndex(in) : GetManifest(in));
  if (!in.ok() || !in.AtEnd()) return Malformed();
  return out;
}

Result<ConfigDocument> DecodeConfig(std::string_view answer) {
  Reader in(answer);
  RETURN_IF_ERROR(reader::OpenAnswer(in));
  ConfigDocument out;
  ASSIGN_OR_RETURN(out.config, GetImageConfig(in));
  out.platform = GetPlatform(in);
  out.diff_ids = in.Strings();
  if (!in.ok() || !in.AtEnd() || !IsSound(out.platform) ||
      !std::all_of(out.diff_ids.begin(), out.diff_ids.end(), content::IsDigest))
    return Malformed();
  return out;
}

void Put(Writer& out, const ImageConfig& config) {
  out.Strings(config.env);
  out.Strings(config.entrypoint);
  out.Strings(config.command);
  out.String(config.working_dir);
  out.String(config.user);
  out.String(config.stop_signal);
  out.Strings(config.volumes);
}

Result<ImageConfig> GetImageConfig(Reader& in) {
  ImageConfig out;
  out.env = in.Strings();
  out.entrypoint = in.Strings();
  out.command = in.Strings();
  out.working_dir = in.String();
  out.user = in.String();
  out.stop_signal = in.String();
  out.volumes = in.Strings();
  if (!in.ok() || !AreTexts(out.env) || !AreTexts(out.entrypoint) || !AreTexts(out.command) ||
      !IsText(out.working_dir) || !IsText(out.user) || !IsText(out.stop_signal) ||
      !AreTexts(out.volumes))
    return Malformed();
  return out;
}

}  // namespace keelson::image
