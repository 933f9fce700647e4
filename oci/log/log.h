// SPDX-License-Identifier: Apache-2.0
// What the command says of itself: errors and warnings to standard error and to --log; with --debug
// also the steps of making a container and of exec, to --log where it is given, else to standard
// error. One thread. Source: runc(8); the steps have its words, since people and tools look for
// these.
#pragma once

#include <fmt/format.h>

#include <string>

namespace keelson::oci {

struct LogPlace {
  int file = -1;  // of --log; the caller's
  bool json = false;
  bool debug = false;
};
void SetLogPlace(const LogPlace& place);

void Tell(const char* level, const std::string& text);
bool IsDebug();
void WriteDebug(const std::string& text);

template <typename... Args>
void Debug(fmt::format_string<Args...> format, Args&&... args) {
  if (IsDebug()) WriteDebug(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace keelson::oci
