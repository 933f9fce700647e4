// SPDX-License-Identifier: Apache-2.0
// Patches of clients: a list is RFC 6902's operations, an object a merge patch and a strategic one.
// What is refused is refused in a sentence, a merge patch a second time changes nothing, and what
// comes out still is a document.
#include <string>
#include <string_view>

#include "minimal-master/patch/json_patch.h"
#include "minimal-master/patch/strategic.h"
#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/decode.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
using keelson::json::Value;
namespace patch = keelson::patch;
namespace schema = keelson::schema;

const schema::Type& Deployment() { return *schema::Find("apps", "v1", "Deployment"); }

const Value& TheObject() {
  static const Value object = *schema::DecodeAny(R"({
    "apiVersion":"apps/v1","kind":"Deployment",
    "metadata":{"name":"web","labels":{"app":"web","~a/b":"c"},"finalizers":["x/y","x/z"]},
    "spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},
      "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"maxUnavailable":"25%"}},
      "template":{"metadata":{"labels":{"app":"web"}},
        "spec":{"volumes":[{"name":"v","emptyDir":{}},{"name":"w","hostPath":{"path":"/w"}}],
          "containers":[{"name":"a","image":"a:1","args":["x","y"],
              "ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":80,"protocol":"UDP"}],
              "env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]},
            {"name":"b","image":"b:1"}],
          "tolerations":[{"key":"k","operator":"Exists"}]}}}})");
  return object;
}

void CheckValue(const Value& value) {
  const std::string written = keelson::json::WriteJson(value);
  Require(schema::CheckJson(written).ok(), "what came out is no document", written);
  const auto decoded = schema::Decode(value, Deployment());
  if (decoded.ok()) {
    (void)schema::WriteCanonical(decoded->value, Deployment());
  } else {
    RequireSentence(decoded.error().message());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto change = schema::DecodeAny(text);
  if (!change.ok()) return 0;
  const auto operated = patch::ApplyJsonPatch(TheObject(), *change);
  operated.ok() ? CheckValue(*operated) : RequireSentence(operated.failure().message);
  if (!change->IsObject()) return 0;
  const Value merged = patch::ApplyMergePatch(TheObject(), *change);
  CheckValue(merged);
  Require(patch::ApplyMergePatch(merged, *change) == merged, "a second time is another", text);
  const auto strategic = patch::ApplyStrategicMerge(TheObject(), *change, Deployment());
  strategic.ok() ? CheckValue(*strategic) : RequireSentence(strategic.failure().message);
  return 0;
}
