// SPDX-License-Identifier: Apache-2.0
// What the jail says at its end, as bytes (base/codec, versioned). Foreign until checked: its
// reader bounds and cleans it.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/unpack/extractor.h"

namespace keelson::unpack {

struct Report {
  Extracted extracted;
  std::string diff_id;  // digest of the uncompressed stream, computed inside the jail
  uint64_t uncompressed_bytes = 0;
};

std::string EncodeReport(const base::Result<Report>& report);
base::Result<Report> DecodeReport(std::string_view bytes);

}  // namespace keelson::unpack
