// SPDX-License-Identifier: Apache-2.0
#include "lib/base/strings.h"
#include "minimal-master/strategy/kinds.h"

namespace keelson::strategy {

void NodeRanges(Value& node) {
  Value* spec = node.Find("spec");
  if (spec == nullptr || !spec->IsObject()) return;
  const std::string one = spec->At({"podCIDR"}).AsString();
  const Value& several = spec->At({"podCIDRs"});
  if (!one.empty() && several.items().empty())
    spec->Set("podCIDRs", Value::Array({Value(one)}));
  else if (one.empty() && !several.items().empty())
    spec->Set("podCIDR", Value(several.items()[0]));
}

void MergeStringData(Value& secret) {
  const Value texts = secret.At({"stringData"});
  secret.Erase("stringData");
  if (texts.members().empty()) return;
  Value& data = Member(secret, "data");
  for (const auto& [key, text] : texts.members())
    data.Set(key, Value(base::Base64Encode(text.AsString())));
}

namespace {

// Of one address and several that of older clients counts.
void Addresses(Value& pod) {
  Value* status = pod.Find("status");
  if (status == nullptr || !status->IsObject()) return;
  const std::string one = status->At({"podIP"}).AsString();
  const Value& several = status->At({"podIPs"});
  const std::string first =
      several.items().empty() ? std::string() : several.items()[0].At({"ip"}).AsString();
  if (one == first) return;
  if (one.empty()) {
    status->Set("podIP", Value(first));
    return;
  }
  Value address = Value::Object();
  address.Set("ip", Value(one));
  status->Set("podIPs", Value::Array({std::move(address)}));
}

}  // namespace

void Normalize(const Kind& kind, Value& object) {
  if (kind.group == "apps" && kind.name == "DaemonSet") {
    Value& annotations = Member(Member(object, "metadata"), "annotations");
    if (annotations.Find(kTemplateGeneration) == nullptr)
      annotations.Set(kTemplateGeneration, Value("0"));
  }
  if (!kind.group.empty()) return;
  if (kind.name == "Node") NodeRanges(object);
  if (kind.name == "Secret") MergeStringData(object);
  if (kind.name == "Pod") Addresses(object);
}

}  // namespace keelson::strategy
