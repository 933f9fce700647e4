// SPDX-License-Identifier: Apache-2.0
// Ref<T>: a pointer to a T that counts its holders itself (T derives from Counted). Eight bytes,
// one allocation, and it can tell whether it is the only holder, which lets a writer change in
// place what no reader shares. Value type; holders may live in any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace keelson::watch {

class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) {}
  Counted& operator=(const Counted&) = delete;

 private:
  template <typename T>
  friend class Ref;
  mutable std::atomic<uint32_t> holders_{0};
};

template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  explicit Ref(T* target) : target_(target) { Hold(); }
  Ref(const Ref& other) : target_(other.target_) { Hold(); }
  Ref(Ref&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~Ref() {
    if (target_ != nullptr && target_->holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete target_;
    }
  }

  T* get() const { return target_; }
  T* operator->() const { return target_; }
  T& operator*() const { return *target_; }
  explicit operator bool() const { return target_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.target_ == b.target_; }
  // Only while nobody can copy this Ref meanwhile.
  bool unique() const { return target_->holders_.load(std::memory_order_acquire) == 1; }

 private:
  void Hold() {
    if (target_ != nullptr) target_->holders_.fetch_add(1, std::memory_order_relaxed);
  }
  T* target_ = nullptr;
};

}  // namespace keelson::watch
