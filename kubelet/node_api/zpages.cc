// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/zpages.h"

#include <fmt/format.h>

#include <ctime>

#include "lib/base/strings.h"

namespace keelson::node_api {
namespace {

constexpr char kHead[] =
    "\nkubelet {}\nWarning: This endpoint is not meant to be machine parseable, has no formatting "
    "compatibility guarantees and is for debugging purposes only.\n";

// "Sun Nov 22 09:03:59 UTC 2026"
std::string Date(int64_t nanos) {
  const time_t seconds = nanos / 1'000'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const size_t size = std::strftime(text, sizeof text, "%a %b %e %H:%M:%S UTC %Y", &parts);
  return {text, size};
}

}  // namespace

std::string Statusz(const Program& program, const std::vector<std::string>& paths, int64_t now) {
  const int64_t up = std::max<int64_t>(0, now - program.started_at) / 1'000'000'000;
  return fmt::format(kHead, "statusz") +
         fmt::format(
             "\nStarted: {}\nUp: {} hr {:02} min {:02} sec\nBuilt with: {}\n"
             "Binary version: {}\nPaths: {}\n",
             Date(program.started_at), up / 3600, up / 60 % 60, up % 60, program.built,
             program.version, base::Join(paths, " "));
}

std::string Flagz(const Program& program) {
  std::string out = fmt::format(kHead, "flagz");
  for (const auto& [name, value] : program.flags) out += fmt::format("{}: {}\n", name, value);
  return out;
}

}  // namespace keelson::node_api
