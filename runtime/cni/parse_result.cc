// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/parse_result.h"

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/json/value.h"
#include "runtime/cni/result_codec.h"

namespace keelson::cni {

using base::Result;
using json::Value;

namespace {

constexpr json::Limits kLimits{.bytes = kMostOutput, .depth = 32, .values = 20'000};

// "10.0.0.5/24" → "10.0.0.5", in one spelling; "" when it is no address.
std::string Host(const std::string& address) {
  const std::optional<base::IpAddress> read =
      base::IpAddress::Parse(std::string_view(address).substr(0, address.find('/')));
  return read ? read->Text() : "";
}

std::string OneLine(std::string_view text) {
  constexpr size_t kMost = 512;
  std::string line;
  for (const char c : base::Trim(text).substr(0, kMost))
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  while (!line.empty() && !json::IsUtf8(line)) line.pop_back();  // cut inside a character
  return line;
}

}  // namespace

Result<AddResult> ParseAddResult(std::string_view text, const std::string& interface) {
  Result<Value> parsed = json::ParseJson(text, kLimits);
  if (!parsed.ok()) return base::DataLoss("its result is not JSON: {}", parsed.error().message());
  AddResult result;
  const Value& document = *parsed;
  if (!document.IsObject()) return base::DataLoss("its result is not an object");
  result.document = json::WriteJson(document);
  const std::vector<Value>& interfaces = document.At({"interfaces"}).items();
  const auto add = [&](const std::string& address) -> base::Status {
    const std::string host = Host(address);
    if (host.empty()) return base::DataLoss("its result has an address '{}'", OneLine(address));
    if (result.addresses.size() >= kMostAddresses)
      return base::DataLoss("its result has more than {} addresses", kMostAddresses);
    result.addresses.push_back(host);
    return base::Ok();
  };
  for (const Value& ip : document.At({"ips"}).items()) {
    if (const Value* owner = ip.Find("interface"); owner != nullptr && owner->IsInt()) {
      const int64_t index = owner->AsInt();
      if (index < 0 || static_cast<size_t>(index) >= interfaces.size())
        return base::DataLoss("its result names interface {}, of {}", index, interfaces.size());
      const Value& link = interfaces[static_cast<size_t>(index)];
      if (link.At({"sandbox"}).AsString().empty() || link.At({"name"}).AsString() != interface)
        continue;
    }
    RETURN_IF_ERROR(add(ip.At({"address"}).AsString()));
  }
  for (const char* old : {"ip4", "ip6"}) {  // up to version 0.2.0
    if (const Value* ip = document.Find(old)) RETURN_IF_ERROR(add(ip->At({"ip"}).AsString()));
  }
  for (const Value& link : interfaces) {
    // A bridge comes before the pair in what the bridge plugin writes; the pair's end is the last.
    if (link.At({"sandbox"}).AsString().empty())
      result.host_interface = OneLine(link.At({"name"}).AsString());
  }
  return result;
}

PluginError ParsePluginError(std::string_view out, std::string_view err) {
  PluginError error;
  const Result<Value> parsed = json::ParseJson(out, kLimits);
  if (parsed.ok() && parsed->IsObject()) {
    error.code = parsed->At({"code"}).AsInt();
    error.text = OneLine(parsed->At({"msg"}).AsString());
    const std::string details = OneLine(parsed->At({"details"}).AsString());
    if (!details.empty()) error.text += (error.text.empty() ? "" : "; ") + details;
  }
  if (error.text.empty()) error.text = OneLine(err);
  if (error.text.empty()) error.text = OneLine(out);
  if (error.text.empty()) error.text = "it said nothing";
  return error;
}

Result<std::vector<std::string>> ParseVersions(std::string_view text) {
  Result<Value> parsed = json::ParseJson(text, kLimits);
  if (!parsed.ok() || !parsed->IsObject())
    return base::DataLoss("its list of versions is not a JSON object");
  std::vector<std::string> versions;
  for (const Value& version : parsed->At({"supportedVersions"}).items()) {
    versions.push_back(version.AsString());
    if (versions.size() > kMostVersions || !IsVersion(versions.back()))
      return base::DataLoss("its list of versions is longer than any, or has one that is none");
  }
  if (versions.empty()) return base::DataLoss("it names no version that it supports");
  return versions;
}

}  // namespace keelson::cni
