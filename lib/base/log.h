// SPDX-License-Identifier: Apache-2.0
// Log facade: one line per event, a fixed message and key=value fields, the error last.
// lib/* and planners log at debug only; whoever handles an error logs it, once.
// ERROR: the operator must act. WARN: degraded, and the line says what we do instead. INFO: state
// changes. DEBUG: decisions. The sink is the one global: stderr until main() installs another
// (lib/log brings spdlog). Any thread.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "lib/base/error.h"

namespace keelson::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  LogField(std::string_view k, const Error& e) : key(k), value(e.message()) {}
  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
  LogField(std::string_view k, T v) : key(k), value(std::to_string(v)) {}

  std::string_view key;
  std::string value;
};

using LogFields = std::initializer_list<LogField>;

void LogDebug(std::string_view message, LogFields fields = {});
void LogInfo(std::string_view message, LogFields fields = {});
void LogWarn(std::string_view message, LogFields fields = {});
void LogError(std::string_view message, LogFields fields = {});

// `line` is the message followed by its fields, values quoted where they hold spaces, quotes or
// control characters.
using LogSink = std::function<void(LogLevel, std::string_view line)>;
void SetLogSink(LogSink sink);      // main() and tests only, before threads start
void SetLogLevel(LogLevel lowest);  // default kInfo

}  // namespace keelson::base
