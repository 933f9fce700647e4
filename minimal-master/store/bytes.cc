// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/bytes.h"

#include <cstring>
#include <limits>
#include <new>

#include "lib/base/result.h"

namespace keelson::store {

Bytes Bytes::Join(std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  KEELSON_CHECK(size <= std::numeric_limits<uint32_t>::max());
  Bytes out;
  out.block_ = new (::operator new(sizeof(Block) + size)) Block{1, static_cast<uint32_t>(size)};
  char* to = Content(out.block_);
  for (const std::string_view part : parts) {
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
  return out;
}

void Bytes::Release(Block* block) {
  if (block == nullptr || block->count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block->~Block();
  ::operator delete(block);
}

}  // namespace keelson::store
