// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/node.h"

namespace keelson::kube {
namespace {

// In this order upstream's control planes look for a kubelet.
constexpr const char* kAddressTypes[] = {"InternalIP", "Hostname", "InternalDNS", "ExternalIP",
                                         "ExternalDNS"};
constexpr int kKubeletPort = 10250;

}  // namespace

KubeletPlace KubeletPlaceOf(const json::Value& node) {
  KubeletPlace place;
  for (const char* type : kAddressTypes) {
    for (const json::Value& address : node.At({"status", "addresses"}).items()) {
      if (place.host.empty() && address.At({"type"}).AsString() == type)
        place.host = address.At({"address"}).AsString();
    }
  }
  const int64_t port = node.At({"status", "daemonEndpoints", "kubeletEndpoint", "Port"}).AsInt();
  place.port = port > 0 && port <= 65535 ? static_cast<int>(port) : kKubeletPort;
  return place;
}

}  // namespace keelson::kube
