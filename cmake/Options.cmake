# SPDX-License-Identifier: Apache-2.0
# Build-wide switches. Everything a target compiles with hangs on these interface targets: keelson_plain_flags (warnings and
# hardening), keelson_flags (those, and the sanitizers or coverage asked for: all of our code but the small programs) and
# keelson_generated_flags (protobuf output: fast to build, no warnings; of the sanitizers the thread one alone, which must see
# every lock and counter).
set(KEELSON_SANITIZE "" CACHE STRING "Sanitizers for our own code, e.g. address,undefined or thread")
option(KEELSON_COVERAGE "Instrument for gcov" OFF)
option(KEELSON_FUZZ "Build libFuzzer targets (clang only)" OFF)

# One cache for all checkouts on a machine: the compiler sees paths relative to this one's root, which is told to every call (a
# preset's environment reaches cmake alone, not ninja).
find_program(KEELSON_CCACHE ccache)
if(KEELSON_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${KEELSON_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()
cmake_path(RELATIVE_PATH CMAKE_SOURCE_DIR BASE_DIRECTORY ${CMAKE_BINARY_DIR} OUTPUT_VARIABLE KEELSON_RELATIVE_ROOT)

find_program(KEELSON_MOLD mold)
add_library(keelson_plain_flags INTERFACE)
target_include_directories(keelson_plain_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(keelson_plain_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror
  -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${KEELSON_RELATIVE_ROOT}/=)
target_compile_definitions(keelson_plain_flags INTERFACE
  KEELSON_VERSION="${PROJECT_VERSION}" $<$<CONFIG:Debug>:KEELSON_DEBUG>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # g++ 12's own stable_sort() uses what it calls deprecated.
  target_compile_options(keelson_plain_flags INTERFACE -Wthread-safety -Wno-gnu-zero-variadic-macro-arguments -Wno-deprecated-declarations)
endif()
if(KEELSON_MOLD)
  target_link_options(keelson_plain_flags INTERFACE -fuse-ld=mold)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
  set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
  target_compile_options(keelson_plain_flags INTERFACE -fstack-protector-strong -fstack-clash-protection -ffunction-sections -fdata-sections)
  target_compile_definitions(keelson_plain_flags INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  target_link_options(keelson_plain_flags INTERFACE -Wl,-z,relro,-z,now -Wl,--gc-sections)
endif()

add_library(keelson_flags INTERFACE)
target_link_libraries(keelson_flags INTERFACE keelson_plain_flags)
if(KEELSON_SANITIZE)
  target_compile_options(keelson_flags INTERFACE -fsanitize=${KEELSON_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(keelson_flags INTERFACE -fsanitize=${KEELSON_SANITIZE})
endif()
if(KEELSON_COVERAGE)
  target_compile_options(keelson_flags INTERFACE --coverage)
  target_link_options(keelson_flags INTERFACE --coverage)
endif()
if(KEELSON_FUZZ)
  target_compile_options(keelson_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if((KEELSON_SANITIZE OR KEELSON_COVERAGE) AND NOT KEELSON_FUZZ)
  set(KEELSON_INSTRUMENTED ON)
endif()

# How a sanitized program behaves and where it reports; linked into every one, since daemons are started with a bare environment.
add_library(keelson_sanitizer_options INTERFACE)
if(KEELSON_SANITIZE AND NOT KEELSON_FUZZ)
  set(KEELSON_REPORTS ${CMAKE_BINARY_DIR}/reports)
  file(MAKE_DIRECTORY ${KEELSON_REPORTS})
  add_library(keelson_sanitizer_options_object OBJECT ${CMAKE_SOURCE_DIR}/tests/sanitizers/options.cc)
  target_compile_definitions(keelson_sanitizer_options_object PRIVATE
    KEELSON_REPORTS="${KEELSON_REPORTS}" KEELSON_SUPPRESSIONS="${CMAKE_SOURCE_DIR}/tests/sanitizers")
  target_link_libraries(keelson_sanitizer_options_object PRIVATE keelson_flags)
  target_sources(keelson_sanitizer_options INTERFACE $<TARGET_OBJECTS:keelson_sanitizer_options_object>)
  if(KEELSON_SANITIZE STREQUAL "thread")
    target_sources(keelson_sanitizer_options_object PRIVATE ${CMAKE_SOURCE_DIR}/tests/sanitizers/grpc_order.cc)
    target_link_options(keelson_sanitizer_options INTERFACE -rdynamic)
    target_link_libraries(keelson_sanitizer_options INTERFACE ${CMAKE_DL_LIBS})
  endif()
endif()

add_library(keelson_generated_flags INTERFACE)
target_compile_options(keelson_generated_flags INTERFACE -O1 -g0 -w)
if(KEELSON_SANITIZE STREQUAL "thread")
  target_compile_options(keelson_generated_flags INTERFACE -fsanitize=thread)
endif()
