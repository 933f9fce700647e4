// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/endpoints/facts.h"

namespace keelson::endpoints {
namespace {

void ReadPorts(const json::Value& containers, bool only_those_that_stay, PodFacts& out) {
  for (const json::Value& container : containers.items()) {
    if (only_those_that_stay && container.At({"restartPolicy"}).AsString() != "Always") continue;
    for (const json::Value& port : container.At({"ports"}).items()) {
      const std::string& name = port.At({"name"}).AsString();
      if (name.empty()) continue;
      const std::string& protocol = port.At({"protocol"}).AsString();
      out.ports.push_back(
          {name, protocol.empty() ? "TCP" : protocol, port.At({"containerPort"}).AsInt()});
    }
  }
}

}  // namespace

PodFacts ReadPod(const json::Value& pod) {
  PodFacts out;
  const json::Value& metadata = pod.At({"metadata"});
  out.ns = metadata.At({"namespace"}).AsString();
  out.name = metadata.At({"name"}).AsString();
  out.uid = metadata.At({"uid"}).AsString();
  out.terminating = metadata.At({"deletionTimestamp"}).IsString();
  const json::Value& spec = pod.At({"spec"});
  out.node = spec.At({"nodeName"}).AsString();
  out.hostname = spec.At({"hostname"}).AsString();
  out.subdomain = spec.At({"subdomain"}).AsString();
  ReadPorts(spec.At({"containers"}), false, out);
  ReadPorts(spec.At({"initContainers"}), true, out);
  const json::Value& status = pod.At({"status"});
  for (const json::Value& ip : status.At({"podIPs"}).items())
    out.ips.push_back(ip.At({"ip"}).AsString());
  if (out.ips.empty() && !status.At({"podIP"}).AsString().empty())
    out.ips.push_back(status.At({"podIP"}).AsString());
  const std::string& phase = status.At({"phase"}).AsString();
  out.ended = phase == "Succeeded" || phase == "Failed";
  for (const json::Value& condition : status.At({"conditions"}).items()) {
    if (condition.At({"type"}).AsString() == "Ready")
      out.ready = condition.At({"status"}).AsString() == "True";
  }
  return out;
}

}  // namespace keelson::endpoints
