// SPDX-License-Identifier: Apache-2.0
// A bundle's config.json: whoever makes bundles may write anything. What is read becomes a spec or
// an error that names the place, and what is a spec holds to what the start relies on.
#include <string>

#include "oci/config/config.h"
#include "oci/plan/plan.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keelson;
  using fuzz::Require;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto process = oci::ParseProcess(text); process.ok()) {
    Require(!process->process.args.empty() && process->process.cwd.starts_with('/'), "a process",
            text);
  }
  (void)oci::ParseResources(text);
  const auto config = oci::ParseConfig(text);
  if (!config.ok()) {
    fuzz::RequireSentence(config.error().message());
    return 0;
  }
  Require(config->FindNamespace("mount") != nullptr, "the host's mount namespace", text);
  for (const bool v2 : {false, true}) {
    const auto limits = oci::LimitsOf(config->system.resources, v2);
    if (!limits.ok()) fuzz::RequireSentence(limits.error().message());
  }
  const auto rules = oci::DeviceRules(config->system.resources);
  Require(!rules.front().allow && rules.front().type == 'a', "devices nobody named", text);
  const auto spec = oci::ToSpec(*config, {"id", "/bundle", "/bundle/root"});
  if (!spec.ok()) {
    fuzz::RequireSentence(spec.error().message());
    return 0;
  }
  for (const auto& mount : spec->mounts) {
    Require(mount.destination.starts_with('/') && mount.destination != "/" &&
                mount.destination.find("/../") == std::string::npos,
            "a mount's place", mount.destination);
  }
  return 0;
}
