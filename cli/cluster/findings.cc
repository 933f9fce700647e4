// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/findings.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::cluster {
namespace {

// Others' words: of control characters a terminal would make more than text.
std::string Plain(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

std::vector<std::string> FindingLines(const json::Value& verdict) {
  std::vector<std::string> lines;
  int64_t shown = 0;
  for (const json::Value& finding : verdict.At({"findings"}).items()) {
    const std::string& level = finding.At({"level"}).AsString();
    if (level == "note") continue;
    ++shown;
    const std::string& ns = finding.At({"ns"}).AsString();
    const std::string& detail = finding.At({"detail"}).AsString();
    const int64_t count = finding.At({"count"}).AsInt();
    lines.push_back(Plain(fmt::format(
        "{} {}{}{}: {}{}{}", finding.At({"kind"}).AsString(), ns, ns.empty() ? "" : "/",
        finding.At({"name"}).AsString(), count > 1 ? fmt::format("{} pods: ", count) : "",
        finding.At({"says"}).AsString(), detail.empty() ? "" : ": " + detail)));
  }
  const int64_t all = verdict.At({"broken"}).AsInt() + verdict.At({"warning"}).AsInt();
  if (all > shown) lines.push_back(fmt::format("and {} more", all - shown));
  return lines;
}

std::string PageUrl(int port, bool own_network) {
  return own_network ? "http://127.0.0.1:8001/ui/ by `kubectl proxy`"
                     : fmt::format("http://127.0.0.1:{}/", port);
}

}  // namespace keelson::cluster
