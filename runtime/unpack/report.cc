// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/report.h"

#include "lib/base/codec.h"
#include "runtime/content/digest.h"
#include "runtime/unpack/entry_path.h"

namespace keelson::unpack {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kMaxMessage = 1024;

std::string Printable(std::string text) {
  if (text.size() > kMaxMessage) text.resize(kMaxMessage);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

// Directories that the caller will open below the layer: each must be clean as the extractor leaves
// them.
bool AllClean(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const base::Result<std::string> clean = CleanEntryPath(path, 4096);
    if (!clean.ok() || *clean != path || path.find('\0') != std::string::npos) return false;
  }
  return true;
}

}  // namespace

std::string EncodeReport(const base::Result<Report>& report) {
  base::Writer out;
  out.U32(kVersion);
  out.Bool(report.ok());
  if (!report.ok()) {
    out.U32(static_cast<uint32_t>(report.error().code()));
    out.I32(report.error().os_errno());
    out.String(report.error().message());
    return out.Take();
  }
  out.String(report->diff_id);
  out.U64(report->uncompressed_bytes);
  out.U64(report->extracted.entries);
  out.U64(report->extracted.inodes);
  out.U64(report->extracted.disk_bytes);
  out.Strings(report->extracted.opaque_dirs);
  out.Strings(report->extracted.implicit_dirs);
  return out.Take();
}

base::Result<Report> DecodeReport(std::string_view bytes) {
  base::Reader in(bytes);
  const uint32_t version = in.U32();
  const bool good = in.Bool();
  if (!in.ok() || version != kVersion) return base::Internal("the unpack process gave no answer");
  if (!good) {
    const uint32_t code = in.U32();
    const int os_errno = in.I32();
    std::string message = Printable(in.String());
    if (!in.ok() || code < 1 || code > 16)
      return base::Internal("the unpack process gave a malformed answer");
    return base::Error(static_cast<base::Code>(code), std::move(message), os_errno);
  }
  Report out;
  out.diff_id = in.String();
  out.uncompressed_bytes = in.U64();
  out.extracted.entries = in.U64();
  out.extracted.inodes = in.U64();
  out.extracted.disk_bytes = in.U64();
  out.extracted.opaque_dirs = in.Strings();
  out.extracted.implicit_dirs = in.Strings();
  if (!in.ok() || !content::IsDigest(out.diff_id) || !AllClean(out.extracted.opaque_dirs) ||
      !AllClean(out.extracted.implicit_dirs)) {
    return base::Internal("the unpack process gave a malformed answer");
  }
  return out;
}

}  // namespace keelson::unpack
