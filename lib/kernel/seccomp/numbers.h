// SPDX-License-Identifier: Apache-2.0
// Numbers of system calls that came after the oldest libseccomp we build with (2.5.4, Linux 5.17).
// From number 424 on the number is the same on every architecture. Constant data. Source: the
// kernel's syscall tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keelson::seccomp {

constexpr uint32_t kFirstNewNumber = 451;
// Of an architecture by our name ("x86_64", "aarch64", …); nothing for names that are not in the
// table.
std::optional<uint32_t> NewNumber(std::string_view name, std::string_view architecture);

}  // namespace keelson::seccomp
