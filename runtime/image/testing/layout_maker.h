// SPDX-License-Identifier: Apache-2.0
// For tests: makes image layouts on disk, layer by layer, good ones and broken ones. Every step is
// asserted through GoogleTest.
#pragma once

#include <string>
#include <vector>

namespace keelson::image::testing {

// Runs `script` by /bin/sh -e and gives its output; a failure fails the test.
std::string Shell(const std::string& script);

struct LayerBytes {
  std::string compressed;
  std::string diff_id;
  std::string type = "application/vnd.oci.image.layer.v1.tar+gzip";
};

class LayoutMaker {
 public:
  // Works below `dir`; the layout is <dir>/layout.
  explicit LayoutMaker(std::string dir) : dir_(std::move(dir)) {}
  std::string Path() const { return dir_ + "/layout"; }
  std::string BlobPath(const std::string& digest) const;
  std::string AddBlob(const std::string& bytes) const;  // its digest
  // A layer from what `script` makes in an empty directory.
  LayerBytes MakeLayer(const std::string& script, const std::string& compressor = "gzip -n") const;
  // One image of these layers; the layout's index then knows only it, under `name`.
  void Make(const std::vector<LayerBytes>& layers, const std::string& arch = "amd64",
            const std::string& name = "");
  void WriteIndex(const std::string& index) const;
  static std::string Describe(const std::string& type, const std::string& digest, size_t size,
                              const std::string& more = "");

  const std::string& config_digest() const { return config_digest_; }
  const std::string& manifest_digest() const { return manifest_digest_; }
  size_t manifest_size() const { return manifest_size_; }

 private:
  const std::string dir_;
  std::string config_digest_;
  std::string manifest_digest_;
  size_t manifest_size_ = 0;
};

}  // namespace keelson::image::testing
