// SPDX-License-Identifier: Apache-2.0
#include "lib/base/log.h"

#include <unistd.h>

#include <atomic>

#include "lib/base/strings.h"

namespace keelson::base {
namespace {

std::atomic<LogLevel> lowest_level{LogLevel::kInfo};

LogSink& Sink() {
  static LogSink* sink = new LogSink([](LogLevel level, std::string_view line) {
    static constexpr const char* kNames[] = {"DEBUG ", "INFO ", "WARN ", "ERROR "};
    std::string text = kNames[static_cast<int>(level)];
    text += line;
    text += '\n';
    (void)!write(STDERR_FILENO, text.data(), text.size());
  });
  return *sink;
}

void Write(LogLevel level, std::string_view message, LogFields fields) {
  if (level < lowest_level.load(std::memory_order_relaxed)) return;
  std::string line(message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += QuoteIfNeeded(field.value);
  }
  Sink()(level, line);
}

}  // namespace

void LogDebug(std::string_view message, LogFields fields) {
  Write(LogLevel::kDebug, message, fields);
}
void LogInfo(std::string_view message, LogFields fields) {
  Write(LogLevel::kInfo, message, fields);
}
void LogWarn(std::string_view message, LogFields fields) {
  Write(LogLevel::kWarn, message, fields);
}
void LogError(std::string_view message, LogFields fields) {
  Write(LogLevel::kError, message, fields);
}

void SetLogSink(LogSink sink) { Sink() = std::move(sink); }
void SetLogLevel(LogLevel lowest) { lowest_level = lowest; }

}  // namespace keelson::base
