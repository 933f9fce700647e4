// SPDX-License-Identifier: Apache-2.0
// Linked into every program of the thread sanitizer. gRPC orders its threads by Abseil's locks, and Debian's Abseil is built without
// the sanitizer, which then sees races where a call is handed from one thread to another. These stand before Abseil's own
// (the dynamic linker takes the program's first), call them, and tell the sanitizer what they order.
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdlib>
#include <string>

namespace {

// The next definition of the function that Abseil's namespace version mangles so.
template <typename F>
F* Next(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) abort();
  return reinterpret_cast<F*>(found);
}

#define KEELSON_ABSL_TEXT(x) #x
#define KEELSON_ABSL_NAME(space) KEELSON_ABSL_TEXT(space)
#if ABSL_OPTION_USE_INLINE_NAMESPACE == 1
constexpr const char* kNamespace = KEELSON_ABSL_NAME(ABSL_OPTION_INLINE_NAMESPACE_NAME);
#else
constexpr const char* kNamespace = "";
#endif

// "Mutex", "4LockEv" -> _ZN4absl7debian35Mutex4LockEv
std::string Mangled(const std::string& type, const std::string& function) {
  const std::string space = kNamespace;
  return "_ZN4absl" + (space.empty() ? "" : std::to_string(space.size()) + space) + std::to_string(type.size()) + type + function;
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static auto* const next = Next<void(Mutex*)>(Mangled("Mutex", "4LockEv").c_str());
  next(this);
  __tsan_acquire(this);
}

bool Mutex::TryLock() {
  static auto* const next = Next<bool(Mutex*)>(Mangled("Mutex", "7TryLockEv").c_str());
  const bool locked = next(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::Unlock() {
  static auto* const next = Next<void(Mutex*)>(Mangled("Mutex", "6UnlockEv").c_str());
  __tsan_release(this);
  next(this);
}

// While they wait the lock is open.
void CondVar::Wait(Mutex* mutex) {
  static auto* const next = Next<void(CondVar*, Mutex*)>(Mangled("CondVar", "4WaitEPNS0_5MutexE").c_str());
  __tsan_release(mutex);
  next(this, mutex);
  __tsan_acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static auto* const next =
      Next<bool(CondVar*, Mutex*, Duration)>(Mangled("CondVar", "15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE").c_str());
  __tsan_release(mutex);
  const bool late = next(this, mutex, timeout);
  __tsan_acquire(mutex);
  return late;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* const next =
      Next<bool(CondVar*, Mutex*, Time)>(Mangled("CondVar", "16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE").c_str());
  __tsan_release(mutex);
  const bool late = next(this, mutex, deadline);
  __tsan_acquire(mutex);
  return late;
}

ABSL_NAMESPACE_END
}  // namespace absl
