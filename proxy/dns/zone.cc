// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::dns {
namespace {

constexpr char kVersion[] = "1.1.0";

// "10-42-0-2", "fd00--2": how an endpoint without a name is called.
std::string Dashed(std::string address) {
  std::replace(address.begin(), address.end(), '.', '-');
  std::replace(address.begin(), address.end(), ':', '-');
  return address;
}

std::string Undashed(std::string name) {
  const size_t dashes = static_cast<size_t>(std::count(name.begin(), name.end(), '-'));
  std::string four = name;
  std::replace(four.begin(), four.end(), '-', '.');
  if (dashes == 3 && !AddressBytes(four).empty()) return four;
  std::replace(name.begin(), name.end(), '-', ':');
  return name;
}

std::string ServicePort(const Port& port, const std::string& service) {
  return fmt::format("_{}._{}.{}", base::ToLower(port.name), port.protocol, service);
}

}  // namespace

std::string AddressBytes(const std::string& address) {
  const std::optional<base::IpAddress> read = base::IpAddress::Parse(address);
  return read ? std::string(read->raw()) : "";
}

std::string ReverseName(const std::string& address) {
  const std::string bytes = AddressBytes(address);
  std::string name;
  for (size_t i = bytes.size(); i-- > 0;) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    name += bytes.size() == 4 ? fmt::format("{}.", byte)
                              : fmt::format("{:x}.{:x}.", byte & 15, byte >> 4);
  }
  return name + (bytes.size() == 4 ? "in-addr.arpa" : "ip6.arpa");
}

Zone::Zone(const std::vector<Service>& services, const std::vector<Endpoints>& endpoints,
           Options options, uint32_t serial)
    : options_(std::move(options)), serial_(serial) {
  std::map<std::pair<std::string, std::string>, std::vector<const Endpoints*>> of;
  for (const Endpoints& one : endpoints) of[{one.ns, one.service}].push_back(&one);
  names_[options_.domain];
  names_["svc." + options_.domain];
  Add({.name = "dns-version." + options_.domain, .type = kTxt, .data = kVersion});
  for (const Service& service : services) {
    AddService(service);
    const auto found = of.find({service.ns, service.name});
    if (found == of.end() || !service.addresses.empty() || !service.external_name.empty()) continue;
    for (const Endpoints* one : found->second) AddEndpoints(service, *one);
  }
}

void Zone::AddParents(std::string_view name) {
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    name.remove_prefix(dot + 1);
    if (name.size() < options_.domain.size() || !name.ends_with(options_.domain)) return;
    if (!names_.try_emplace(std::string(name)).second) return;
  }
}

void Zone::Add(Record record) {
  record.ttl = options_.ttl;
  auto& there = names_[record.name];
  if (std::find(there.begin(), there.end(), record) != there.end()) return;
  if (there.empty()) AddParents(record.name);
  there.push_back(std::move(record));
}

void Zone::AddAddress(const std::string& name, const std::string& address) {
  std::string bytes = AddressBytes(address);
  if (bytes.empty()) return;
  const uint16_t type = bytes.size() == 4 ? kA : kAaaa;
  Add({.name = name, .type = type, .data = std::move(bytes)});
}

void Zone::AddReverse(const std::string& address, const std::string& name) {
  if (!AddressBytes(address).empty())
    Add({.name = ReverseName(address), .type = kPtr, .data = name});
}

void Zone::AddService(const Service& service) {
  const std::string name = fmt::format("{}.{}.svc.{}", service.name, service.ns, options_.domain);
  if (!service.external_name.empty()) {
    std::string target = base::ToLower(service.external_name);
    if (target.ends_with('.')) target.pop_back();
    return Add({.name = name, .type = kCname, .data = std::move(target)});
  }
  for (const std::string& address : service.addresses) {
    AddAddress(name, address);
    AddReverse(address, name);
  }
  if (service.addresses.empty()) return;
  for (const Port& port : service.ports) {
    if (port.name.empty()) continue;
    Add({.name = ServicePort(port, name),
         .type = kSrv,
         .data = name,
         .weight = 100,
         .port = port.port});
  }
}

void Zone::AddEndpoints(const Service& service, const Endpoints& endpoints) {
  const std::string name = fmt::format("{}.{}.svc.{}", service.name, service.ns, options_.domain);
  for (const Endpoints::One& one : endpoints.ready) {
    const std::string own =
        (one.hostname.empty() ? Dashed(one.address) : base::ToLower(one.hostname)) + "." + name;
    AddAddress(name, one.address);
    AddAddress(own, one.address);
    if (!one.hostname.empty()) AddReverse(one.address, own);
    for (const Port& port : endpoints.ports) {
      if (port.name.empty()) continue;
      Add({.name = ServicePort(port, name),
           .type = kSrv,
           .data = own,
           .weight = 100,
           .port = port.port});
    }
  }
}

void Zone::Negative(Answer& answer) const {
  answer.authority.push_back({.name = options_.domain,
                              .type = kSoa,
                              .ttl = options_.ttl,
                              .data = fmt::format("ns.dns.{0} hostmaster.{0}", options_.domain)});
}

bool Zone::SpelledPod(const Question& question, Answer& answer) const {
  const std::string end = ".pod." + options_.domain;
  if (!options_.pod_names || !question.name.ends_with(end)) return false;
  const std::string_view head =
      std::string_view(question.name).substr(0, question.name.size() - end.size());
  const size_t dot = head.find('.');
  if (dot == std::string_view::npos || head.find('.', dot + 1) != std::string_view::npos)
    return false;
  std::string bytes = AddressBytes(Undashed(std::string(head.substr(0, dot))));
  if (bytes.empty()) return false;
  const uint16_t type = bytes.size() == 4 ? kA : kAaaa;
  if (question.type == type || question.type == kAny)
    answer.answers.push_back(
        {.name = question.name, .type = type, .ttl = options_.ttl, .data = std::move(bytes)});
  else
    Negative(answer);
  return true;
}

bool Zone::Find(const Question& question, Answer& answer) const {
  const std::string& name = question.name;
  const bool inside = name == options_.domain || name.ends_with("." + options_.domain);
  const auto found = names_.find(name);
  if (found == names_.end() && !inside) return false;
  answer.authoritative = true;
  answer.serial = serial_;
  if (found == names_.end()) {
    if (SpelledPod(question, answer)) return true;
    answer.code = kNxDomain;
    Negative(answer);
    return true;
  }
  for (const Record& record : found->second) {
    if (record.type == question.type || question.type == kAny || record.type == kCname)
      answer.answers.push_back(record);
    // Who asks where a service is wants to know the addresses next.
    if (record.type != kSrv || question.type != kSrv) continue;
    const auto target = names_.find(record.data);
    if (target == names_.end()) continue;
    for (const Record& address : target->second)
      if (address.type == kA || address.type == kAaaa) answer.additional.push_back(address);
  }
  if (answer.answers.empty()) {
    if (name == options_.domain && question.type == kSoa) {
      Negative(answer);
      answer.answers.swap(answer.authority);
    } else {
      Negative(answer);
    }
  } else if (answer.answers.size() > 1) {
    std::rotate(answer.answers.begin(),
                answer.answers.begin() +
                    static_cast<std::ptrdiff_t>(turn_.fetch_add(1) % answer.answers.size()),
                answer.answers.end());
  }
  return true;
}

}  // namespace keelson::dns
