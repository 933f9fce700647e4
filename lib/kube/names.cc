// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/names.h"

#include <fmt/core.h>

#include <algorithm>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::kube {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerOrDigit(char c) { return IsLower(c) || IsDigit(c); }
bool IsAlphanumeric(char c) { return IsLower(c) || IsUpper(c) || IsDigit(c); }

bool IsLabel(std::string_view text) {
  return !text.empty() && IsLowerOrDigit(text.front()) && IsLowerOrDigit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLowerOrDigit(c) || c == '-'; });
}

bool IsSubdomain(std::string_view text) {
  const auto labels = base::Split(text, '.');
  return std::all_of(labels.begin(), labels.end(), IsLabel);
}

// Letters of both cases, digits and - _ . between them.
bool IsNamePart(std::string_view text) {
  return !text.empty() && IsAlphanumeric(text.front()) && IsAlphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

std::string TooLong(size_t most) { return fmt::format("must be no more than {} characters", most); }
// The rules of labels count "bytes", the older ones "characters"; both mean bytes.
std::string TooManyBytes(size_t most) { return fmt::format("must be no more than {} bytes", most); }

constexpr const char* kLabelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr const char* kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr const char* kNamePartRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  "
    "or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

}  // namespace

Complaints CheckDns1123Label(std::string_view text) {
  Complaints out;
  if (text.size() > 63) out.push_back(TooLong(63));
  if (!IsLabel(text)) out.push_back(kLabelRule);
  return out;
}

Complaints CheckDns1035Label(std::string_view text) {
  Complaints out;
  if (text.size() > 63) out.push_back(TooLong(63));
  if (!IsLabel(text) || !IsLower(text.front())) {
    out.push_back(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')");
  }
  return out;
}

Complaints CheckPercent(std::string_view text) {
  if (text.size() > 1 && text.back() == '%' &&
      std::all_of(text.begin(), text.end() - 1, [](char c) { return IsDigit(c); }))
    return {};
  return {
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
      "'93%', regex used for validation is '[0-9]+%')"};
}

Complaints CheckDns1123Subdomain(std::string_view text) {
  Complaints out;
  if (text.size() > 253) out.push_back(TooLong(253));
  if (!IsSubdomain(text)) out.push_back(kSubdomainRule);
  return out;
}

Complaints CheckQualifiedName(std::string_view text) {
  Complaints out;
  const auto parts = base::Split(text, '/');
  std::string_view name = parts.back();
  if (parts.size() > 2) {
    out.push_back(
        fmt::format("a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. "
                    "'example.com/MyName')",
                    kNamePartRule));
    return out;
  }
  if (parts.size() == 2) {
    if (parts[0].empty()) {
      out.push_back("prefix part must be non-empty");
    } else {
      if (parts[0].size() > 253) out.push_back("prefix part " + TooManyBytes(253));
      if (!IsSubdomain(parts[0])) out.push_back(fmt::format("prefix part {}", kSubdomainRule));
    }
  }
  if (name.empty()) {
    out.push_back("name part must be non-empty");
  } else if (name.size() > 63) {
    out.push_back("name part " + TooManyBytes(63));
  }
  if (!IsNamePart(name)) out.push_back(fmt::format("name part {}", kNamePartRule));
  return out;
}

Complaints CheckLabelValue(std::string_view text) {
  Complaints out;
  if (text.size() > 63) out.push_back(TooManyBytes(63));
  if (!text.empty() && !IsNamePart(text)) {
    out.push_back(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an "
        "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
        "validation is "
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
  }
  return out;
}

Complaints CheckEnvName(std::string_view text) {
  Complaints out;
  const bool printable = std::all_of(text.begin(), text.end(),
                                     [](char c) { return c >= ' ' && c <= '~' && c != '='; });
  if (text.empty() || !printable) {
    out.push_back(
        "a valid environment variable name must consist only of printable ASCII characters other "
        "than '='");
  }
  return out;
}

Complaints CheckConfigKey(std::string_view text) {
  Complaints out;
  if (text.size() > 253) out.push_back(TooLong(253));
  if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) {
        return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.';
      })) {
    out.push_back(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
        "'key.name',  or 'KEY_NAME',  or 'key-name', "
        "regex used for validation is '[-._a-zA-Z0-9]+')");
  }
  if (text == ".") out.push_back("must not be '.'");
  if (text == "..") {
    out.push_back("must not be '..'");
  } else if (text.starts_with("..")) {
    out.push_back("must not start with '..'");
  }
  return out;
}

Complaints CheckPortName(std::string_view text) {
  Complaints out;
  if (text.size() > 15) out.push_back(TooLong(15));
  if (text.empty() || !std::all_of(text.begin(), text.end(),
                                   [](char c) { return IsLowerOrDigit(c) || c == '-'; })) {
    out.push_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (std::none_of(text.begin(), text.end(), IsLower))
    out.push_back("must contain at least one letter (a-z)");
  if (text.find("--") != std::string_view::npos)
    out.push_back("must not contain consecutive hyphens");
  if (!text.empty() && (text.front() == '-' || text.back() == '-'))
    out.push_back("must not begin or end with a hyphen");
  return out;
}

Complaints CheckHeaderName(std::string_view text) {
  if (!text.empty() &&
      std::all_of(text.begin(), text.end(), [](char c) { return IsAlphanumeric(c) || c == '-'; }))
    return {};
  return {
      "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
      "regex used for validation is "
      "'[-A-Za-z0-9]+')"};
}

Complaints CheckPort(int64_t port) {
  if (port >= 1 && port <= 65535) return {};
  return {"must be between 1 and 65535, inclusive"};
}

Complaints CheckSearchDomain(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return {};  // "." alone: the root
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '_', '0');
  if (plain.size() <= 253 && IsSubdomain(plain)) return {};
  return CheckDns1123Subdomain(text);
}

bool IsIpAddress(std::string_view text) { return base::IpAddress::Parse(text).has_value(); }

bool IsCidr(std::string_view text) { return base::IpBlock::Parse(text).has_value(); }

bool IsSysctlName(std::string_view text) {
  if (text.size() > 253) return false;
  std::string dotted(text);
  std::replace(dotted.begin(), dotted.end(), '/', '.');
  for (std::string_view part : base::Split(dotted, '.')) {
    if (part.empty() || !IsLowerOrDigit(part.front()) || !IsLowerOrDigit(part.back())) return false;
    if (!std::all_of(part.begin(), part.end(),
                     [](char c) { return IsLowerOrDigit(c) || c == '-' || c == '_'; }))
      return false;
  }
  return true;
}

bool IsRfc3339(std::string_view text) {
  // 2006-01-02T15:04:05[.999999999](Z|+07:00)
  static constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kForm.size() + 1) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == 'd' ? !IsDigit(text[i]) : text[i] != kForm[i]) return false;
  }
  const auto number = [&](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  if (number(5) < 1 || number(5) > 12 || number(8) < 1 || number(8) > 31 || number(11) > 23 ||
      number(14) > 59 || number(17) > 59)
    return false;
  std::string_view rest = text.substr(kForm.size());
  if (rest[0] == '.') {
    const size_t end = rest.find_first_not_of("0123456789", 1);
    if (end == std::string_view::npos || end == 1) return false;
    rest.remove_prefix(end);
  }
  if (rest == "Z") return true;
  return rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && IsDigit(rest[1]) &&
         IsDigit(rest[2]) && rest[3] == ':' && IsDigit(rest[4]) && IsDigit(rest[5]);
}

Complaints CheckPathSegment(std::string_view text) {
  if (text == "." || text == "..") return {fmt::format("may not be '{}'", text)};
  Complaints out;
  for (const char c : {'/', '%'}) {
    if (text.find(c) != std::string_view::npos)
      out.push_back(fmt::format("may not contain '{}'", c));
  }
  return out;
}

}  // namespace keelson::kube
