// SPDX-License-Identifier: Apache-2.0
// What keelson-recording-disk leaves: entries one after the other, a head and, for a write, its
// bytes. Read and written on one machine.
#pragma once

#include <cstdint>

namespace keelson::power_test {

struct LogHead {
  uint64_t offset = 0;  // on the disk, bytes
  uint32_t length = 0;  // of the bytes that follow; 0: a flush
  uint32_t reserved = 0;
};

}  // namespace keelson::power_test
