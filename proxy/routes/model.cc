// SPDX-License-Identifier: Apache-2.0
#include "proxy/routes/model.h"

#include <algorithm>

namespace keelson::proxy {
namespace {

// {"VNI":1,"VtepMAC":"0a:…"}: of another network's number it is not for us.
std::optional<netlink::Mac> AnnouncedMac(const json::Value& annotations, std::string_view key) {
  const json::Value* text = annotations.Find(key);
  if (text == nullptr) return std::nullopt;
  const auto data = json::ParseJson(text->AsString(), {.bytes = 4096, .depth = 4, .values = 64});
  if (!data.ok()) return std::nullopt;
  if (const json::Value* vni = data->Find("VNI"); vni != nullptr && vni->AsInt() != 1)
    return std::nullopt;
  return netlink::ParseMac(data->At({"VtepMAC"}).AsString());
}

}  // namespace

ClusterNode ReadClusterNode(const json::Value& object) {
  ClusterNode node;
  node.name = object.At({"metadata", "name"}).AsString();
  const auto add = [&](const json::Value& range) {
    const auto block = base::IpBlock::Parse(range.AsString());
    if (block && std::find(node.pods.begin(), node.pods.end(), *block) == node.pods.end())
      node.pods.push_back(*block);
  };
  for (const json::Value& range : object.At({"spec", "podCIDRs"}).items()) add(range);
  if (node.pods.empty()) add(object.At({"spec", "podCIDR"}));
  for (const json::Value& address : object.At({"status", "addresses"}).items()) {
    if (address.At({"type"}).AsString() != "InternalIP") continue;
    if (const auto ip = base::IpAddress::Parse(address.At({"address"}).AsString()))
      node.addresses.push_back(*ip);
  }
  const json::Value& annotations = object.At({"metadata", "annotations"});
  const json::Value* type = annotations.Find("flannel.alpha.coreos.com/backend-type");
  if (type != nullptr && type->AsString() == "vxlan") {
    node.mac = AnnouncedMac(annotations, "flannel.alpha.coreos.com/backend-data");
    node.mac6 = AnnouncedMac(annotations, "flannel.alpha.coreos.com/backend-v6-data");
  }
  return node;
}

}  // namespace keelson::proxy
