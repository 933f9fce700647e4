// SPDX-License-Identifier: Apache-2.0
// The ImageService of the runtime: puts store, layers, maker and sources together. Owns a thread
// that deletes what became trash and one thread for each pull under way; pulls of one reference at
// the same time are one pull, which ends early only when everybody who waits for it has gone. Call
// CollectGarbage() once every container of before has been Hold()ed again. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/image/image_maker.h"
#include "runtime/image/image_store.h"
#include "runtime/image/paths.h"

namespace keelson::image {

class ImageServiceImpl final : public ImageService {
 public:
  struct Options {
    Paths paths{"/var/lib/keelson", "/etc/keelson"};
    std::string program_dir;  // of keelson-fetch, -read and -unpack; empty: beside this one
    std::string docker_config =
        "/root/.docker/config.json";  // the node's credentials; need not exist
    std::vector<std::string>
        plain_http_hosts;  // "host:port" that may be talked to without TLS, beside hosts.toml's
    std::vector<std::string> pinned_images;  // by name: kubelets are told to keep them
    std::chrono::seconds no_progress_timeout{
        300};  // a pull that receives nothing for so long fails
    uint64_t max_layer_bytes = uint64_t{64} << 30;  // of one unpacked layer
    Platform platform = HostPlatform();
  };
  static base::Result<std::unique_ptr<ImageServiceImpl>> Open(Options options);
  ~ImageServiceImpl() override;

  std::optional<Image> Find(const std::string& reference) const override;
  std::vector<Image> List() const override;
  base::Result<std::string> Pull(const std::string& reference,
                                 const std::optional<fetch::Credentials>& credentials,
                                 std::stop_token stop) override;
  base::Result<std::string> Load(const std::string& layout_path,
                                 const std::string& reference) override;
  base::Status Remove(const std::string& reference) override;
  std::optional<Image> FindHeld(const std::string& image_id) const override;
  base::Result<FsUsage> Usage() const override;
  void Hold(const std::string& image_id, const std::string& container_id) override;
  void Release(const std::string& container_id) override;

  void CollectGarbage();
  // Blocks until what was trash at the time of the call is deleted; for tests and tools.
  void WaitForSweep();

 private:
  struct Operation;
  explicit ImageServiceImpl(Options options, content::BlobStore blobs)
      : options_(std::move(options)),
        blobs_(std::move(blobs)),
        reader_(options_.program_dir + "/keelson-read") {}
  base::Result<std::string> PullNow(const Reference& reference,
                                    const std::optional<fetch::Credentials>& credentials,
                                    std::stop_token stop);
  base::Result<std::string> LoadArchive(const std::string& path, const Reference& reference);
  void Sweep(const std::stop_token& stop);
  void AskForSweep();

  const Options options_;
  const content::BlobStore blobs_;
  const DocumentReader reader_;
  std::unique_ptr<snapshot::LayerStore> layers_;
  std::unique_ptr<ImageStore> images_;
  std::unique_ptr<ImageMaker> maker_;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Operation>> operations_;
  std::condition_variable_any sweep_changed_;
  uint64_t sweeps_asked_ = 0;
  uint64_t sweeps_done_ = 0;
  std::jthread sweeper_;  // last: stops before what it uses goes
};

}  // namespace keelson::image
