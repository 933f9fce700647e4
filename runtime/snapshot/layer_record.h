// SPDX-License-Identifier: Apache-2.0
// The bytes of layer.rec: magic "KLAY", version, Layer, CRC-32C of all before it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "runtime/snapshot/layer_store.h"

namespace keelson::snapshot {

std::string EncodeLayer(const Layer& layer);
base::Result<Layer> DecodeLayer(std::string_view bytes);

}  // namespace keelson::snapshot
