// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/layer_record.h"

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"
#include "runtime/content/digest.h"

namespace keelson::snapshot {
namespace {

constexpr uint32_t kMagic = 0x59414c4b;  // "KLAY"
constexpr uint32_t kVersion = 1;

}  // namespace

std::string EncodeLayer(const Layer& layer) {
  base::Writer out;
  out.U32(kMagic);
  out.U32(kVersion);
  out.String(layer.digest);
  out.String(layer.diff_id);
  out.U64(layer.compressed_bytes);
  out.U64(layer.plain_bytes);
  out.U64(layer.disk_bytes);
  out.U64(layer.inodes);
  out.Strings(layer.implicit_dirs);
  const uint32_t sum = base::Crc32c(out.bytes());
  out.U32(sum);
  return out.Take();
}

base::Result<Layer> DecodeLayer(std::string_view bytes) {
  if (bytes.size() < 12) return base::DataLoss("layer record is too short");
  base::Reader tail(bytes.substr(bytes.size() - 4));
  if (tail.U32() != base::Crc32c(bytes.substr(0, bytes.size() - 4)))
    return base::DataLoss("layer record's checksum does not match");
  base::Reader in(bytes.substr(0, bytes.size() - 4));
  if (in.U32() != kMagic) return base::DataLoss("not a layer record");
  if (const uint32_t version = in.U32(); version == 0)
    return base::DataLoss("layer record of version {}", version);
  Layer out;
  out.digest = in.String();
  out.diff_id = in.String();
  out.compressed_bytes = in.U64();
  out.plain_bytes = in.U64();
  out.disk_bytes = in.U64();
  out.inodes = in.U64();
  out.implicit_dirs = in.Strings();
  if (!in.ok() || !content::IsDigest(out.digest) || !content::IsDigest(out.diff_id))
    return base::DataLoss("layer record is malformed");
  return out;
}

}  // namespace keelson::snapshot
