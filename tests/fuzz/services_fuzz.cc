// SPDX-License-Identifier: Apache-2.0
// A list of Services, EndpointSlices and Nodes, as a control plane might tell them: what becomes
// rules is addresses, numbers and names of ours alone, whatever the objects say, and what becomes
// names reads back from the name server's file.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "proxy/apply/iptables/rules.h"
#include "proxy/dns/zone_file.h"
#include "proxy/plan/plan.h"
#include "proxy/routes/model.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
using namespace keelson;
using namespace keelson::proxy;

// Of a comment in quotes nothing may end it; outside of it only what rules are made of may stand.
void CheckRules(std::string_view text) {
  for (const std::string_view line : base::Split(text, '\n')) {
    bool quoted = false;
    for (const char c : line) {
      Require(c >= ' ' && c < 127, "a rule with a control character", line);
      if (c == '"') quoted = !quoted;
      Require(c != '\\', "a rule with a way out of its quotes", line);
    }
    Require(!quoted, "a rule with an open end", line);
    Require(line.empty() || line.starts_with('*') || line.starts_with(':') || line == "COMMIT" ||
                line.starts_with("-A ") || line.starts_with("-F ") || line.starts_with("-X "),
            "a line that is no rule", line);
  }
}

void CheckServices(const std::vector<Service>& services, const std::vector<Slice>& slices,
                   Family family) {
  iptables::Options options;
  options.family = family;
  options.cluster_cidr = family == Family::kIpv4 ? "10.42.0.0/16" : "fd42::/48";
  iptables::Pieces pieces;
  for (const Service& service : services) {
    std::vector<const Slice*> own;
    for (const Slice& slice : slices) {
      if (slice.name.ns == service.name.ns && slice.service == service.name.name)
        own.push_back(&slice);
    }
    const auto ports = PlanService(service, own, {.name = "node", .zone = "z", .held = {}}, family);
    for (const PortPlan& port : ports) {
      for (const auto* backends : {&port.cluster, &port.local}) {
        for (const Backend& backend : *backends) {
          const auto address = base::IpAddress::Parse(backend.address);
          Require(address && address->v6 == (family == Family::kIpv6),
                  "a backend of another family", backend.address);
        }
      }
    }
    pieces[service.name.ns + "/" + service.name.name] =
        iptables::MakePiece(ports, service.health_port, options);
  }
  iptables::Delta full;
  full.full = true;
  const std::string text = iptables::MakeRestore(pieces, full, options);
  CheckRules(text);
  Require(iptables::Difference(pieces, pieces).empty(), "nothing has changed", text);
}

void CheckZone(std::string_view text) {
  const auto file = dns::ReadZoneFile(text);
  if (!file.ok()) return RequireSentence(file.error().message());
  const std::string written = dns::WriteZoneFile(*file);
  const auto again = dns::ReadZoneFile(written);
  Require(again.ok() && again->services == file->services && again->endpoints == file->endpoints,
          "a zone reads as another", written);
  dns::Zone::Options options;
  options.domain = file->domain;
  (void)dns::Zone(file->services, file->endpoints, options, file->serial);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckZone(text);
  const auto list = json::ParseJson(text);
  if (!list.ok() || !list->IsArray()) return 0;
  std::vector<Service> services;
  std::vector<Slice> slices;
  for (const json::Value& object : list->items()) {
    if (auto service = ReadService(object)) services.push_back(*std::move(service));
    if (auto slice = ReadSlice(object)) slices.push_back(*std::move(slice));
    for (const auto& block : ReadClusterNode(object).pods)
      Require(!block.Text().empty(), "a block without words");
  }
  for (const Family family : {Family::kIpv4, Family::kIpv6})
    CheckServices(services, slices, family);
  return 0;
}
