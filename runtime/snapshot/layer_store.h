// SPDX-License-Identifier: Apache-2.0
// LayerStore: unpacked layers by compressed digest. Owns this layout below its root:
//   sha256/<64 hex>/fs          the directory for overlay (0755: what a container sees as its root)
//   sha256/<64 hex>/layer.rec   Layer, versioned, checksummed
//   staging/<random>/           a layer being made; emptied at start
//   trash/<random>/             on its way out; emptied by Sweep()
// A layer directory appears by rename when its stream has been hashed and unpacked whole: there is
// no half layer. Not synced: whoever commits an image's name syncs the file system first. Ensure()
// of one digest at the same time is one unpack. Blocking, any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/unpack/extractor.h"

namespace keelson::snapshot {

struct Layer {
  std::string digest;   // of the stream as it came
  std::string diff_id;  // of the plain tar
  uint64_t compressed_bytes = 0;
  uint64_t plain_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t inodes = 0;
  std::vector<std::string> implicit_dirs;  // see unpack::Extracted
};

// What the manifest and the configuration promise of a layer.
struct Expected {
  std::string digest;
  std::string diff_id;  // empty: not known
  uint64_t size = 0;
};

class LayerStore {
 public:
  struct Options {
    std::string root;
    std::string unpack_program;
    uint64_t max_layer_bytes = uint64_t{64} << 30;  // unpacked
    uint64_t max_inodes = 4'000'000;
  };
  static base::Result<std::unique_ptr<LayerStore>> Open(Options options);

  // Keeps layers from being collected while an image that needs them is made.
  class Pin {
   public:
    Pin() = default;
    Pin(LayerStore* store, std::string digest) : store_(store), digest_(std::move(digest)) {}
    Pin(Pin&& other) noexcept
        : store_(std::exchange(other.store_, nullptr)), digest_(std::move(other.digest_)) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin();

   private:
    LayerStore* store_ = nullptr;
    std::string digest_;
  };
  Pin PinLayer(const std::string& digest);

  // Writes the layer's compressed stream to `sink` and says whether it is what the digest promises.
  // Called on a thread of its own, at the same time as the unpacking; a broken pipe means that the
  // unpacking failed.
  using Feed = std::function<base::Status(os::UniqueFd sink)>;
  base::Result<Layer> Ensure(const Expected& expected, const Feed& feed,
                             const std::stop_token& stop);

  std::optional<Layer> Find(const std::string& digest) const;  // from memory
  std::string DirectoryOf(const std::string& digest) const;    // absolute path of fs
  std::vector<Layer> List() const;
  // Unpinned layers that `keep` does not want go to the trash: gone from List() at once. Returns
  // how many.
  size_t Collect(const std::function<bool(const std::string& digest)>& keep);
  base::Status Sweep();  // deletes what is in the trash; may take long

 private:
  struct Flight;
  explicit LayerStore(Options options) : options_(std::move(options)) {}
  base::Status LoadAll();
  base::Result<Layer> Make(const Expected& expected, const Feed& feed, const std::stop_token& stop);
  base::Result<Layer> UnpackInto(const std::string& staging, const Expected& expected,
                                 const Feed& feed, const std::stop_token& stop);
  base::Status Commit(const std::string& staging, const Layer& layer);
  void Discard(const std::string& path);
  void Unpin(const std::string& digest);
  std::string PathOf(const std::string& digest) const;

  const Options options_;
  mutable std::mutex mutex_;
  std::map<std::string, Layer> layers_;
  std::map<std::string, int> pins_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace keelson::snapshot
