// SPDX-License-Identifier: Apache-2.0
// /statusz and /flagz: what the kubelet is, for people. Pure. Source: KEP-4827 and KEP-4828,
// k8s.io/apiserver/pkg/server/{statusz,flagz} (1.35).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace keelson::node_api {

struct Program {
  std::string version;                       // "v1.35.4", whose API it speaks
  std::string built;                         // by what: where upstream names its Go
  int64_t started_at = 0;                    // wall nanoseconds
  std::map<std::string, std::string> flags;  // of the command line, with their defaults
};

std::string Statusz(const Program& program, const std::vector<std::string>& paths, int64_t now);
std::string Flagz(const Program& program);

}  // namespace keelson::node_api
