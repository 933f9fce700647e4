// SPDX-License-Identifier: Apache-2.0
#include "runtime/content/blob_store.h"

#include "lib/os/files.h"
#include "runtime/content/digest.h"

namespace keelson::content {

base::Result<BlobStore> BlobStore::Open(const std::string& root) {
  const std::string dir = root + "/sha256";
  RETURN_IF_ERROR(os::MakeDirs(dir, 0700));
  return BlobStore(dir);
}

base::Result<std::string> BlobStore::Put(std::string_view bytes) const {
  if (bytes.size() > kMaxBlobBytes)
    return base::ResourceExhausted("document of {} bytes is too large", bytes.size());
  const std::string digest = DigestOf(bytes);
  if (Get(digest).ok()) return digest;
  RETURN_IF_ERROR(os::WriteFileAtomic(dir_ + "/" + std::string(HexOf(digest)), bytes, 0600));
  return digest;
}

base::Result<std::string> BlobStore::Get(const std::string& digest) const {
  if (!IsDigest(digest)) return base::InvalidArgument("'{}' is not a sha256 digest", digest);
  ASSIGN_OR_RETURN(std::string bytes,
                   os::ReadFile(dir_ + "/" + std::string(HexOf(digest)), kMaxBlobBytes));
  if (DigestOf(bytes) != digest)
    return base::DataLoss("document {} is damaged on the disk", digest);
  return bytes;
}

base::Status BlobStore::Remove(const std::string& digest) const {
  if (!IsDigest(digest)) return base::InvalidArgument("'{}' is not a sha256 digest", digest);
  // Whatever is there: a folder would keep the document from ever being stored.
  return os::RemoveTree(dir_ + "/" + std::string(HexOf(digest)));
}

base::Result<std::vector<std::string>> BlobStore::List() const {
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(dir_));
  std::vector<std::string> out;
  for (const os::DirEntry& entry : entries) {
    if (std::string digest = "sha256:" + entry.name; IsDigest(digest))
      out.push_back(std::move(digest));
  }
  return out;
}

}  // namespace keelson::content
