// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/seccomp/numbers.h"

namespace keelson::seccomp {
namespace {

struct Named {
  std::string_view name;
  uint32_t number;
};
constexpr Named kNew[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},      {"listns", 470},
};

}  // namespace

std::optional<uint32_t> NewNumber(std::string_view name, std::string_view architecture) {
  if (name == "uretprobe")
    return architecture == "x86_64" ? std::optional<uint32_t>(335) : std::nullopt;
  for (const Named& entry : kNew) {
    if (entry.name == name) return entry.number;
  }
  return std::nullopt;
}

}  // namespace keelson::seccomp
