// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/pax.h"

#include "lib/base/strings.h"
#include "runtime/unpack/tar_reader.h"

namespace keelson::unpack {

using base::InvalidArgument;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";

Result<uint64_t> ParseNumber(std::string_view key, std::string_view value) {
  const std::optional<uint64_t> number = base::ParseUint64(value);
  if (!number || *number > (uint64_t{1} << 62))
    return InvalidArgument("pax record {}: '{}' is not a number", key, base::QuoteIfNeeded(value));
  return *number;
}

// "[-]SECONDS[.FRACTION]"; the fraction counts forward in time also before the epoch.
Result<PaxTime> ParseTime(std::string_view value) {
  const bool negative = value.starts_with('-');
  const size_t dot = value.find('.');
  const std::optional<uint64_t> whole = base::ParseUint64(value.substr(
      negative ? 1 : 0, dot == std::string_view::npos ? dot : dot - (negative ? 1 : 0)));
  if (!whole || *whole > (uint64_t{1} << 40))
    return InvalidArgument("pax record mtime: {} is not a time", base::QuoteIfNeeded(value));
  uint32_t nanos = 0;
  if (dot != std::string_view::npos) {
    uint32_t scale = 100000000;
    for (const char c : value.substr(dot + 1)) {
      if (c < '0' || c > '9')
        return InvalidArgument("pax record mtime: {} is not a time", base::QuoteIfNeeded(value));
      nanos += static_cast<uint32_t>(c - '0') * scale;
      scale /= 10;
    }
  }
  PaxTime out{static_cast<int64_t>(*whole), nanos};
  if (negative) {
    out.seconds = -out.seconds;
    if (nanos > 0) out = {out.seconds - 1, 1000000000 - nanos};
  }
  return out;
}

Status Take(std::string_view key, std::string_view value, PaxRecords* out) {
  if (key == "path" || key == "linkpath") {
    if (value.find('\0') != std::string_view::npos)
      return InvalidArgument("pax record {} holds a NUL", key);
    if (value.size() > TarReader::kMaxPath)
      return InvalidArgument("pax record {} of {} bytes is too long", key, value.size());
    (key == "path" ? out->path : out->link) = std::string(value);
  } else if (key == "size") {
    ASSIGN_OR_RETURN(out->size, ParseNumber(key, value));
  } else if (key == "uid") {
    ASSIGN_OR_RETURN(out->uid, ParseNumber(key, value));
  } else if (key == "gid") {
    ASSIGN_OR_RETURN(out->gid, ParseNumber(key, value));
  } else if (key == "mtime") {
    ASSIGN_OR_RETURN(out->mtime, ParseTime(value));
  } else if (key.starts_with("GNU.sparse.")) {
    out->sparse = true;
  } else if (key.starts_with(kXattrPrefix)) {
    const std::string_view name = key.substr(kXattrPrefix.size());
    if (name.empty() || name.size() > 255 || name.find('\0') != std::string_view::npos ||
        value.size() > 65536) {
      return InvalidArgument("pax record of an extended attribute is out of range");
    }
    if (out->xattrs.size() == TarReader::kMaxXattrs)
      return InvalidArgument("more than {} extended attributes", TarReader::kMaxXattrs);
    out->xattrs.emplace_back(name, value);
  }
  return base::Ok();
}

}  // namespace

Result<PaxRecords> ParsePax(std::string_view text) {
  PaxRecords out;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || space == 0 || space > 10)
      return InvalidArgument("a pax record has no length");
    const std::optional<uint64_t> length = base::ParseUint64(text.substr(0, space));
    if (!length || *length > text.size() || *length < space + 3)
      return InvalidArgument("a pax record has a wrong length");
    const std::string_view record = text.substr(space + 1, *length - space - 1);
    text.remove_prefix(*length);
    const size_t equals = record.find('=');
    if (record.back() != '\n' || equals == std::string_view::npos || equals == 0)
      return InvalidArgument("a pax record is malformed");
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1, record.size() - equals - 2);
    // An empty value takes back what a global header said, and those never say anything of weight
    // here.
    if (value.empty() && !key.starts_with(kXattrPrefix)) continue;
    RETURN_IF_ERROR(Take(key, value, &out));
  }
  return out;
}

}  // namespace keelson::unpack
