// SPDX-License-Identifier: Apache-2.0
// A stream as it was before compression: gzip (several members one after another too), zstd
// (several frames, skippable ones too) or plain, told apart by their first bytes. A stream that
// ends early, goes on with garbage or grows beyond its budget is an error. In-process libraries
// only: no other program ever runs. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/unpack/byte_source.h"

namespace keelson::unpack {

// The budget against decompression bombs: at most `max_bytes` come out.
base::Result<std::unique_ptr<ByteSource>> OpenCompressed(ByteSource& compressed,
                                                         uint64_t max_bytes);

}  // namespace keelson::unpack
