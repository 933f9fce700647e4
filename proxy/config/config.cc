// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::proxy {

using base::Result;
using base::Status;
using std::chrono::milliseconds;

namespace {

// Known upstream, without effect here.
const std::set<std::string_view> kOther = {"bindAddress",
                                           "bindAddressHardFail",
                                           "clientConnection.acceptContentTypes",
                                           "clientConnection.burst",
                                           "clientConnection.contentType",
                                           "clientConnection.qps",
                                           "configSyncPeriod",
                                           "detectLocal.bridgeInterface",
                                           "detectLocal.interfaceNamePrefix",
                                           "enableProfiling",
                                           "featureGates",
                                           "iptables.localhostNodePorts",
                                           "ipvs.excludeCIDRs",
                                           "ipvs.minSyncPeriod",
                                           "ipvs.scheduler",
                                           "ipvs.strictARP",
                                           "ipvs.syncPeriod",
                                           "ipvs.tcpFinTimeout",
                                           "ipvs.tcpTimeout",
                                           "ipvs.udpTimeout",
                                           "logging",
                                           "nftables.masqueradeAll",
                                           "nftables.masqueradeBit",
                                           "nftables.minSyncPeriod",
                                           "nftables.syncPeriod",
                                           "portRange",
                                           "showHiddenMetricsForVersion",
                                           "windowsRunAsService",
                                           "winkernel"};
const std::set<std::string_view> kGroups = {"clientConnection", "conntrack", "detectLocal",
                                            "iptables",         "ipvs",      "nftables"};

// As good as not given: what tools write that write every field.
bool IsNothing(const json::Value& value) {
  return value.IsNull() ||
         (value.IsString() && (value.AsString().empty() || value.AsString() == "0s")) ||
         (value.IsNumber() && value.AsDouble() == 0) || (value.IsBool() && !value.AsBool()) ||
         (value.IsArray() && value.items().empty()) ||
         (value.IsObject() && value.members().empty());
}

class Reader {
 public:
  Reader() {
    Text("clientConnection.kubeconfig", config_.kubeconfig);
    Text("hostnameOverride", config_.node);
    Text("clusterCIDR", config_.cluster_cidr);
    At("healthzBindAddress", config_.healthz, ":10256");
    At("metricsBindAddress", config_.metrics, ":10249");
    Yes("iptables.masqueradeAll", config_.masquerade_all);
    Whole("iptables.masqueradeBit", 0, 31, [this](int64_t n) { config_.masquerade_bit = int(n); });
    Whole("oomScoreAdj", -1000, 1000, [this](int64_t n) { config_.oom_score_adj = int(n); });
    Length("iptables.syncPeriod", [this](milliseconds n) {
      if (n.count() > 0) config_.check_period = n;
    });
    Length("iptables.minSyncPeriod", [this](milliseconds n) {
      if (n.count() > 0) config_.min_period = n;
    });
    constexpr int64_t kMost = int64_t{1} << 31;
    Whole("conntrack.maxPerCore", 0, kMost, [this](int64_t n) { config_.sysctl.max_per_core = n; });
    Whole("conntrack.min", 0, kMost, [this](int64_t n) { config_.sysctl.min = n; });
    Yes("conntrack.tcpBeLiberal", config_.sysctl.tcp_be_liberal);
    Seconds("conntrack.tcpEstablishedTimeout", config_.sysctl.tcp_established);
    Seconds("conntrack.tcpCloseWaitTimeout", config_.sysctl.tcp_close_wait);
    Seconds("conntrack.udpTimeout", config_.sysctl.udp);
    Seconds("conntrack.udpStreamTimeout", config_.sysctl.udp_stream);
    fields_["nodePortAddresses"] = [this](const json::Value& value) -> Status {
      if (!value.IsArray()) return base::InvalidArgument("must be a list");
      for (const json::Value& item : value.items()) {
        if (item.AsString() == "primary") {
          WithoutEffect(item, "nodePortAddresses: primary");
        } else if (item.AsString().find('/') == std::string::npos) {
          return base::InvalidArgument("'{}' is no block of addresses", item.AsString());
        } else {
          config_.node_port_addresses.push_back(item.AsString());
        }
      }
      return base::Ok();
    };
    Only("mode", "iptables");
    Only("detectLocalMode", "ClusterCIDR");
  }

  Result<Config> Read(const json::Value& document) {
    if (!document.IsObject()) return base::InvalidArgument("no KubeProxyConfiguration");
    if (document.At({"kind"}).AsString() != "KubeProxyConfiguration")
      return base::InvalidArgument("kind must be KubeProxyConfiguration");
    if (document.At({"apiVersion"}).AsString() != "kubeproxy.config.k8s.io/v1alpha1")
      return base::InvalidArgument("apiVersion must be kubeproxy.config.k8s.io/v1alpha1");
    RETURN_IF_ERROR(Members(document, ""));
    return std::move(config_);
  }

 private:
  using Field = std::function<Status(const json::Value&)>;

  Status Members(const json::Value& object, const std::string& above) {
    for (const auto& [name, value] : object.members()) {
      if (above.empty() && (name == "kind" || name == "apiVersion")) continue;
      const std::string full = above + name;
      if (const auto field = fields_.find(full); field != fields_.end()) {
        if (value.IsNull()) continue;
        if (const Status read = field->second(value); !read.ok())
          return base::InvalidArgument("line {}: {}: {}", value.line(), full,
                                       read.error().message());
      } else if (above.empty() && kGroups.count(name) != 0) {
        if (value.IsNull()) continue;
        if (!value.IsObject())
          return base::InvalidArgument("line {}: {}: must be an object", value.line(), full);
        RETURN_IF_ERROR(Members(value, full + "."));
      } else if (kOther.count(full) != 0) {
        if (!IsNothing(value)) WithoutEffect(value, full);
      } else {
        return base::InvalidArgument("line {}: unknown field \"{}\"", value.line(), full);
      }
    }
    return base::Ok();
  }

  void WithoutEffect(const json::Value& value, const std::string& what) {
    config_.without_effect.push_back(fmt::format("line {}: {}", value.line(), what));
  }

  void Text(const std::string& name, std::string& to) {
    fields_[name] = [&to](const json::Value& value) -> Status {
      if (!value.IsString()) return base::InvalidArgument("must be a text");
      if (!value.AsString().empty()) to = value.AsString();
      return base::Ok();
    };
  }
  void At(const std::string& name, std::string& to, const std::string& port) {
    fields_[name] = [&to, port](const json::Value& value) -> Status {
      if (!value.IsString()) return base::InvalidArgument("must be a text");
      std::string text = value.AsString();
      if (text.empty()) return base::Ok();
      const size_t colons = static_cast<size_t>(std::count(text.begin(), text.end(), ':'));
      if (colons > 1 && text.front() != '[') text = "[" + text + "]";
      if (colons == 0 || text.back() == ']') text += port;
      to = text;
      return base::Ok();
    };
  }
  void Yes(const std::string& name, bool& to) {
    fields_[name] = [&to](const json::Value& value) -> Status {
      if (!value.IsBool()) return base::InvalidArgument("must be true or false");
      to = value.AsBool();
      return base::Ok();
    };
  }
  void Whole(const std::string& name, int64_t least, int64_t most,
             std::function<void(int64_t)> set) {
    fields_[name] = [least, most, set = std::move(set)](const json::Value& value) -> Status {
      if (!value.IsInt() || value.AsInt() < least || value.AsInt() > most)
        return base::InvalidArgument("must be a number from {} to {}", least, most);
      set(value.AsInt());
      return base::Ok();
    };
  }
  void Length(const std::string& name, std::function<void(milliseconds)> set) {
    fields_[name] = [set = std::move(set)](const json::Value& value) -> Status {
      const auto length = ParseLength(value.AsString());
      if (!value.IsString() || !length)
        return base::InvalidArgument("must be a length of time, as 1m30s");
      set(*length);
      return base::Ok();
    };
  }
  void Seconds(const std::string& name, std::chrono::seconds& to) {
    Length(name, [&to](milliseconds n) { to = std::chrono::ceil<std::chrono::seconds>(n); });
  }
  // Of several ways upstream has, the one that is here.
  void Only(const std::string& name, const std::string& ours) {
    fields_[name] = [this, name, ours](const json::Value& value) -> Status {
      if (!value.IsString()) return base::InvalidArgument("must be a text");
      if (!value.AsString().empty() && value.AsString() != ours)
        WithoutEffect(value, fmt::format("{}: {} (it is {})", name, value.AsString(), ours));
      return base::Ok();
    };
  }

  Config config_;
  std::map<std::string, Field, std::less<>> fields_;
};

}  // namespace

std::optional<milliseconds> ParseLength(const std::string& text) {
  if (text == "0") return milliseconds(0);
  double total = 0;
  size_t at = 0;
  while (at < text.size()) {
    double number = 0, place = 1;
    const size_t begin = at;
    bool point = false;
    for (; at < text.size(); ++at) {
      const char c = text[at];
      if (c == '.' && !point) {
        point = true;
      } else if (c >= '0' && c <= '9') {
        if (point) place /= 10;
        number = point ? number + (c - '0') * place : number * 10 + (c - '0');
      } else {
        break;
      }
    }
    if (at == begin) return std::nullopt;
    size_t end = at;
    while (end < text.size() && text[end] >= 'a' && text[end] <= 'z') ++end;
    const std::string unit = text.substr(at, end - at);
    const double factor = unit == "h"    ? 3.6e6
                          : unit == "m"  ? 6e4
                          : unit == "s"  ? 1e3
                          : unit == "ms" ? 1
                          : unit == "us" ? 1e-3
                          : unit == "ns" ? 1e-6
                                         : 0;
    if (factor == 0) return std::nullopt;
    total += number * factor;
    at = end;
  }
  if (text.empty() || total > 1e13) return std::nullopt;
  return milliseconds(static_cast<int64_t>(total + 0.5));
}

Result<Config> ParseConfig(const json::Value& document) { return Reader().Read(document); }

Result<Config> ReadConfig(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, size_t{1} << 20));
  const auto document = json::ParseYaml(text);
  if (!document.ok()) return document.error().WithContext(path);
  auto config = ParseConfig(*document);
  if (!config.ok()) return config.error().WithContext(path);
  return config;
}

}  // namespace keelson::proxy
