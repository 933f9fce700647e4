// SPDX-License-Identifier: Apache-2.0
// ImageStore: which images there are. Owns this layout below its root:
//   images/<64 hex of the id>.rec   ImageRecord
//   names/<64 hex of sha256(name)>.rec   NameRecord: one tag or digest name of an image
//   quarantine/                     records that could not be read, for a person to look at
// An image is there when a name leads to it. Names are written last and durably, after everything
// they lead to has been synced, so an unclean stop leaves at most things without a name, which
// CollectGarbage() takes away. Reads answer from an immutable catalog. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/content/blob_store.h"
#include "runtime/image/document_reader.h"
#include "runtime/image/image_service.h"
#include "runtime/image/reference.h"
#include "runtime/snapshot/layer_store.h"

namespace keelson::image {

struct ImageRecord {
  std::string id;                   // digest of the configuration
  std::string manifest;             // digest of the image manifest
  std::vector<std::string> layers;  // compressed digests, bottom first
  // What the configuration says, so that nobody reads its JSON again. Records of older versions,
  // and of an image that says more than kMaxRecordedConfig, have none.
  std::optional<ImageConfig> config;
};

struct NameRecord {
  std::string name;  // in full: "docker.io/library/nginx:latest" or "…@sha256:…"
  bool is_digest = false;
  std::string image_id;
};

class ImageStore {
 public:
  static base::Result<std::unique_ptr<ImageStore>> Open(const std::string& root,
                                                        const content::BlobStore& blobs,
                                                        snapshot::LayerStore& layers,
                                                        const DocumentReader& reader,
                                                        std::vector<std::string> pinned_names = {});

  std::optional<Image> Find(const std::string& reference) const;
  std::optional<Image> FindHeld(
      const std::string& image_id) const;  // reads the disk for one without a name
  std::vector<Image> List() const;
  // Layers are there and pinned by the caller. A tag that led to another image leads to this one
  // afterwards. `top_digest`: of the document that the reference led to (index or manifest), for
  // the digest name.
  struct Documents {
    std::string config;
    std::string manifest;
    ImageConfig said;  // by the first
  };
  base::Status Commit(const Documents& documents, const std::vector<std::string>& layers,
                      const Reference& reference, const std::string& top_digest);
  base::Status Remove(const std::string& reference);

  void Hold(const std::string& image_id, const std::string& container_id);
  void Release(const std::string& container_id);
  // Takes away what neither a name nor a container leads to. Also for the start, once every
  // container has been Hold()ed again. Returns whether anything became trash for
  // LayerStore::Sweep().
  bool CollectGarbage();

 private:
  using Catalog = std::map<std::string, std::shared_ptr<const Image>>;  // by id
  struct View {
    Catalog images;
    std::map<std::string, std::string> names;  // name → id
  };
  ImageStore(std::string root, const content::BlobStore& blobs, snapshot::LayerStore& layers,
             const DocumentReader& reader, std::vector<std::string> pinned)
      : root_(std::move(root)),
        blobs_(blobs),
        layers_(layers),
        reader_(reader),
        pinned_(pinned.begin(), pinned.end()) {}
  void LoadRecords();
  void DropStrayDocuments();
  template <typename Record>
  void LoadFolder(const char* folder, const std::function<base::Status(Record)>& take);
  base::Status CheckUsable(const ImageRecord& record) const;
  base::Status Complete(ImageRecord& record) const;
  void Publish();  // mutex_ held
  base::Result<Image> Describe(const ImageRecord& record) const;
  std::shared_ptr<const View> view() const;
  base::Status WriteName(const NameRecord& name);
  std::string NamePath(const std::string& name) const;
  std::string ImagePath(const std::string& id) const;
  bool CollectLocked();

  const std::string root_;
  const content::BlobStore& blobs_;
  snapshot::LayerStore& layers_;
  const DocumentReader& reader_;
  const std::set<std::string> pinned_;
  mutable std::mutex mutex_;  // writers
  std::map<std::string, ImageRecord> records_;
  std::map<std::string, NameRecord> names_;
  std::map<std::string, std::string> holds_;  // container → image id
  mutable std::mutex view_mutex_;             // held for a pointer's copy only
  std::shared_ptr<const View> view_ = std::make_shared<const View>();
};

}  // namespace keelson::image
