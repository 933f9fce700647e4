// SPDX-License-Identifier: Apache-2.0
// What a node's operator writes: KubeletConfiguration, KubeProxyConfiguration, keelson-runtime's
// settings, kubeconfigs, resolv.conf, the pods' networks; and what a low-level runtime says of its
// features. What is taken can be shown and reads back; what is refused is refused in a sentence.
#include <string>
#include <string_view>

#include "kubelet/config/config.h"
#include "kubelet/pod/dns.h"
#include "lib/json/value.h"
#include "lib/kube/client/config.h"
#include "lib/os/pipe.h"
#include "proxy/config/config.h"
#include "runtime/config/config.h"
#include "runtime/handlers/handlers.h"
#include "runtime/network/subnets.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
using namespace keelson;

template <typename Outcome>
bool Taken(const Outcome& outcome) {
  if (!outcome.ok()) RequireSentence(outcome.error().message());
  return outcome.ok();
}

void CheckKubelet(const json::Value& document) {
  const auto read = config::ParseConfig(document);
  if (!Taken(read)) return;
  (void)config::CheckMachine(*read, true);
  for (const int64_t capacity : {int64_t{0}, int64_t{1} << 30, INT64_MAX}) {
    for (const auto& threshold : config::EvictionThresholds(*read))
      (void)threshold.least.Of(capacity);
    (void)config::KeptFree(*read, "memory.available", capacity);
  }
  const json::Value shown = config::ShowConfig(*read);
  Require(json::ParseJson(json::WriteJson(shown)).ok(), "what is shown is no document");
}

void CheckProxy(const json::Value& document) {
  const auto read = proxy::ParseConfig(document);
  if (!Taken(read)) return;
  const json::Value shown = proxy::ShowConfig(*read);
  const auto again = proxy::ParseConfig(shown);
  Require(again.ok() && proxy::ShowConfig(*again) == shown, "settings read as others",
          json::WriteJson(shown));
}

void CheckRuntime(std::string_view text) {
  const auto read = runtime_config::Resolve("file", text, {});
  if (!Taken(read)) return;
  const std::string shown = runtime_config::Explain(*read);
  const auto again = runtime_config::Resolve("file", shown, {});
  Require(again.ok(), "settings shown cannot be read", shown);
  for (const auto& setting : runtime_config::Settings())
    Require(setting.show(again->config) == setting.show(read->config), "a setting reads as another",
            setting.name);
}

void CheckKubeconfig(std::string_view text) {
  const auto file = os::CreateSealedMemfd("kubeconfig", text);
  Require(file.ok(), "a file in memory");
  (void)Taken(kube::ReadKubeconfig("/proc/self/fd/" + std::to_string(file->get())));
}

void CheckNetworks(std::string_view text) {
  if (const auto subnets = network::ParsePodSubnets(text); Taken(subnets)) {
    if (subnets->v4) {
      const auto again = network::ParseSubnet(network::FormatSubnet(*subnets->v4));
      Require(again.ok() && again->base == subnets->v4->base, "a subnet reads as another", text);
    }
    (void)subnets->Numbers().Last();
  }
  if (const auto networks = network::ParseNetworks(text); Taken(networks)) {
    const std::string both = networks->v4 + (networks->v6.empty() ? "" : "," + networks->v6);
    Require(both.find_first_of(" \n\"") == std::string::npos, "a network with more in it", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto document = json::ParseYaml(text); document.ok()) {
    CheckKubelet(*document);
    CheckProxy(*document);
  }
  CheckRuntime(text);
  CheckKubeconfig(text);
  CheckNetworks(text);
  const auto resolver = pod::ParseResolvConf(text);
  for (const auto* words : {&resolver.servers, &resolver.searches, &resolver.options}) {
    for (const std::string& word : *words)
      Require(word.find_first_of(" \t\n") == std::string::npos, "a word of two", word);
  }
  (void)handlers::ReadFeatures(text);
  return 0;
}
