// SPDX-License-Identifier: Apache-2.0
// BlobStore: the small documents of images by digest, one file each: <root>/sha256/<64 hex digits>.
// What is read is hashed again, so a document that went bad on the disk is never used. Blocks on
// the disk, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::content {

class BlobStore {
 public:
  static constexpr size_t kMaxBlobBytes = 8u << 20;

  static base::Result<BlobStore> Open(const std::string& root);
  // The digest of what was stored. Not synced: whoever commits a name syncs the file system first.
  base::Result<std::string> Put(std::string_view bytes) const;
  base::Result<std::string> Get(const std::string& digest) const;
  base::Status Remove(const std::string& digest) const;  // absent is success
  base::Result<std::vector<std::string>> List() const;   // digests

 private:
  explicit BlobStore(std::string dir) : dir_(std::move(dir)) {}
  std::string dir_;
};

}  // namespace keelson::content
