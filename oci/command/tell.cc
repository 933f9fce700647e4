// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "oci/command/command.h"
#include "oci/log/log.h"

namespace keelson::oci {

namespace {

// Callers look for runc's words: "exec /x: permission denied".
std::string AsOthersSay(const base::Error& error) {
  std::string text = error.message();
  if (text.starts_with("exec \"")) {
    const size_t end = text.find("\": ", 6);
    if (end != std::string::npos && error.os_errno() != 0)
      text = "exec " + text.substr(6, end - 6) + text.substr(end + 1);
  }
  if (error.os_errno() == 0) return text;
  const std::string words = strerror(error.os_errno());
  if (text.ends_with(words) && words[0] >= 'A' && words[0] <= 'Z')
    text[text.size() - words.size()] |= 0x20;
  return text;
}

}  // namespace

void Warn(const std::string& text) { Tell("warning", text); }

void Complain(const base::Error& error) { Tell("error", AsOthersSay(error)); }

}  // namespace keelson::oci
