// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/client.h"

#include <ranges>

#include "lib/base/strings.h"

namespace keelson::cni {

using base::Result;
using base::Status;

Result<std::string> Client::VersionFor(const NetworkConfig& network) {
  std::vector<std::vector<std::string>> offered;
  for (const PluginConfig& plugin : network.plugins) {
    ASSIGN_OR_RETURN(std::vector<std::string> versions, runner_.Versions(plugin.type));
    offered.push_back(std::move(versions));
  }
  const std::string version = NewestCommon(network.versions, offered);
  if (!version.empty()) return version;
  std::string who;
  for (size_t i = 0; i < offered.size(); ++i)
    who += fmt::format("; plugin '{}' speaks {}", network.plugins[i].type,
                       base::Join(offered[i], ", "));
  return base::FailedPrecondition(
      "network '{}' is written for CNI version {}, which not all can speak: this runtime speaks "
      "{}{}",
      network.name, base::Join(network.versions, ", "), base::Join(SpokenVersions(), ", "), who);
}

Result<std::string> Client::RunFor(const std::string& command, const NetworkConfig& network,
                                   const PluginConfig& plugin, const std::string& version,
                                   const Attachment& attachment, const std::string& previous) {
  PluginRunner::Call call{plugin.type,
                          command,
                          "pod " + attachment.pod,
                          Environment(command, attachment, runner_.bin_dirs()),
                          {},
                          timeout_};
  ASSIGN_OR_RETURN(call.input, Input(network, plugin, version, attachment, previous));
  return runner_.Run(call);
}

Result<AddResult> Client::Add(const NetworkConfig& network, const std::string& version,
                              const Attachment& attachment) {
  AddResult result;
  std::string previous;
  for (const PluginConfig& plugin : network.plugins) {
    ASSIGN_OR_RETURN(const std::string out,
                     RunFor("ADD", network, plugin, version, attachment, previous));
    Result<AddResult> parsed = reader_.Added(out, attachment.interface);
    if (!parsed.ok()) {
      return parsed.error().WithContext(
          fmt::format("network plugin '{}' (ADD, pod {})", plugin.type, attachment.pod));
    }
    result = std::move(parsed).value();
    previous = result.document;
  }
  return result;
}

Status Client::Delete(const NetworkConfig& network, const std::string& version,
                      const Attachment& attachment, const std::string& result) {
  const std::string previous = OlderVersion(version, "0.4.0") ? "" : result;
  for (const PluginConfig& plugin : std::views::reverse(network.plugins)) {
    const Result<std::string> done = RunFor("DEL", network, plugin, version, attachment, previous);
    if (!done.ok()) return done.error();
  }
  return base::Ok();
}

Status Client::Check(const NetworkConfig& network, const std::string& version,
                     const Attachment& attachment, const std::string& result) {
  if (network.disable_check) return base::Ok();
  if (OlderVersion(version, "0.4.0"))
    return base::Unimplemented("CNI version {} of network '{}' has no CHECK", version,
                               network.name);
  for (const PluginConfig& plugin : network.plugins) {
    const Result<std::string> done = RunFor("CHECK", network, plugin, version, attachment, result);
    if (!done.ok()) return done.error();
  }
  return base::Ok();
}

Status Client::AskStatus(const NetworkConfig& network) {
  ASSIGN_OR_RETURN(const std::string version, VersionFor(network));
  if (OlderVersion(version, "1.1.0")) return base::Ok();
  for (const PluginConfig& plugin : network.plugins) {
    PluginRunner::Call call{plugin.type,
                            "STATUS",
                            "network " + network.name,
                            Environment("STATUS", {}, runner_.bin_dirs()),
                            {},
                            timeout_};
    ASSIGN_OR_RETURN(call.input, Input(network, plugin, version, {}, ""));
    const Result<std::string> done = runner_.Run(call);
    if (!done.ok()) return done.error();
  }
  return base::Ok();
}

Status Client::CollectGarbage(const NetworkConfig& network,
                              const std::vector<std::pair<std::string, std::string>>& valid) {
  if (network.disable_gc) return base::Ok();
  ASSIGN_OR_RETURN(const std::string version, VersionFor(network));
  if (OlderVersion(version, "1.1.0")) return base::Ok();
  Status first;
  for (const PluginConfig& plugin : network.plugins) {  // all are asked, whoever fails
    PluginRunner::Call call{
        plugin.type, "GC",    "network " + network.name, Environment("GC", {}, runner_.bin_dirs()),
        {},          timeout_};
    ASSIGN_OR_RETURN(call.input, GarbageInput(network, plugin, version, valid));
    const Result<std::string> done = runner_.Run(call);
    if (!done.ok() && first.ok()) first = done.error();
  }
  return first;
}

}  // namespace keelson::cni
