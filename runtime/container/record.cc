// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/record.h"

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"

namespace keelson::container {
namespace {

using base::Reader;
using base::Writer;

constexpr uint32_t kSandboxMagic = 0x4453504b;    // "KPSD"
constexpr uint32_t kContainerMagic = 0x4354434b;  // "KCTC"
constexpr uint32_t kVersion = 1;

std::string Seal(uint32_t magic, const std::string& body) {
  Writer w;
  w.U32(magic);
  w.U32(kVersion);
  std::string bytes = w.Take() + body;
  Writer sum;
  sum.U32(base::Crc32c(bytes));
  return bytes + sum.bytes();
}

base::Result<std::string_view> Unseal(uint32_t magic, std::string_view bytes) {
  if (bytes.size() < 12) return base::DataLoss("record is too short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  Reader sum(bytes.substr(bytes.size() - 4));
  if (sum.U32() != base::Crc32c(body)) return base::DataLoss("record has a wrong checksum");
  Reader head(body);
  if (head.U32() != magic) return base::DataLoss("record is of another kind");
  // A newer version only has more at its end.
  if (head.U32() < 1) return base::DataLoss("record has no version");
  return body.substr(8);
}

}  // namespace

std::string Encode(const SandboxRecord& r) {
  Writer w;
  w.String(r.id);
  w.U8(static_cast<uint8_t>(r.state));
  w.I64(r.created_at);
  w.String(r.config);
  w.String(r.handler);
  w.Strings(r.addresses);
  w.String(r.boot_id);
  w.String(r.cgroup_driver);
  return Seal(kSandboxMagic, w.bytes());
}

base::Result<SandboxRecord> DecodeSandboxRecord(std::string_view bytes) {
  ASSIGN_OR_RETURN(const std::string_view body, Unseal(kSandboxMagic, bytes));
  Reader r(body);
  SandboxRecord record;
  record.id = r.String();
  const uint8_t state = r.U8();
  record.state = static_cast<SandboxState>(state);
  record.created_at = r.I64();
  record.config = r.String();
  record.handler = r.String();
  record.addresses = r.Strings();
  record.boot_id = r.String();
  if (!r.AtEnd()) record.cgroup_driver = r.String();
  if (!r.ok() || state > static_cast<uint8_t>(SandboxState::kRemoving))
    return base::DataLoss("sandbox record is malformed");
  return record;
}

std::string Encode(const ContainerRecord& r) {
  Writer w;
  w.String(r.id);
  w.String(r.sandbox_id);
  w.U8(static_cast<uint8_t>(r.state));
  w.I64(r.created_at);
  w.I64(r.started_at);
  w.I64(r.finished_at);
  w.I32(r.pid);
  w.I32(r.exit_code);
  w.String(r.reason);
  w.String(r.message);
  w.String(r.config);
  w.String(r.image_id);
  w.String(r.image_ref);
  w.String(r.cgroup_path);
  w.U32(r.uid);
  w.U32(r.gid);
  w.U32(static_cast<uint32_t>(r.groups.size()));
  for (const uint32_t group : r.groups) w.U32(group);
  w.I32(r.stop_signal);
  w.String(r.resources);
  w.Bool(r.updating);
  w.Strings(r.volume_images);
  w.Strings(r.volume_digests);
  return Seal(kContainerMagic, w.bytes());
}

base::Result<ContainerRecord> DecodeContainerRecord(std::string_view bytes) {
  ASSIGN_OR_RETURN(const std::string_view body, Unseal(kContainerMagic, bytes));
  Reader r(body);
  ContainerRecord record;
  record.id = r.String();
  record.sandbox_id = r.String();
  const uint8_t state = r.U8();
  record.state = static_cast<ContainerState>(state);
  record.created_at = r.I64();
  record.started_at = r.I64();
  record.finished_at = r.I64();
  record.pid = r.I32();
  record.exit_code = r.I32();
  record.reason = r.String();
  record.message = r.String();
  record.config = r.String();
  record.image_id = r.String();
  record.image_ref = r.String();
  record.cgroup_path = r.String();
  record.uid = r.U32();
  record.gid = r.U32();
  for (uint32_t n = r.Count(4); n > 0; --n) record.groups.push_back(r.U32());
  record.stop_signal = r.I32();
  if (!r.AtEnd()) {
    record.resources = r.String();
    record.updating = r.Bool();
  }
  if (!r.AtEnd()) {
    record.volume_images = r.Strings();
    record.volume_digests = r.Strings();
  }
  if (!r.ok() || state > static_cast<uint8_t>(ContainerState::kRemoving))
    return base::DataLoss("container record is malformed");
  return record;
}

}  // namespace keelson::container
