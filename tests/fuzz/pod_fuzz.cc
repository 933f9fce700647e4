// SPDX-License-Identifier: Apache-2.0
// Texts as manifests: the decoder refuses with a line or gives a pod that a node can rely on.
#include "tests/fuzz/pod_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr keelson::json::Limits kLimits{.bytes = 64 << 10, .depth = 100, .values = 20'000};
  const auto documents = keelson::json::ParseYamlStream(text, kLimits);
  if (!documents.ok()) return 0;
  for (const keelson::json::Value& document : *documents)
    keelson::fuzz::CheckDecoders(document, true);
  return 0;
}
