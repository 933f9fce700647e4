// SPDX-License-Identifier: Apache-2.0
// Linked into every program of the thread sanitizer. Debian's gRPC and Abseil are built without it,
// which then sees races where a call is handed from one thread to another. What orders those
// threads, Abseil's locks and the way from a batch of operations to its callback, is told to the
// sanitizer here: these functions stand before the libraries' own (the dynamic linker takes the
// program's first) and call them.
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <dlfcn.h>
#include <grpc/grpc.h>
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
  return "_ZN4absl" + (space.empty() ? "" : std::to_string(space.size()) + space) +
         std::to_string(type.size()) + type + function;
}

// A call's end waits for its callbacks by a counter that the library counts down unseen; a thread
// of the library that takes a lock (as each does before it runs anything) is taken to come after
// all callbacks that are over.
char callbacks_over;

void Locked(absl::Mutex* mutex) {
  __tsan_acquire(mutex);
  __tsan_acquire(&callbacks_over);
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static auto* const next = Next<void(Mutex*)>(Mangled("Mutex", "4LockEv").c_str());
  next(this);
  Locked(this);
}

bool Mutex::TryLock() {
  static auto* const next = Next<bool(Mutex*)>(Mangled("Mutex", "7TryLockEv").c_str());
  const bool locked = next(this);
  if (locked) Locked(this);
  return locked;
}

void Mutex::Unlock() {
  static auto* const next = Next<void(Mutex*)>(Mangled("Mutex", "6UnlockEv").c_str());
  __tsan_release(this);
  next(this);
}

// While they wait the lock is open.
void CondVar::Wait(Mutex* mutex) {
  static auto* const next =
      Next<void(CondVar*, Mutex*)>(Mangled("CondVar", "4WaitEPNS0_5MutexE").c_str());
  __tsan_release(mutex);
  next(this, mutex);
  Locked(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static auto* const next = Next<bool(CondVar*, Mutex*, Duration)>(
      Mangled("CondVar", "15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE").c_str());
  __tsan_release(mutex);
  const bool late = next(this, mutex, timeout);
  Locked(mutex);
  return late;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* const next = Next<bool(CondVar*, Mutex*, Time)>(
      Mangled("CondVar", "16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE").c_str());
  __tsan_release(mutex);
  const bool late = next(this, mutex, deadline);
  Locked(mutex);
  return late;
}

ABSL_NAMESPACE_END
}  // namespace absl

// A batch is begun by one thread, its tag comes back on another.
extern "C" grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t count,
                                                 void* tag, void* reserved) {
  static auto* const next = Next<grpc_call_error(grpc_call*, const grpc_op*, size_t, void*, void*)>(
      "grpc_call_start_batch");
  __tsan_release(tag);
  return next(call, ops, count, tag, reserved);
}

// grpc::internal::CallbackWithSuccessTag::Run() and ::StaticRun() of gRPC's headers, the first step
// of every callback. Private and inline there, so they are named as the compiler names them; the
// second is this program's instead of the header's.
__attribute__((weak)) void RunCallback(void* tag, bool ok) asm(
    "_ZN4grpc8internal22CallbackWithSuccessTag3RunEb");
void StartCallback(void* tag, int ok) asm(
    "_ZN4grpc8internal22CallbackWithSuccessTag9StaticRunEP29grpc_completion_queue_functori");
void StartCallback(void* tag, int ok) {
  __tsan_acquire(tag);
  RunCallback(tag, ok != 0);
  __tsan_release(&callbacks_over);
}

// grpc::internal::InterceptorBatchMethodsImpl: made with a call on the thread that accepts it, used
// on the one that serves it. The library's own constructor and RunInterceptors(std::function),
// which it passes by address.
void MakeBatch(void* batch) asm("_ZN4grpc8internal27InterceptorBatchMethodsImplC1Ev");
void MakeBatchBase(void* batch) asm("_ZN4grpc8internal27InterceptorBatchMethodsImplC2Ev");
bool RunInterceptors(void* batch, void* function) asm(
    "_ZN4grpc8internal27InterceptorBatchMethodsImpl15RunInterceptorsESt8functionIFvvEE");

void MakeBatch(void* batch) {
  static auto* const next = Next<void(void*)>("_ZN4grpc8internal27InterceptorBatchMethodsImplC1Ev");
  next(batch);
  __tsan_release(batch);
}

void MakeBatchBase(void* batch) { MakeBatch(batch); }

bool RunInterceptors(void* batch, void* function) {
  static auto* const next = Next<bool(void*, void*)>(
      "_ZN4grpc8internal27InterceptorBatchMethodsImpl15RunInterceptorsESt8functionIFvvEE");
  __tsan_acquire(batch);
  return next(batch, function);
}
