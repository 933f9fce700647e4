// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/reference.h"

#include <algorithm>
#include <vector>

#include "lib/base/strings.h"
#include "runtime/content/digest_name.h"

namespace keelson::image {
namespace {

using base::Result;
using base::Status;

constexpr size_t kMaxName = 255;
constexpr size_t kMaxTag = 128;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsLower(c) || IsUpper(c) || IsDigit(c); }

// Lower-case letters and digits, joined by '.', '_', '__' or any number of '-'.
bool IsPathComponent(std::string_view part) {
  if (part.empty()) return false;
  for (size_t i = 0; i < part.size();) {
    const size_t begin = i;
    while (i < part.size() && (IsLower(part[i]) || IsDigit(part[i]))) ++i;
    if (i == begin) return false;
    if (i == part.size()) return true;
    const size_t separator = i;
    while (i < part.size() && part[i] == part[separator]) ++i;
    const size_t count = i - separator;
    const bool good = part[separator] == '-' || (part[separator] == '.' && count == 1) ||
                      (part[separator] == '_' && count <= 2);
    if (!good || i == part.size()) return false;
  }
  return true;
}

bool IsHostLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) { return IsAlnum(c) || c == '-'; });
}

bool IsPort(std::string_view port) {
  const auto number = base::ParseUint64(port);
  return number && port.size() <= 5 && *number >= 1 && *number <= 65535;
}

bool IsRegistry(std::string_view text) {
  std::string_view host = text;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    if (const std::string_view rest = text.substr(end + 1);
        !rest.empty() && (rest[0] != ':' || !IsPort(rest.substr(1))))
      return false;
    return host.size() >= 2 && std::all_of(host.begin(), host.end(), [](char c) {
             return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                    c == '.';
           });
  }
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    if (!IsPort(text.substr(colon + 1))) return false;
  }
  const auto labels = base::Split(host, '.');
  return std::all_of(labels.begin(), labels.end(), IsHostLabel);
}

bool IsTag(std::string_view tag) {
  if (tag.empty() || tag.size() > kMaxTag || !(IsAlnum(tag[0]) || tag[0] == '_')) return false;
  return std::all_of(tag.begin(), tag.end(),
                     [](char c) { return IsAlnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool LooksLikeRegistry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:[") != std::string_view::npos ||
         std::any_of(first.begin(), first.end(), IsUpper);
}

base::Error Bad(std::string_view text, std::string_view why) {
  return base::InvalidArgument("image reference {}: {}", base::QuoteIfNeeded(text.substr(0, 300)),
                               why);
}

}  // namespace

std::string Reference::ToString() const {
  std::string out = Name();
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest;
  return out;
}

Result<Reference> ParseReference(std::string_view text) {
  if (text.empty()) return Bad(text, "it is empty");
  if (text.size() > kMaxName + 1 + kMaxTag + 1 + 71 + 64) return Bad(text, "it is too long");
  Reference out;
  std::string_view rest = text;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    if (!content::IsDigest(out.digest))
      return Bad(text, "after '@' there must be sha256: and 64 lower-case hexadecimal digits");
    rest = rest.substr(0, at);
  }
  // A colon after the last slash begins a tag; one before it belongs to the registry's port.
  const size_t slash = rest.rfind('/');
  const size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag = rest.substr(colon + 1);
    if (!IsTag(out.tag))
      return Bad(text, "its tag is not of letters, digits, '_', '.' and '-' (at most 128)");
    rest = rest.substr(0, colon);
  }
  const size_t first_slash = rest.find('/');
  if (first_slash != std::string_view::npos && LooksLikeRegistry(rest.substr(0, first_slash))) {
    out.registry = rest.substr(0, first_slash);
    out.repository = rest.substr(first_slash + 1);
    if (!IsRegistry(out.registry))
      return Bad(text, "its registry is not a host name with an optional port");
    if (out.registry == "index.docker.io") out.registry = "docker.io";
  } else {
    out.registry = "docker.io";
    out.repository = rest;
  }
  if (out.registry == "docker.io" && out.repository.find('/') == std::string::npos)
    out.repository = "library/" + out.repository;
  if (out.Name().size() > kMaxName) return Bad(text, "its name is longer than 255 characters");
  for (const std::string_view part : base::Split(out.repository, '/')) {
    if (!IsPathComponent(part)) {
      return Bad(text,
                 "its name must be of lower-case letters and digits, joined by '.', '_', '__' or "
                 "'-', parted by '/'");
    }
  }
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

}  // namespace keelson::image
