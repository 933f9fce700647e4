// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/outcome.h"

#include <fmt/core.h>

#include <string_view>

namespace keelson::stream {
namespace {

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string InJson(const Outcome& outcome, const std::string& message) {
  if (message.empty()) return R"({"metadata":{},"status":"Success"})";
  if (!outcome.error.empty())
    return R"({"metadata":{},"status":"Failure","reason":"InternalError","code":500,"message":)" +
           Quote("Internal error occurred: " + message) + "}";
  return fmt::format(
      R"({{"metadata":{{}},"status":"Failure","reason":"NonZeroExitCode","message":{},)"
      R"("details":{{"causes":[{{"reason":"ExitCode","message":"{}"}}]}}}})",
      Quote(message), outcome.exit_code);
}

}  // namespace

std::string FormatOutcome(const Outcome& outcome, int version) {
  std::string message;
  if (!outcome.error.empty()) {
    message = "error executing command in container: " + outcome.error;
  } else if (outcome.exit_code != 0) {
    message = fmt::format("command terminated with non-zero exit code: exit status {}",
                          outcome.exit_code);
  }
  return version >= 4 ? InJson(outcome, message) : message;
}

}  // namespace keelson::stream
