// SPDX-License-Identifier: Apache-2.0
#include "lib/base/fail_point.h"

#ifdef KEELSON_DEBUG

#include <signal.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lib/base/fail_point_table.h"

namespace keelson::base::fail_point {
namespace {

Table* Attach() {
  const char* id = std::getenv(kVariable);
  if (id == nullptr) return nullptr;
  void* const memory = shmat(std::atoi(id), nullptr, 0);
  return memory == reinterpret_cast<void*>(-1) ? nullptr : static_cast<Table*>(memory);
}

}  // namespace

void Reached(const char* name) {
  const int saved = errno;
  static Table* const table = Attach();
  errno = saved;
  if (table == nullptr) return;
  Slot* const slot = Find(*table, program_invocation_short_name, name);
  if (slot == nullptr || slot->point[0] == '\0') {
    if (table->strangers.fetch_add(1) == 0) {
      std::snprintf(table->stranger, sizeof table->stranger, "%s %s", program_invocation_short_name,
                    name);
    }
    errno = saved;
    return;
  }
  slot->hits.fetch_add(1);
  if (slot->left.load() <= 0 || slot->left.fetch_sub(1) != 1) return;
  slot->deaths.fetch_add(1);
  (void)kill(getpid(), SIGKILL);
  for (;;) (void)pause();  // nothing more is done, whichever thread the kernel ends first
}

const char* Inherited() {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, kVariable, sizeof kVariable - 1) == 0 &&
        (*entry)[sizeof kVariable - 1] == '=')
      return *entry;
  }
  return nullptr;
}

}  // namespace keelson::base::fail_point

#endif
