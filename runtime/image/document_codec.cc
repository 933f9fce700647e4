// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/document_codec.h"

#include <algorithm>

#include "lib/json/text.h"
#include "runtime/content/digest_name.h"

namespace keelson::image {
namespace {

using base::Reader;
using base::Result;
using base::Writer;

constexpr uint32_t kVersion = 1;
constexpr uint32_t kIndex = 1, kManifest = 2;
constexpr size_t kMaxMessage = 4096;

base::Error Malformed() { return base::Internal("keelson-read gave a malformed answer"); }

bool IsText(std::string_view text) {
  return text.size() <= kMaxQuestionBytes && text.find('\0') == std::string_view::npos &&
         json::IsUtf8(text);
}
bool AreTexts(const std::vector<std::string>& texts) {
  return std::all_of(texts.begin(), texts.end(), IsText);
}

std::string OneLine(std::string text) {
  if (text.size() > kMaxMessage) text.resize(kMaxMessage);
  const bool utf8 = json::IsUtf8(text);
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !utf8)) c = '?';
  }
  return text;
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
  Writer out;
  out.U32(kVersion);
  out.Bool(value.ok());
  if (value.ok()) {
    Put(out, *value);
  } else {
    out.U32(static_cast<uint32_t>(value.error().code()));
    out.String(OneLine(value.error().message()));
  }
  return out.Take();
}

// The error that is told, if one is; else the rest is a value.
base::Status Begin(Reader& in) {
  const uint32_t version = in.U32();
  const bool good = in.Bool();
  if (!in.ok() || version != kVersion) return Malformed();
  if (good) return base::Ok();
  const uint32_t code = in.U32();
  std::string message = OneLine(in.String());
  if (!in.ok() || !in.AtEnd() || message.empty() || code < 1 || code > 16) return Malformed();
  return base::Error(static_cast<base::Code>(code), std::move(message));
}

}  // namespace

std::string EncodeQuestion(Question::Kind kind, std::string_view media_type,
                           std::string_view bytes) {
  Writer out;
  out.U32(kVersion);
  out.U32(static_cast<uint32_t>(kind));
  out.String(media_type);
  out.String(bytes);
  return out.Take();
}

Result<Question> DecodeQuestion(std::string_view bytes) {
  Reader in(bytes);
  const uint32_t version = in.U32();
  const uint32_t kind = in.U32();
  Question out;
  out.media_type = in.String();
  out.bytes = in.String();
  if (!in.ok() || !in.AtEnd() || version != kVersion || kind < 1 || kind > 2)
    return base::InvalidArgument("keelson-read is started by keelson-runtime");
  out.kind = static_cast<Question::Kind>(kind);
  return out;
}

std::string EncodeAnswer(const Result<Document>& document) { return Encode(document); }
std::string EncodeAnswer(const Result<ConfigDocument>& config) { return Encode(config); }

Result<Document> DecodeDocument(std::string_view answer) {
  Reader in(answer);
  RETURN_IF_ERROR(Begin(in));
  const uint32_t kind = in.U32();
  if (kind != kIndex && kind != kManifest) return Malformed();
  ASSIGN_OR_RETURN(Document out, kind == kIndex ? GetIndex(in) : GetManifest(in));
  if (!in.ok() || !in.AtEnd()) return Malformed();
  return out;
}

Result<ConfigDocument> DecodeConfig(std::string_view answer) {
  Reader in(answer);
  RETURN_IF_ERROR(Begin(in));
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
