// SPDX-License-Identifier: Apache-2.0
// What counts as a name: each function returns what is wrong with the text, in upstream's words;
// nothing when it is right. Source: k8s.io/apimachinery/pkg/util/validation (1.35), written anew
// without regular expressions. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::kube {

using Complaints = std::vector<std::string>;

Complaints CheckDns1123Label(std::string_view text);      // lower case, ≤ 63
Complaints CheckDns1123Subdomain(std::string_view text);  // labels with dots, ≤ 253
Complaints CheckDns1035Label(std::string_view text);      // a label that begins with a letter
// What may be one part of a path: no '/', no '%', not "." nor "..".
Complaints CheckPathSegment(std::string_view text);
Complaints CheckQualifiedName(std::string_view text);  // [prefix/]name: label keys, resource names
Complaints CheckLabelValue(std::string_view text);
Complaints CheckEnvName(std::string_view text);
Complaints CheckConfigKey(std::string_view text);  // keys of a ConfigMap or Secret
Complaints CheckPortName(std::string_view text);
Complaints CheckHeaderName(std::string_view text);
Complaints CheckPort(int64_t port);
// A host name of the DNS as upstream takes it for a pod's hostnameOverride, a search domain (a
// trailing dot allowed) and so on.
Complaints CheckSearchDomain(std::string_view text);

Complaints CheckPercent(std::string_view text);  // "50%"

bool IsIpAddress(std::string_view text);
bool IsCidr(std::string_view text);  // "10.0.0.0/8", "fd00::/64"
bool IsSysctlName(std::string_view text);
bool IsRfc3339(std::string_view text);

}  // namespace keelson::kube
