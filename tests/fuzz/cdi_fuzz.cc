// SPDX-License-Identifier: Apache-2.0
// What vendors write about their devices: CDI files and device names.
#include <string>

#include "lib/base/strings.h"
#include "runtime/container/cdi.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keelson;
  using fuzz::Require;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto check = [&](const container::CdiEdits& edits) {
    for (const std::string& line : edits.env) {
      Require(line.find('=') != std::string::npos && line.front() != '=', "no variable", line);
      Require(!base::ContainsControlCharacter(line), "a variable of two lines", line);
    }
    for (const container::CdiDevice& device : edits.devices) {
      Require(device.path.starts_with('/') && device.host_path.starts_with('/'), "a relative path",
              device.path);
      Require(!device.permissions.empty() && device.permissions.size() <= 3, "permissions",
              device.permissions);
    }
    for (const container::CdiMount& mount : edits.mounts)
      Require(mount.host_path.starts_with('/'), "a relative mount", mount.host_path);
    for (const uint32_t group : edits.groups) Require(group != ~0u, "no group", text);
  };
  const auto spec = container::ParseCdiSpec(text);
  if (spec.ok()) {
    check(spec->edits);
    for (const auto& [name, edits] : spec->devices) {
      Require(container::ParseCdiName(spec->kind + "=" + name).ok(), "no device's name", name);
      check(edits);
    }
  } else {
    fuzz::RequireSentence(spec.error().message());
  }
  const auto name = container::ParseCdiName(text);
  if (!name.ok()) fuzz::RequireSentence(name.error().message());
  const auto kept = container::DecodeForExec(text);
  if (kept.ok()) Require(container::EncodeForExec(*kept).size() <= size, "grows", text);
  return 0;
}
