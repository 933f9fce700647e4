// SPDX-License-Identifier: Apache-2.0
// The bytes of image and name records: magic, version, fields, CRC-32C of all before it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "runtime/image/image_store.h"

namespace keelson::image {

std::string Encode(const ImageRecord& record);
std::string Encode(const NameRecord& record);
base::Status Decode(std::string_view bytes, ImageRecord* out);
base::Status Decode(std::string_view bytes, NameRecord* out);

}  // namespace keelson::image
