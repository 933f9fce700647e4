// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/seccomp_text.h"

#include "runtime/oci/json_text.h"

namespace keelson::oci {
namespace {

using seccomp::Action;
using seccomp::Compare;

const char* ActionName(Action action) {
  switch (action) {
    case Action::kAllow:
      return "SCMP_ACT_ALLOW";
    case Action::kErrno:
      return "SCMP_ACT_ERRNO";
    case Action::kKillProcess:
      return "SCMP_ACT_KILL_PROCESS";
    case Action::kKillThread:
      return "SCMP_ACT_KILL_THREAD";
    case Action::kTrap:
      return "SCMP_ACT_TRAP";
    case Action::kLog:
      return "SCMP_ACT_LOG";
    case Action::kNotify:
      return "SCMP_ACT_NOTIFY";
  }
  return "SCMP_ACT_ERRNO";
}

const char* CompareName(Compare compare) {
  switch (compare) {
    case Compare::kNotEqual:
      return "SCMP_CMP_NE";
    case Compare::kLess:
      return "SCMP_CMP_LT";
    case Compare::kLessOrEqual:
      return "SCMP_CMP_LE";
    case Compare::kEqual:
      return "SCMP_CMP_EQ";
    case Compare::kGreaterOrEqual:
      return "SCMP_CMP_GE";
    case Compare::kGreater:
      return "SCMP_CMP_GT";
    case Compare::kMaskedEqual:
      return "SCMP_CMP_MASKED_EQ";
  }
  return "SCMP_CMP_EQ";
}

}  // namespace

std::string SeccompText(const seccomp::Profile& profile) {
  JsonText json;
  json.Open('{').Key("defaultAction").String(ActionName(profile.default_action));
  if (profile.default_action == Action::kErrno && profile.default_error != 1)
    json.Key("defaultErrnoRet").Number(profile.default_error);
  if (!profile.architectures.empty()) {
    json.Key("architectures").Open('[');
    for (std::string name : profile.architectures) {
      for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      json.String("SCMP_ARCH_" + name);
    }
    json.Close(']');
  }
  json.Key("syscalls").Open('[');
  for (const seccomp::Rule& rule : profile.rules) {
    json.Open('{').Key("names").Strings(rule.names).Key("action").String(ActionName(rule.action));
    if (rule.action == Action::kErrno && rule.error != 1) json.Key("errnoRet").Number(rule.error);
    if (!rule.arguments.empty()) {
      json.Key("args").Open('[');
      for (const seccomp::Argument& argument : rule.arguments) {
        json.Open('{').Key("index").Number(argument.index).Key("value").Unsigned(argument.value);
        if (argument.compare == Compare::kMaskedEqual)
          json.Key("valueTwo").Unsigned(argument.value_two);
        json.Key("op").String(CompareName(argument.compare)).Close('}');
      }
      json.Close(']');
    }
    json.Close('}');
  }
  json.Close(']').Close('}');
  return json.Take();
}

}  // namespace keelson::oci
