// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/records.h"

#include <algorithm>

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"
#include "runtime/content/digest_name.h"
#include "runtime/image/document_codec.h"

namespace keelson::image {
namespace {

constexpr uint32_t kImageMagic = 0x474d494b;  // "KIMG"
constexpr uint32_t kNameMagic = 0x4d414e4b;   // "KNAM"
constexpr uint32_t kVersion = 1;
constexpr size_t kMaxRecordedConfig = 512u << 10;  // records of 1 MiB are not read

std::string Seal(base::Writer out) {
  out.U32(base::Crc32c(out.bytes()));
  return out.Take();
}

base::Result<base::Reader> Unseal(std::string_view bytes, uint32_t magic) {
  if (bytes.size() < 12) return base::DataLoss("the record is too short");
  base::Reader tail(bytes.substr(bytes.size() - 4));
  bytes.remove_suffix(4);
  if (tail.U32() != base::Crc32c(bytes))
    return base::DataLoss("the record's checksum does not match");
  base::Reader in(bytes);
  if (in.U32() != magic) return base::DataLoss("the record is of another kind");
  if (in.U32() == 0) return base::DataLoss("the record has no version");
  return in;
}

}  // namespace

std::string Encode(const ImageRecord& record) {
  base::Writer out;
  out.U32(kImageMagic);
  out.U32(kVersion);
  out.String(record.id);
  out.String(record.manifest);
  out.Strings(record.layers);
  base::Writer config;
  if (record.config) Put(config, *record.config);
  const bool recorded = record.config && config.bytes().size() <= kMaxRecordedConfig;
  out.Bool(recorded);
  if (recorded) Put(out, *record.config);
  return Seal(std::move(out));
}

std::string Encode(const NameRecord& record) {
  base::Writer out;
  out.U32(kNameMagic);
  out.U32(kVersion);
  out.String(record.name);
  out.Bool(record.is_digest);
  out.String(record.image_id);
  return Seal(std::move(out));
}

base::Status Decode(std::string_view bytes, ImageRecord* out) {
  ASSIGN_OR_RETURN(base::Reader in, Unseal(bytes, kImageMagic));
  out->id = in.String();
  out->manifest = in.String();
  out->layers = in.Strings();
  const bool digests = std::all_of(out->layers.begin(), out->layers.end(),
                                   [](const std::string& d) { return content::IsDigest(d); });
  if (!in.ok() || !digests || !content::IsDigest(out->id) || !content::IsDigest(out->manifest))
    return base::DataLoss("the record is malformed");
  if (in.AtEnd() || !in.Bool()) return base::Ok();  // an older version's, or a long one
  base::Result<ImageConfig> config = GetImageConfig(in);
  if (!config.ok()) return base::DataLoss("the record is malformed");
  out->config = std::move(config).value();
  return base::Ok();
}

base::Status Decode(std::string_view bytes, NameRecord* out) {
  ASSIGN_OR_RETURN(base::Reader in, Unseal(bytes, kNameMagic));
  out->name = in.String();
  out->is_digest = in.Bool();
  out->image_id = in.String();
  if (!in.ok() || !content::IsDigest(out->image_id) || !ParseReference(out->name).ok())
    return base::DataLoss("the record is malformed");
  return base::Ok();
}

}  // namespace keelson::image
