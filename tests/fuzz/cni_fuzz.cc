// SPDX-License-Identifier: Apache-2.0
// What network plugins write, what their administrators write, and the records kept of both.
#include <algorithm>
#include <string>

#include "lib/base/ip_address.h"
#include "lib/json/value.h"
#include "runtime/cni/config.h"
#include "runtime/cni/parse_result.h"
#include "runtime/cni/record.h"
#include "runtime/cni/request.h"
#include "runtime/cni/result_codec.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keelson;
  using fuzz::Require;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto one_line = [](const std::string& words) {
    return std::ranges::none_of(words, [](char c) { return c == '\n' || c == '\r' || c == 0x1b; });
  };
  if (const auto result = cni::ParseAddResult(text, "eth0"); result.ok()) {
    for (const std::string& address : result->addresses) {
      const auto read = base::IpAddress::Parse(address);
      Require(read && read->Text() == address, "not an address", address);
    }
    Require(one_line(result->host_interface), "more than a line", result->host_interface);
    // The next plugin gets it as it was.
    Require(cni::IsOneObject(result->document), "what is no object", result->document);
    const auto again = cni::ParseAddResult(result->document, "eth0");
    Require(again.ok() && again->addresses == result->addresses, "changed by writing", text);
  } else {
    fuzz::RequireSentence(result.error().message());
  }
  // The daemon takes what keelson-read answers, and as what it was.
  const auto added = cni::ParseAddResult(text, "eth0");
  Require(
      cni::EncodeAnswer(cni::DecodeAddResult(cni::EncodeAnswer(added))) == cni::EncodeAnswer(added),
      "an answer that is taken as another", text);
  const auto versions = cni::ParseVersions(text);
  Require(cni::EncodeAnswer(cni::DecodeVersions(cni::EncodeAnswer(versions))) ==
              cni::EncodeAnswer(versions),
          "versions that are taken as others", text);
  (void)cni::DecodeVersions(text);
  (void)cni::DecodePluginError(text);
  if (const auto taken = cni::DecodeAddResult(text); taken.ok())
    Require(cni::IsOneObject(taken->document), "what is no object", taken->document);
  const cni::PluginError error = cni::ParsePluginError(text, text);
  Require(cni::DecodePluginError(cni::EncodeAnswer(error)).ok(), "an error that is not taken",
          text);
  Require(one_line(error.text) && error.text.size() <= 1100, "not one line", error.text);
  (void)cni::OlderVersion(text, "1.0.0");
  if (const auto network = cni::ParseNetwork(text); network.ok()) {
    for (const cni::PluginConfig& plugin : network->plugins) {
      Require(plugin.type.find('/') == std::string::npos && plugin.type != "..",
              "a plugin somewhere else", plugin.type);
      const auto input = cni::Input(*network, plugin, "1.1.0", {}, "");
      Require(input.ok(), "no input from a configuration", text);
    }
  } else {
    fuzz::RequireSentence(network.error().message());
  }
  if (const auto record = cni::DecodeRecord(text); record.ok())
    Require(cni::DecodeRecord(cni::Encode(*record)).ok(), "a record that cannot be read", text);
  return 0;
}
