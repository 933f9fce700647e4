// SPDX-License-Identifier: Apache-2.0
#include "lib/log/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "lib/base/log.h"

namespace keelson::log {

base::Status LogToStandardError(const std::string& level) {
  using base::LogLevel;
  if (level == "debug") {
    base::SetLogLevel(LogLevel::kDebug);
  } else if (level == "info") {
    base::SetLogLevel(LogLevel::kInfo);
  } else if (level == "warn") {
    base::SetLogLevel(LogLevel::kWarn);
  } else if (level == "error") {
    base::SetLogLevel(LogLevel::kError);
  } else {
    return base::InvalidArgument("log level \"{}\": expected debug, info, warn or error", level);
  }
  auto logger =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  base::SetLogSink([logger](LogLevel severity, std::string_view line) {
    const auto at = severity == LogLevel::kDebug  ? spdlog::level::debug
                    : severity == LogLevel::kInfo ? spdlog::level::info
                    : severity == LogLevel::kWarn ? spdlog::level::warn
                                                  : spdlog::level::err;
    logger->log(at, line);
  });
  return {};
}

}  // namespace keelson::log
