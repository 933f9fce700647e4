// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/zone_file.h"

#include "lib/json/value.h"

namespace keelson::dns {
namespace {

using json::Value;

constexpr json::Limits kLimits{.bytes = size_t{512} << 20, .depth = 10, .values = 50'000'000};

Value Texts(const std::vector<std::string>& texts) {
  Value out = Value::Array();
  for (const std::string& one : texts) out.Append(Value(one));
  return out;
}

Value Ports(const std::vector<Port>& ports) {
  Value out = Value::Array();
  for (const Port& one : ports) {
    Value port;
    port.Set("name", Value(one.name));
    port.Set("protocol", Value(one.protocol));
    port.Set("port", Value(static_cast<int64_t>(one.port)));
    out.Append(std::move(port));
  }
  return out;
}

std::vector<Port> ReadPorts(const Value& list) {
  std::vector<Port> out;
  for (const Value& one : list.items())
    out.push_back({one.At({"name"}).AsString(), one.At({"protocol"}).AsString(),
                   static_cast<uint16_t>(one.At({"port"}).AsInt())});
  return out;
}

}  // namespace

std::string WriteZoneFile(const ZoneFile& file) {
  Value out;
  out.Set("version", Value(1));
  out.Set("domain", Value(file.domain));
  out.Set("serial", Value(static_cast<int64_t>(file.serial)));
  Value services = Value::Array();
  for (const Service& one : file.services) {
    Value service;
    service.Set("ns", Value(one.ns));
    service.Set("name", Value(one.name));
    if (!one.addresses.empty()) service.Set("addresses", Texts(one.addresses));
    if (!one.external_name.empty()) service.Set("externalName", Value(one.external_name));
    if (!one.ports.empty()) service.Set("ports", Ports(one.ports));
    services.Append(std::move(service));
  }
  out.Set("services", std::move(services));
  Value endpoints = Value::Array();
  for (const Endpoints& one : file.endpoints) {
    Value entry;
    entry.Set("ns", Value(one.ns));
    entry.Set("service", Value(one.service));
    if (!one.ports.empty()) entry.Set("ports", Ports(one.ports));
    Value ready = Value::Array();
    for (const Endpoints::One& endpoint : one.ready) {
      Value each;
      each.Set("address", Value(endpoint.address));
      if (!endpoint.hostname.empty()) each.Set("hostname", Value(endpoint.hostname));
      ready.Append(std::move(each));
    }
    entry.Set("ready", std::move(ready));
    endpoints.Append(std::move(entry));
  }
  out.Set("endpoints", std::move(endpoints));
  return json::WriteJson(out) + "\n";
}

base::Result<ZoneFile> ReadZoneFile(std::string_view text) {
  ASSIGN_OR_RETURN(const Value value, json::ParseJson(text, kLimits));
  if (value.At({"version"}).AsInt() != 1)
    return base::InvalidArgument("a zone file of version {} was written by another release",
                                 value.At({"version"}).AsInt());
  ZoneFile out;
  out.domain = value.At({"domain"}).AsString();
  out.serial = static_cast<uint32_t>(value.At({"serial"}).AsInt());
  if (out.domain.empty()) return base::InvalidArgument("the zone file names no domain");
  for (const Value& one : value.At({"services"}).items()) {
    Service service{one.At({"ns"}).AsString(),
                    one.At({"name"}).AsString(),
                    {},
                    one.At({"externalName"}).AsString(),
                    ReadPorts(one.At({"ports"}))};
    for (const Value& address : one.At({"addresses"}).items())
      service.addresses.push_back(address.AsString());
    out.services.push_back(std::move(service));
  }
  for (const Value& one : value.At({"endpoints"}).items()) {
    Endpoints endpoints{one.At({"ns"}).AsString(),
                        one.At({"service"}).AsString(),
                        {},
                        ReadPorts(one.At({"ports"}))};
    for (const Value& each : one.At({"ready"}).items())
      endpoints.ready.push_back(
          {each.At({"address"}).AsString(), each.At({"hostname"}).AsString()});
    out.endpoints.push_back(std::move(endpoints));
  }
  return out;
}

}  // namespace keelson::dns
