// SPDX-License-Identifier: Apache-2.0
// Linked into every sanitized program: reports go to files, so that one made by a daemon without a
// terminal, or by a child that a test kills, is counted too (scripts/sanitize). The environment
// (ASAN_OPTIONS, …) can change all of it.
#if defined(__SANITIZE_ADDRESS__)
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#endif

extern "C" {

__attribute__((visibility("default"))) const char* __asan_default_options();
__attribute__((visibility("default"))) const char* __ubsan_default_options();
__attribute__((visibility("default"))) const char* __lsan_default_options();
__attribute__((visibility("default"))) const char* __tsan_default_options();

const char* __asan_default_options() {
  return "log_path=" KEELSON_REPORTS
         "/address:log_exe_name=1:detect_stack_use_after_return=1:strict_init_order=1:check_"
         "initialization_order=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1"; }

#if defined(__SANITIZE_ADDRESS__)
// With g++ the undefined-behaviour library beside the address library writes to standard error
// alone: the file says that it did.
void __ubsan_get_current_report_data(const char** kind, const char** message, const char** file,
                                     unsigned* line, unsigned* column, const char** address);
__attribute__((visibility("default"))) void __ubsan_on_report();

void __ubsan_on_report() {
  const char *kind = "", *message = "", *file = "", *address = nullptr;
  unsigned line = 0, column = 0;
  __ubsan_get_current_report_data(&kind, &message, &file, &line, &column, &address);
  char path[sizeof KEELSON_REPORTS + 64];
  std::snprintf(path, sizeof path, "%s/undefined.%d", KEELSON_REPORTS, static_cast<int>(getpid()));
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  dprintf(fd, "%s:%u:%u: runtime error: %s (%s); the stack is in the output of the program\n", file,
          line, column, message, kind);
  close(fd);
}
#endif

const char* __lsan_default_options() { return "suppressions=" KEELSON_SUPPRESSIONS "/lsan.supp"; }

const char* __tsan_default_options() {
  return "log_path=" KEELSON_REPORTS
         "/thread:log_exe_name=1:second_deadlock_stack=1:history_size=4:"
         "suppressions=" KEELSON_SUPPRESSIONS "/tsan.supp";
}

}  // extern "C"
