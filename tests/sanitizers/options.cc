// SPDX-License-Identifier: Apache-2.0
// Linked into every sanitized program: reports go to files, so that one made by a daemon without a terminal, or by a child that a
// test kills, is counted too (scripts/sanitize). The environment (ASAN_OPTIONS, …) can change all of it.
extern "C" {

__attribute__((visibility("default"))) const char* __asan_default_options();
__attribute__((visibility("default"))) const char* __ubsan_default_options();
__attribute__((visibility("default"))) const char* __lsan_default_options();
__attribute__((visibility("default"))) const char* __tsan_default_options();

const char* __asan_default_options() {
  return "log_path=" KEELSON_REPORTS "/address:log_exe_name=1:detect_stack_use_after_return=1:strict_init_order=1:check_initialization_order=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1:log_exe_name=1:log_path=" KEELSON_REPORTS "/undefined"; }

const char* __lsan_default_options() { return "suppressions=" KEELSON_SUPPRESSIONS "/lsan.supp"; }

const char* __tsan_default_options() {
  return "log_path=" KEELSON_REPORTS "/thread:log_exe_name=1:second_deadlock_stack=1:history_size=4:"
         "suppressions=" KEELSON_SUPPRESSIONS "/tsan.supp";
}

}  // extern "C"
