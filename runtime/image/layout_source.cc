// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/layout_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "runtime/content/digest.h"

namespace keelson::image {
namespace {

using base::Error;
using base::Result;
using base::Status;

constexpr os::RootedDir::Limits kStrict{.no_xdev = false, .no_symlinks = true};
constexpr size_t kChunk = 1u << 20;

bool Names(const IndexEntry& entry, const Reference& wanted) {
  return !entry.ref_name.empty() &&
         (entry.ref_name == wanted.tag || entry.ref_name == wanted.Tagged());
}

}  // namespace

Result<std::unique_ptr<LayoutSource>> LayoutSource::Open(const std::string& path,
                                                         const Reference& wanted,
                                                         const DocumentReader& reader) {
  ASSIGN_OR_RETURN(os::RootedDir root, os::RootedDir::Open(path));
  if (Result<os::UniqueFd> marker = root.OpenAt("oci-layout", O_RDONLY, 0, kStrict); !marker.ok()) {
    return base::InvalidArgument("'{}' is not an OCI image layout: it has no file oci-layout",
                                 path);
  }
  return std::unique_ptr<LayoutSource>(new LayoutSource(std::move(root), wanted, reader));
}

Result<os::UniqueFd> LayoutSource::OpenBlob(const std::string& digest) const {
  return root_.OpenAt("blobs/sha256/" + std::string(content::HexOf(digest)), O_RDONLY | O_NONBLOCK,
                      0, kStrict);
}

Result<ImageSource::Top> LayoutSource::Resolve() {
  ASSIGN_OR_RETURN(const os::UniqueFd file,
                   root_.OpenAt("index.json", O_RDONLY | O_NONBLOCK, 0, kStrict));
  ASSIGN_OR_RETURN(const std::string listing, os::ReadAll(file.get(), kMaxDocumentBytes));
  ASSIGN_OR_RETURN(const Document document, reader_.Read(listing, "").WithContext("index.json"));
  const Index* index = std::get_if<Index>(&document);
  if (index == nullptr || index->entries.empty())
    return base::InvalidArgument("index.json lists no image");
  const IndexEntry* chosen = nullptr;
  std::vector<std::string> names;
  for (const IndexEntry& entry : index->entries) {
    if (!wanted_.digest.empty() ? entry.descriptor.digest == wanted_.digest : Names(entry, wanted_))
      chosen = &entry;
    names.push_back(entry.ref_name.empty() ? entry.descriptor.digest : entry.ref_name);
  }
  if (chosen == nullptr && index->entries.size() == 1 && wanted_.digest.empty())
    chosen = &index->entries[0];
  if (chosen == nullptr) {
    return base::NotFound("the layout holds {} images and none is named {}: {}", names.size(),
                          wanted_.digest.empty() ? wanted_.tag : wanted_.digest,
                          base::Join(names, ", "));
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadDocument(chosen->descriptor));
  return Top{std::move(bytes), chosen->descriptor.media_type, chosen->descriptor.digest};
}

Result<std::string> LayoutSource::ReadDocument(const Descriptor& descriptor) {
  Result<os::UniqueFd> file = OpenBlob(descriptor.digest);
  if (!file.ok()) return file.error().WithContext("document " + descriptor.digest);
  ASSIGN_OR_RETURN(std::string bytes, os::ReadAll(file->get(), 2 * kMaxDocumentBytes));
  if (content::DigestOf(bytes) != descriptor.digest || bytes.size() != descriptor.size) {
    return base::DataLoss("document {}: its content has digest {} and {} bytes, {} expected",
                          descriptor.digest, content::DigestOf(bytes), bytes.size(),
                          descriptor.size);
  }
  return bytes;
}

Status LayoutSource::FeedLayer(const Descriptor& layer, os::UniqueFd sink) {
  ASSIGN_OR_RETURN(const os::UniqueFd file, OpenBlob(layer.digest));
  content::Digester hash;
  uint64_t total = 0;
  std::string buffer(kChunk, '\0');
  for (;;) {
    const ssize_t n = read(file.get(), buffer.data(), buffer.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return Error::FromErrno(errno, "read layer");
    }
    if (n == 0) break;
    const std::string_view bytes(buffer.data(), static_cast<size_t>(n));
    hash.Update(bytes);
    total += bytes.size();
    RETURN_IF_ERROR(os::WriteAll(sink.get(), bytes));
  }
  if (const std::string digest = hash.Finish(); digest != layer.digest || total != layer.size) {
    return base::DataLoss("digest mismatch: the content has digest {} and {} bytes, {} expected",
                          digest, total, layer.size);
  }
  return base::Ok();
}

}  // namespace keelson::image
