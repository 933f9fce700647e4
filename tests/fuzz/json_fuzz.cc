// SPDX-License-Identifier: Apache-2.0
// The readers of JSON and YAML: no text breaks them, and what they read can be written and read
// again.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/json/value.h"

namespace {

using keelson::json::Value;

constexpr keelson::json::Limits kLimits{.bytes = 64 << 10, .depth = 100, .values = 20'000};

void Require(bool good, const char* what, const std::string& text) {
  if (good) return;
  fprintf(stderr, "%s:\n%s\n", what, text.c_str());
  abort();
}

// No JSON stands for infinity and not-a-number, which YAML can write.
bool IsWritable(const Value& value) {
  if (value.kind() == Value::Kind::kDouble && !std::isfinite(value.AsDouble())) return false;
  for (const Value& item : value.items()) {
    if (!IsWritable(item)) return false;
  }
  for (const auto& [key, member] : value.members()) {
    if (!IsWritable(member)) return false;
  }
  return true;
}

void CheckWriters(const Value& value) {
  if (!IsWritable(value)) return;
  for (const bool pretty : {false, true}) {
    const std::string json = WriteJson(value, pretty);
    const auto again = keelson::json::ParseJson(json);
    Require(again.ok(), "the JSON that was written cannot be read", json);
    Require(*again == value, "the JSON that was written reads as something else", json);
  }
  if (value.IsNull()) return;  // as YAML this is an empty document, which is refused
  const std::string yaml = WriteYaml(value);
  const auto again = keelson::json::ParseYaml(yaml);
  Require(again.ok(), "the YAML that was written cannot be read", yaml);
  Require(*again == value, "the YAML that was written reads as something else", yaml);
}

void CheckError(const std::string& message) {
  Require(!message.empty() && message.size() < 4096, "a refusal without words or without end",
          message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = keelson::json::ParseJson(text, kLimits);
  json.ok() ? CheckWriters(*json) : CheckError(json.error().message());
  const auto yaml = keelson::json::ParseYaml(text, kLimits);
  yaml.ok() ? CheckWriters(*yaml) : CheckError(yaml.error().message());
  const auto stream = keelson::json::ParseYamlStream(text, kLimits);
  if (!stream.ok()) CheckError(stream.error().message());
  return 0;
}
