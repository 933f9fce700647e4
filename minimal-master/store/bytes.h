// SPDX-License-Identifier: Apache-2.0
// Bytes: an immutable, shared run of bytes, one allocation each (count, size, content) and one
// pointer to hold. Objects lie in memory once as Bytes; the store, the watch cache, lists and
// watchers share them. A default one is null (nothing), which is not the same as empty. Value type;
// copies may live in any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace keelson::store {

class Bytes {
 public:
  Bytes() = default;
  Bytes(const Bytes& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->count.fetch_add(1, std::memory_order_relaxed);
  }
  Bytes(Bytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Bytes() { Release(block_); }

  static Bytes Copy(std::string_view content) { return Join({content}); }
  static Bytes Join(std::initializer_list<std::string_view> parts);

  explicit operator bool() const { return block_ != nullptr; }
  std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(Content(block_), block_->size);
  }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  // The same memory, not only the same content.
  bool Same(const Bytes& other) const { return block_ == other.block_; }
  friend bool operator==(const Bytes& a, const Bytes& b) {
    return static_cast<bool>(a) == static_cast<bool>(b) && a.view() == b.view();
  }

 private:
  struct Block {
    std::atomic<uint32_t> count;
    uint32_t size;
  };
  static char* Content(Block* block) { return reinterpret_cast<char*>(block + 1); }
  static void Release(Block* block);

  Block* block_ = nullptr;
};

}  // namespace keelson::store
