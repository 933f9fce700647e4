// SPDX-License-Identifier: Apache-2.0
// What is kept of one pod's attachment until its DEL is done, reboots included: who, which
// configuration, which result. <state_dir>/<sandbox id>: magic, version, base/codec body, CRC-32C;
// the body only grows at its end. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/cni/request.h"

namespace keelson::cni {

// Written before ADD, after ADD, and before the first DEL.
enum class AttachmentState : uint8_t { kAdding, kAdded, kOwed };

struct Record {
  AttachmentState state = AttachmentState::kAdding;
  Attachment attachment;
  std::string network;  // the configuration's text, as ADD had it
  std::string version;
  std::string result;  // of ADD, JSON; empty: none
  std::string boot_id;
  uint32_t tries = 0;      // of DEL
  int64_t owed_since = 0;  // wall clock, ns
  std::string last_error;  // of DEL
};

std::string Encode(const Record& record);
base::Result<Record> DecodeRecord(std::string_view bytes);

}  // namespace keelson::cni
