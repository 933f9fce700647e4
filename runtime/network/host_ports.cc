// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/host_ports.h"

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"
#include "lib/base/ip_address.h"

namespace keelson::network {

using base::Result;
using base::Status;

namespace {

constexpr uint32_t kMagic = 0x5048504b;  // "KPHP"

bool IsAny(const std::string& ip) {
  if (ip.empty() || ip == "0.0.0.0") return true;
  return base::IsV6(ip) && ip.find_first_not_of("0:") == std::string::npos;
}
// Does it hold for addresses of the family at all? No address at all holds for both.
bool Holds(const PortMapping& mapping, bool v6) {
  return mapping.host_ip.empty() || base::IsV6(mapping.host_ip) == v6;
}
bool Clash(const PortMapping& a, const PortMapping& b) {
  if (a.protocol != b.protocol || a.host_port != b.host_port) return false;
  for (const bool v6 : {false, true}) {
    if (Holds(a, v6) && Holds(b, v6) &&
        (IsAny(a.host_ip) || IsAny(b.host_ip) || a.host_ip == b.host_ip))
      return true;
  }
  return false;
}

}  // namespace

Status CheckHostPorts(const HostPortTable& table, const std::string& sandbox_id,
                      const std::vector<PortMapping>& wanted) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    const PortMapping& mapping = wanted[i];
    const std::string what =
        fmt::format("host port {}/{}{}{}", mapping.host_port, ProtocolName(mapping.protocol),
                    mapping.host_ip.empty() ? "" : " of ", mapping.host_ip);
    for (size_t other = 0; other < i; ++other) {
      if (Clash(mapping, wanted[other]))
        return base::AlreadyExists("{} is asked for twice by the pod", what);
    }
    for (const auto& [id, held] : table) {
      if (id == sandbox_id) continue;
      for (const PortMapping& theirs : held.ports) {
        if (Clash(mapping, theirs)) {
          return base::AlreadyExists("{} is taken by pod '{}' (sandbox {})", what, held.pod,
                                     id.substr(0, 12));
        }
      }
    }
  }
  return base::Ok();
}

std::string HostPortChain(const std::string& bridge) { return "KEELSON-HP-" + bridge; }

std::string PlanHostPorts(const HostPortTable& table, const std::string& bridge,
                          const std::string& subnet, bool v6) {
  const std::string chain = HostPortChain(bridge);
  std::string text = "*nat\n:" + chain + " - [0:0]\n";
  if (v6) text += "-A " + chain + " -d ::1/128 -j RETURN\n";  // the kernel does not route it
  for (const auto& [id, pod] : table) {
    const std::string& address = v6 ? pod.address6 : pod.address4;
    if (address.empty()) continue;
    for (const PortMapping& mapping : pod.ports) {
      if (!Holds(mapping, v6)) continue;
      const std::string protocol = ProtocolName(mapping.protocol);
      std::string match = "-A " + chain + " -p " + protocol;
      if (!IsAny(mapping.host_ip)) match += " -d " + mapping.host_ip + (v6 ? "/128" : "/32");
      match += " -m " + protocol + " --dport " + std::to_string(mapping.host_port);
      // Pods would answer one another directly, the machine's own loopback cannot be answered.
      text += match + " -s " + subnet + " -j MARK --set-xmark " + kHairpinMark + "\n";
      if (!v6) text += match + " -s 127.0.0.0/8 -j MARK --set-xmark " + kHairpinMark + "\n";
      text += match + " -j DNAT --to-destination " + base::Bracketed(address) + ":" +
              std::to_string(mapping.container_port) + "\n";
    }
  }
  return text + "COMMIT\n";
}

std::string EncodeHostPorts(const HostPortTable& table) {
  base::Writer w;
  w.U32(kMagic);
  w.U32(1);
  w.U32(static_cast<uint32_t>(table.size()));
  for (const auto& [id, pod] : table) {
    w.String(id);
    w.String(pod.pod);
    w.String(pod.address4);
    w.String(pod.address6);
    w.U32(static_cast<uint32_t>(pod.ports.size()));
    for (const PortMapping& mapping : pod.ports) {
      w.U8(static_cast<uint8_t>(mapping.protocol));
      w.String(mapping.host_ip);
      w.U32(mapping.host_port);
      w.U32(mapping.container_port);
    }
  }
  const std::string body = w.Take();
  base::Writer sum;
  sum.U32(base::Crc32c(body));
  return body + sum.bytes();
}

Result<HostPortTable> DecodeHostPorts(std::string_view bytes) {
  if (bytes.size() < 16) return base::DataLoss("host port record is too short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  base::Reader sum(bytes.substr(bytes.size() - 4));
  if (sum.U32() != base::Crc32c(body)) return base::DataLoss("host port record: wrong checksum");
  base::Reader r(body);
  if (r.U32() != kMagic || r.U32() < 1) return base::DataLoss("not a host port record");
  HostPortTable table;
  for (uint32_t n = r.Count(20); n > 0 && r.ok(); --n) {
    HostPorts& pod = table[r.String()];
    pod.pod = r.String();
    pod.address4 = r.String();
    pod.address6 = r.String();
    for (uint32_t m = r.Count(13); m > 0 && r.ok(); --m) {
      PortMapping mapping;
      const uint8_t protocol = r.U8();
      mapping.protocol = protocol <= 2 ? static_cast<Protocol>(protocol) : Protocol::kTcp;
      mapping.host_ip = r.String();
      mapping.host_port = static_cast<uint16_t>(r.U32());
      mapping.container_port = static_cast<uint16_t>(r.U32());
      pod.ports.push_back(std::move(mapping));
    }
  }
  if (!r.ok()) return base::DataLoss("host port record is malformed");
  return table;
}

}  // namespace keelson::network
