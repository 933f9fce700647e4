// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/record.h"

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"

namespace keelson::cni {

using base::Result;

namespace {
constexpr uint32_t kMagic = 0x494e434b;  // "KCNI"
}  // namespace

std::string Encode(const Record& record) {
  base::Writer w;
  w.U32(kMagic);
  w.U32(1);
  w.U8(static_cast<uint8_t>(record.state));
  const Attachment& a = record.attachment;
  for (const std::string* text :
       {&a.sandbox_id, &a.pod, &a.netns, &a.interface, &a.args, &a.capabilities, &record.network,
        &record.version, &record.result, &record.boot_id})
    w.String(*text);
  w.U32(record.tries);
  w.I64(record.owed_since);
  w.String(record.last_error);
  const std::string body = w.Take();
  base::Writer sum;
  sum.U32(base::Crc32c(body));
  return body + sum.bytes();
}

Result<Record> DecodeRecord(std::string_view bytes) {
  if (bytes.size() < 12) return base::DataLoss("the record is too short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  base::Reader sum(bytes.substr(bytes.size() - 4));
  if (sum.U32() != base::Crc32c(body)) return base::DataLoss("the record has a wrong checksum");
  base::Reader r(body);
  if (r.U32() != kMagic || r.U32() < 1) return base::DataLoss("not the record of an attachment");
  Record record;
  const uint8_t state = r.U8();
  if (state > static_cast<uint8_t>(AttachmentState::kOwed))
    return base::DataLoss("the record has an unknown state");
  record.state = static_cast<AttachmentState>(state);
  Attachment& a = record.attachment;
  for (std::string* text : {&a.sandbox_id, &a.pod, &a.netns, &a.interface, &a.args, &a.capabilities,
                            &record.network, &record.version, &record.result, &record.boot_id})
    *text = r.String();
  record.tries = r.U32();
  record.owed_since = r.I64();
  record.last_error = r.String();
  if (!r.ok()) return base::DataLoss("the record is malformed");
  return record;
}

}  // namespace keelson::cni
