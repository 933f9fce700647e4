#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the RuntimeDefault table: generate.py seccomp-default.json out.cc. Run by the build; needs nothing but Python."""
import json
import sys

ACTIONS = {"SCMP_ACT_ALLOW": "kAllow", "SCMP_ACT_ERRNO": "kErrno"}
COMPARES = {"SCMP_CMP_LT": "kLess", "SCMP_CMP_EQ": "kEqual", "SCMP_CMP_MASKED_EQ": "kMaskedEqual"}


def rule(data):
    unknown = set(data) - {"action", "names", "errnoRet", "args"}
    if unknown:
        sys.exit(f"unknown fields {sorted(unknown)} in a rule")
    names = ", ".join(json.dumps(name) for name in data["names"])
    args = ", ".join(
        "{%du, Compare::%s, %du, %du}" % (a["index"], COMPARES[a["op"]], a["value"], a.get("valueTwo", 0))
        for a in data.get("args", []))
    return "{{%s}, Action::%s, %du, {%s}}" % (names, ACTIONS[data["action"]], data.get("errnoRet", 1), args)


def rules(items):
    return "{\n" + "".join("    %s,\n" % rule(item) for item in items) + "  }"


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        data = json.load(file)
    if data["defaultAction"] != "SCMP_ACT_ERRNO":
        sys.exit("the default action of the default profile must be an error")
    out = ["// Made from seccomp-default.json by generate.py.", '#include "runtime/security/seccomp_default.h"', "",
           "namespace keelson::security {", "using seccomp::Action;", "using seccomp::Compare;", "using seccomp::Rule;", "",
           "std::vector<Rule> DefaultRules() {", "  return " + rules(data["rules"]) + ";", "}", "",
           "std::vector<CapabilityRules> DefaultCapabilityRules() {", "  return {"]
    for name, change in data["withCapability"].items():
        out.append('    {"%s", %s, %s},' % (name, rules(change["added"]), rules(change["removed"])))
    out += ["  };", "}", "", "}  // namespace keelson::security", ""]
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(out))


main()
