// SPDX-License-Identifier: Apache-2.0
// What the rest of the runtime sees of images. Reads answer from an immutable snapshot and never
// block; Pull and Load block (worker threads). An image's id is "sha256:<hex of its configuration>"
// everywhere. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "runtime/fetch/credentials.h"

namespace keelson::image {

// From the image's configuration: foreign text, never used for host paths, labels or the
// environment of host processes.
struct ImageConfig {
  std::vector<std::string> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::string working_dir;
  std::string user;
  std::string stop_signal;
  std::vector<std::string> volumes;
};

struct Image {
  std::string id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  uint64_t size = 0;
  bool pinned = false;
  ImageConfig config;
  std::vector<std::string>
      layer_dirs;          // absolute, top layer first: what the overlay's lower side wants
  std::string raw_config;  // JSON, for verbose status
};

struct FsUsage {
  std::string mountpoint;
  uint64_t used_bytes = 0;
  uint64_t inodes_used = 0;
};

class ImageService {
 public:
  virtual ~ImageService() = default;
  // By id (or unique prefix of ≥ 12 hex digits), tag, digest, tag@digest or short name. nullopt:
  // not here.
  virtual std::optional<Image> Find(const std::string& reference) const = 0;
  // By its whole id, also when every name was removed but a container still holds it: for starts
  // and execs of that container.
  virtual std::optional<Image> FindHeld(const std::string& image_id) const {
    return Find(image_id);
  }
  virtual std::vector<Image> List() const = 0;
  // Returns the image's id. Pulls of one reference at the same time are one pull.
  virtual base::Result<std::string> Pull(const std::string& reference,
                                         const std::optional<fetch::Credentials>& credentials,
                                         std::stop_token stop) = 0;
  // An OCI image layout directory or tar on this machine, stored under `reference`.
  virtual base::Result<std::string> Load(const std::string& layout_path,
                                         const std::string& reference) = 0;
  virtual base::Status Remove(
      const std::string& reference) = 0;  // all names of that image; absent is success
  virtual base::Result<FsUsage> Usage() const = 0;
  // Containers hold their image's layers while they exist.
  virtual void Hold(const std::string& image_id, const std::string& container_id) = 0;
  virtual void Release(const std::string& container_id) = 0;
};

}  // namespace keelson::image
