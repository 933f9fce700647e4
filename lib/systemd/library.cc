// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/library.h"

#include <dlfcn.h>

namespace keelson::systemd {

using base::Code;
using base::Error;
using base::Result;

Result<Library> LoadLibrary(const std::string& name) {
  // Never closed: what it has registered with the process stays valid.
  void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return Error(
        Code::kFailedPrecondition,
        fmt::format("systemd is spoken to by libsystemd, which is missing (Debian's package "
                    "libsystemd0): {}",
                    dlerror()));
  }
  Library library;
#define KEELSON_FIND(call)                                                       \
  library.call = reinterpret_cast<decltype(library.call)>(dlsym(handle, #call)); \
  if (library.call == nullptr)                                                   \
    return Error(Code::kFailedPrecondition,                                      \
                 fmt::format("'{}' has no {}: libsystemd 240 or newer is needed", name, #call));
  KEELSON_SD_BUS_CALLS(KEELSON_FIND)
#undef KEELSON_FIND
  return library;
}

}  // namespace keelson::systemd
