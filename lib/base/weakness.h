// SPDX-License-Identifier: Apache-2.0
// Places where a defence can be undone on purpose, so that the tests of tests/security are seen to
// fail without it. In every program that is shipped or tested KEELSON_WEAKENED_AT(…) is the word
// `false` and what hangs on it is not compiled in. Only the objects of
// tests/security/CMakeLists.txt are built with KEELSON_WEAKENED, for programs that run in the lab
// machine and end at once elsewhere. The names are those of docs/security.md; scripts/check_docs.py
// compares them.
#pragma once

#ifdef KEELSON_WEAKENED
#ifdef NDEBUG
#error "a weakened program is never a release"
#endif

#include <string_view>

namespace keelson::base {
// Whether this defence is undone: the machine is called weak.NAME[.NAME…]. Any thread.
bool IsWeakened(std::string_view defence);
}  // namespace keelson::base
#define KEELSON_WEAKENED_AT(defence) (::keelson::base::IsWeakened(defence))
#else
#define KEELSON_WEAKENED_AT(defence) false
#endif
