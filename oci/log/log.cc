// SPDX-License-Identifier: Apache-2.0
#include "oci/log/log.h"

#include <unistd.h>

#include <cstdio>

#include "lib/base/clock.h"
#include "lib/base/rfc3339.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::oci {

namespace {

LogPlace place;

std::string Line(const char* level, const std::string& text) {
  const std::string time = base::FormatRfc3339(base::SystemClock().WallNanos());
  if (!place.json) {
    return fmt::format("time=\"{}\" level={} msg={}\n", time, level,
                       json::WriteJson(json::Value(text)));
  }
  json::Value line = json::Value::Object();
  line.Set("level", json::Value(level));
  line.Set("msg", json::Value(text));
  line.Set("time", json::Value(time));
  return json::WriteJson(line) + "\n";
}

}  // namespace

void SetLogPlace(const LogPlace& wanted) { place = wanted; }

void Tell(const char* level, const std::string& text) {
  // What execve said of the program itself stands alone, as a shell's words would.
  std::fprintf(stderr, text.starts_with("exec ") ? "%s%s\n" : "%s: %s\n",
               text.starts_with("exec ") ? "" : "keelson-oci", text.c_str());
  if (place.file >= 0) (void)os::WriteAll(place.file, Line(level, text));
}

bool IsDebug() { return place.debug; }

void WriteDebug(const std::string& text) {
  (void)os::WriteAll(place.file >= 0 ? place.file : STDERR_FILENO, Line("debug", text));
}

}  // namespace keelson::oci
