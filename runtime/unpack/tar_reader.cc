// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/tar_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "lib/base/strings.h"
#include "runtime/unpack/pax.h"

namespace keelson::unpack {

using base::InvalidArgument;
using base::Result;
using base::Status;

namespace {

constexpr size_t kBlock = 512;
constexpr uint64_t kMaxFileSize = uint64_t{1} << 50;

// The fields of a header block: offset and length.
struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kLink{157, 100}, kMajor{329, 8}, kMinor{337, 8},
    kPrefix{345, 155};
constexpr size_t kTypeOffset = 156;
constexpr size_t kMagicOffset = 257;

std::string_view Text(const char* block, Field field) {
  const char* begin = block + field.offset;
  return {begin, strnlen(begin, field.size)};
}

// Octal digits between spaces or NULs, or GNU's base-256 when the first bit is set.
std::optional<int64_t> Number(const char* block, Field field) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(block + field.offset);
  if (bytes[0] & 0x80) {
    const bool negative = (bytes[0] & 0x40) != 0;
    uint64_t value = negative ? ~uint64_t{0} : 0;
    for (size_t i = 0; i < field.size; ++i) {
      const unsigned char byte =
          i == 0 ? static_cast<unsigned char>(negative ? (bytes[0] | 0x80) : (bytes[0] & 0x7f))
                 : bytes[i];
      const unsigned char gone = static_cast<unsigned char>(value >> 56);
      if (gone != (negative ? 0xff : 0)) return std::nullopt;
      value = value << 8 | byte;
    }
    const int64_t out = static_cast<int64_t>(value);
    if ((out < 0) != negative) return std::nullopt;
    return out;
  }
  size_t begin = 0, end = field.size;
  while (begin < end && bytes[begin] == ' ') ++begin;
  size_t stop = begin;
  uint64_t value = 0;
  while (stop < end && bytes[stop] >= '0' && bytes[stop] <= '7') {
    if (value >> 60) return std::nullopt;
    value = value << 3 | (bytes[stop] - '0');
    ++stop;
  }
  for (size_t i = stop; i < end; ++i) {
    if (bytes[i] == 0) break;  // what follows a NUL is not part of the field
    if (bytes[i] != ' ') return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

bool ChecksumHolds(const char* block) {
  const std::optional<int64_t> said = Number(block, kChecksum);
  if (!said) return false;
  int64_t unsigned_sum = 0, signed_sum = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const char c = own ? ' ' : block[i];
    unsigned_sum += static_cast<unsigned char>(c);
    signed_sum += static_cast<signed char>(c);
  }
  return *said == unsigned_sum || *said == signed_sum;
}

uint64_t Padding(uint64_t size) { return (kBlock - size % kBlock) % kBlock; }

std::optional<TarEntry::Kind> KindOf(char type) {
  switch (type) {
    case '0':
    case '\0':
    case '7':
      return TarEntry::Kind::kFile;
    case '1':
      return TarEntry::Kind::kHardLink;
    case '2':
      return TarEntry::Kind::kSymlink;
    case '3':
      return TarEntry::Kind::kCharDevice;
    case '4':
      return TarEntry::Kind::kBlockDevice;
    case '5':
      return TarEntry::Kind::kDirectory;
    case '6':
      return TarEntry::Kind::kFifo;
    default:
      return std::nullopt;
  }
}

}  // namespace

// What 'x', 'L' and 'K' blocks say about the entry that follows them.
struct TarReader::Extensions {
  std::optional<PaxRecords> pax;
  std::optional<std::string> long_name;
  std::optional<std::string> long_link;
  bool any() const { return pax || long_name || long_link; }
};

Result<bool> TarReader::ReadBlock(char* block) {
  ASSIGN_OR_RETURN(const size_t n, ReadFull(source_, block, kBlock));
  if (n == 0) return false;
  if (n < kBlock) return InvalidArgument("the tar archive ends inside a header");
  return true;
}

Status TarReader::Skip(uint64_t size) {
  std::array<char, 16384> scrap;
  while (size > 0) {
    ASSIGN_OR_RETURN(const size_t n,
                     source_.Read(scrap.data(), std::min<uint64_t>(size, scrap.size())));
    if (n == 0) return InvalidArgument("the tar archive ends inside an entry");
    size -= n;
  }
  return base::Ok();
}

Result<std::string> TarReader::ReadExtension(uint64_t size, const char* what) {
  if (size > kMaxExtension)
    return InvalidArgument("a tar {} of {} bytes is too large (at most {})", what, size,
                           kMaxExtension);
  std::string out(size, '\0');
  ASSIGN_OR_RETURN(const size_t n, ReadFull(source_, out.data(), out.size()));
  if (n < out.size()) return InvalidArgument("the tar archive ends inside a {}", what);
  RETURN_IF_ERROR(Skip(Padding(size)));
  return out;
}

Status TarReader::ReadPax(uint64_t size, Extensions* extensions) {
  if (extensions->pax) return InvalidArgument("two pax headers for one tar entry");
  ASSIGN_OR_RETURN(const std::string text, ReadExtension(size, "pax header"));
  ASSIGN_OR_RETURN(extensions->pax, ParsePax(text));
  return base::Ok();
}

// A global header may carry remarks; one that would rename or resize every entry after it is
// refused.
Status TarReader::ReadGlobalPax(uint64_t size) {
  ASSIGN_OR_RETURN(const std::string text, ReadExtension(size, "global pax header"));
  ASSIGN_OR_RETURN(const PaxRecords records, ParsePax(text));
  if (records.path || records.link || records.size || records.uid || records.gid ||
      !records.xattrs.empty()) {
    return InvalidArgument("a global pax header that changes entries is not supported");
  }
  return base::Ok();
}

Result<bool> TarReader::Next(TarEntry* entry) {
  if (ended_) return false;
  RETURN_IF_ERROR(Skip(content_left_));
  // Some writers (umoci's insert) leave out what follows the last file's content; Go's reader,
  // which most engines use, accepts that.
  char padding[kBlock];
  ASSIGN_OR_RETURN(const size_t padded, ReadFull(source_, padding, padding_left_));
  ended_ = padded < padding_left_;
  content_left_ = padding_left_ = 0;
  if (ended_) return false;
  Extensions extensions;
  char block[kBlock];
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, ReadBlock(block));
    const bool zero = more && std::all_of(block, block + kBlock, [](char c) { return c == 0; });
    if (!more || zero) {
      if (extensions.any())
        return InvalidArgument("the tar archive ends after a long name or pax header");
      ended_ = true;
      return false;
    }
    if (!ChecksumHolds(block)) return InvalidArgument("a tar header has a wrong checksum");
    const std::optional<int64_t> size = Number(block, kSize);
    if (!size || *size < 0) return InvalidArgument("a tar header has a bad size");
    const auto bytes = static_cast<uint64_t>(*size);
    switch (const char type = block[kTypeOffset]) {
      case 'x':
        RETURN_IF_ERROR(ReadPax(bytes, &extensions));
        continue;
      case 'g':
        RETURN_IF_ERROR(ReadGlobalPax(bytes));
        continue;
      case 'L':
      case 'K': {
        std::optional<std::string>& slot =
            type == 'L' ? extensions.long_name : extensions.long_link;
        if (slot) return InvalidArgument("two GNU long names for one tar entry");
        ASSIGN_OR_RETURN(std::string text, ReadExtension(bytes, "long name"));
        text.resize(strnlen(text.data(), text.size()));
        slot = std::move(text);
        continue;
      }
      default:
        break;
    }
    RETURN_IF_ERROR(Fill(block, extensions, entry));
    content_left_ = entry->size;
    padding_left_ = Padding(entry->size);
    return true;
  }
}

Status TarReader::Fill(const char* block, const Extensions& extensions, TarEntry* entry) {
  *entry = {};
  const char type = block[kTypeOffset];
  const bool posix = std::memcmp(block + kMagicOffset, "ustar\0", 6) == 0;
  entry->path = Text(block, kName);
  if (const std::string_view prefix = Text(block, kPrefix); posix && !prefix.empty()) {
    entry->path = std::string(prefix) + "/" + entry->path;
  }
  entry->link = Text(block, kLink);
  static const PaxRecords kNone;
  const PaxRecords& pax = extensions.pax ? *extensions.pax : kNone;
  if ((pax.path && extensions.long_name) || (pax.link && extensions.long_link)) {
    return InvalidArgument("both a pax and a GNU long name for one tar entry");
  }
  if (extensions.long_name) entry->path = *extensions.long_name;
  if (extensions.long_link) entry->link = *extensions.long_link;
  if (pax.path) entry->path = *pax.path;
  if (pax.link) entry->link = *pax.link;
  if (entry->path.empty()) return InvalidArgument("a tar entry has no name");
  if (entry->path.size() > kMaxPath)
    return InvalidArgument("a tar entry's name of {} bytes is too long", entry->path.size());
  const std::string quoted = base::QuoteIfNeeded(entry->path);
  if (entry->link.size() > kMaxPath)
    return InvalidArgument("tar entry {}: its link is too long", quoted);

  const std::optional<TarEntry::Kind> kind = KindOf(type);
  if (type == 'S' || pax.sparse)
    return InvalidArgument("tar entry {}: sparse files are not supported", quoted);
  if (!kind) {
    return InvalidArgument("tar entry {}: unknown type {}", quoted,
                           base::QuoteIfNeeded(std::string_view(&type, 1)));
  }
  entry->kind = *kind;
  // Before ustar a directory was a file whose name ends with a slash.
  if (type == '\0' && entry->path.ends_with('/')) entry->kind = TarEntry::Kind::kDirectory;

  const auto mode = Number(block, kMode), uid = Number(block, kUid), gid = Number(block, kGid),
             mtime = Number(block, kMtime);
  if (!mode || (!uid && !pax.uid) || (!gid && !pax.gid) || (!mtime && !pax.mtime)) {
    return InvalidArgument("tar entry {}: a number of its header cannot be read", quoted);
  }
  entry->mode = static_cast<uint32_t>(*mode) & 07777;
  const int64_t owner = pax.uid ? static_cast<int64_t>(*pax.uid) : *uid;
  const int64_t group = pax.gid ? static_cast<int64_t>(*pax.gid) : *gid;
  if (owner < 0 || owner > 0xfffffffe || group < 0 || group > 0xfffffffe) {
    return InvalidArgument("tar entry {}: owner {}:{} is out of range", quoted, owner, group);
  }
  entry->uid = static_cast<uint64_t>(owner);
  entry->gid = static_cast<uint64_t>(group);
  entry->mtime_seconds = pax.mtime ? pax.mtime->seconds : *mtime;
  entry->mtime_nanos = pax.mtime ? pax.mtime->nanos : 0;

  const uint64_t size = pax.size ? *pax.size : static_cast<uint64_t>(*Number(block, kSize));
  switch (entry->kind) {
    case TarEntry::Kind::kFile:
      if (size > kMaxFileSize)
        return InvalidArgument("tar entry {}: size {} is out of range", quoted, size);
      entry->size = size;
      break;
    case TarEntry::Kind::kDirectory:
      break;  // some archivers say a size there; no content follows
    case TarEntry::Kind::kHardLink:
    case TarEntry::Kind::kSymlink:
      if (entry->link.empty())
        return InvalidArgument("tar entry {}: a link without a target", quoted);
      [[fallthrough]];
    default:
      if (size != 0)
        return InvalidArgument("tar entry {}: only files have content, this has {} bytes", quoted,
                               size);
  }
  if (entry->kind == TarEntry::Kind::kCharDevice || entry->kind == TarEntry::Kind::kBlockDevice) {
    const auto major = Number(block, kMajor), minor = Number(block, kMinor);
    if (!major || !minor || *major < 0 || *minor < 0 || *major > 0xfff || *minor > 0xfffff) {
      return InvalidArgument("tar entry {}: bad device number", quoted);
    }
    entry->device_major = static_cast<uint32_t>(*major);
    entry->device_minor = static_cast<uint32_t>(*minor);
  }
  entry->xattrs = pax.xattrs;
  return base::Ok();
}

Result<size_t> TarReader::ReadContent(char* data, size_t size) {
  const size_t want = std::min<uint64_t>(size, content_left_);
  if (want == 0) return size_t{0};
  ASSIGN_OR_RETURN(const size_t n, source_.Read(data, want));
  if (n == 0) return InvalidArgument("the tar archive ends inside a file");
  content_left_ -= n;
  return n;
}

}  // namespace keelson::unpack
