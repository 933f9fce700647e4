// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "runtime/content/digest.h"
#include "runtime/image/records.h"

namespace keelson::image {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMinIdPrefix = 12;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string ImageStore::NamePath(const std::string& name) const {
  return root_ + "/names/" + std::string(content::HexOf(content::DigestOf(name))) + ".rec";
}
std::string ImageStore::ImagePath(const std::string& id) const {
  return root_ + "/images/" + std::string(content::HexOf(id)) + ".rec";
}

Result<std::unique_ptr<ImageStore>> ImageStore::Open(const std::string& root,
                                                     const content::BlobStore& blobs,
                                                     snapshot::LayerStore& layers,
                                                     const DocumentReader& reader,
                                                     std::vector<std::string> pinned_names) {
  std::unique_ptr<ImageStore> store(
      new ImageStore(root, blobs, layers, reader, std::move(pinned_names)));
  for (const char* dir : {"", "/images", "/names", "/quarantine"})
    RETURN_IF_ERROR(os::MakeDirs(root + dir, 0700));
  store->LoadRecords();
  return store;
}

// A record that cannot be used is set aside and said; it never keeps the others from being used.
template <typename Record>
void ImageStore::LoadFolder(const char* folder, const std::function<Status(Record)>& take) {
  const std::string dir = root_ + "/" + folder;
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(dir);
  if (!entries.ok())
    return base::LogError("image records cannot be listed",
                          {{"directory", dir}, {"error", entries.error()}});
  for (const os::DirEntry& entry : *entries) {
    if (!entry.name.ends_with(".rec")) {
      (void)os::RemoveFile(dir + "/" + entry.name);  // half-written, from before a crash
      continue;
    }
    const Status taken = [&]() -> Status {
      ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(dir + "/" + entry.name, 1u << 20));
      Record record;
      RETURN_IF_ERROR(Decode(bytes, &record));
      return take(std::move(record));
    }();
    if (taken.ok()) continue;
    base::LogWarn(
        "image record cannot be used, moving it to quarantine; the image must be pulled again",
        {{"record", std::string(folder) + "/" + entry.name}, {"error", taken.error()}});
    const std::string aside = root_ + "/quarantine/" + folder + "-" + entry.name;
    (void)os::RemoveTree(aside);  // a folder would refuse it
    (void)rename((dir + "/" + entry.name).c_str(), aside.c_str());
  }
}

Status ImageStore::CheckUsable(const ImageRecord& record) const {
  for (const std::string& layer : record.layers) {
    if (!layers_.Find(layer)) return base::DataLoss("layer {} is not there", layer);
  }
  const Result<Image> described = Describe(record);
  return described.ok() ? base::Ok() : Status(described.error());
}

// A record that an older version wrote learns once what its configuration says. Where it cannot be
// written it is learnt again at the next start.
Status ImageStore::Complete(ImageRecord& record) const {
  if (record.config) return base::Ok();
  ASSIGN_OR_RETURN(const std::string raw, blobs_.Get(record.id));
  ASSIGN_OR_RETURN(ConfigDocument config, reader_.ReadConfig(raw));
  record.config = std::move(config.config);
  (void)os::WriteFileAtomic(ImagePath(record.id), Encode(record), 0600);
  return base::Ok();
}

void ImageStore::LoadRecords() {
  const std::lock_guard lock(mutex_);
  LoadFolder<ImageRecord>("images", [this](ImageRecord record) -> Status {
    RETURN_IF_ERROR(Complete(record));
    RETURN_IF_ERROR(CheckUsable(record));
    records_[record.id] = std::move(record);
    return base::Ok();
  });
  LoadFolder<NameRecord>("names", [this](NameRecord record) -> Status {
    if (!records_.contains(record.image_id))
      return base::DataLoss("{} leads to image {}, which is not there", record.name,
                            record.image_id);
    names_[record.name] = std::move(record);
    return base::Ok();
  });
  DropStrayDocuments();
  Publish();
}

// Documents come before the record that leads to them: a pull that was cut off leaves some.
void ImageStore::DropStrayDocuments() {
  std::set<std::string> wanted;
  for (const auto& [id, record] : records_) wanted.insert({id, record.manifest});
  const Result<std::vector<std::string>> stored = blobs_.List();
  if (!stored.ok())
    return base::LogWarn("image documents cannot be listed", {{"error", stored.error()}});
  for (const std::string& digest : *stored) {
    if (wanted.contains(digest)) continue;
    if (const Status removed = blobs_.Remove(digest); !removed.ok())
      base::LogWarn("an image document without an image cannot be removed",
                    {{"document", digest}, {"error", removed.error()}});
  }
}

Result<Image> ImageStore::Describe(const ImageRecord& record) const {
  Image image;
  image.id = record.id;
  ASSIGN_OR_RETURN(image.raw_config, blobs_.Get(record.id));
  image.config = *record.config;
  image.size = image.raw_config.size();
  for (auto it = record.layers.rbegin(); it != record.layers.rend(); ++it) {
    image.layer_dirs.push_back(layers_.DirectoryOf(*it));
    if (const auto layer = layers_.Find(*it)) image.size += layer->disk_bytes;
  }
  return image;
}

// Images without a name are kept from sight: gone, though a container may still hold their layers.
void ImageStore::Publish() {
  auto next = std::make_shared<View>();
  const std::shared_ptr<const View> last = view();
  std::map<std::string, std::shared_ptr<Image>> images;
  for (const auto& [name, record] : names_) {
    next->names[name] = record.image_id;
    std::shared_ptr<Image>& image = images[record.image_id];
    if (image == nullptr) {
      if (const auto known = last->images.find(record.image_id); known != last->images.end()) {
        image = std::make_shared<Image>(*known->second);
        image->repo_tags.clear();
        image->repo_digests.clear();
        image->pinned = false;
      } else if (Result<Image> described = Describe(records_.at(record.image_id)); described.ok()) {
        image = std::make_shared<Image>(std::move(described).value());
      } else {
        base::LogError("image cannot be described, leaving it out",
                       {{"image", record.image_id}, {"error", described.error()}});
        images.erase(record.image_id);
        continue;
      }
    }
    (record.is_digest ? image->repo_digests : image->repo_tags).push_back(name);
    if (pinned_.contains(name)) image->pinned = true;
  }
  for (auto& [id, image] : images) next->images.emplace(id, std::move(image));
  const std::lock_guard lock(view_mutex_);
  view_ = std::move(next);
}

std::shared_ptr<const ImageStore::View> ImageStore::view() const {
  const std::lock_guard lock(view_mutex_);
  return view_;
}

std::vector<Image> ImageStore::List() const {
  std::vector<Image> out;
  for (const auto& [id, image] : view()->images) out.push_back(*image);
  return out;
}

std::optional<Image> ImageStore::Find(const std::string& reference) const {
  const std::shared_ptr<const View> now = view();
  const auto by_id = [&now](const std::string& id) -> std::optional<Image> {
    const auto it = now->images.find(id);
    return it == now->images.end() ? std::nullopt : std::optional(*it->second);
  };
  if (content::IsDigest(reference)) return by_id(reference);
  if (reference.size() == 64 && IsHex(reference)) return by_id("sha256:" + reference);
  if (const Result<Reference> parsed = ParseReference(reference); parsed.ok()) {
    const auto it = now->names.find(parsed->digest.empty() ? parsed->Tagged()
                                                           : parsed->Digested(parsed->digest));
    if (it != now->names.end()) return by_id(it->second);
  }
  std::string_view prefix = reference;
  if (prefix.starts_with("sha256:")) prefix.remove_prefix(7);
  if (prefix.size() < kMinIdPrefix || !IsHex(prefix)) return std::nullopt;
  const std::string from = "sha256:" + std::string(prefix);
  const auto first = now->images.lower_bound(from);
  if (first == now->images.end() || !first->first.starts_with(from)) return std::nullopt;
  if (const auto second = std::next(first);
      second != now->images.end() && second->first.starts_with(from))
    return std::nullopt;
  return *first->second;
}

std::optional<Image> ImageStore::FindHeld(const std::string& image_id) const {
  if (std::optional<Image> named = Find(image_id)) return named;
  ImageRecord record;
  {
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(image_id);
    if (found == records_.end()) return std::nullopt;
    record = found->second;
  }
  Result<Image> image = Describe(record);
  if (!image.ok()) {
    base::LogError("image cannot be described", {{"image", image_id}, {"error", image.error()}});
    return std::nullopt;
  }
  return std::move(image).value();
}

Status ImageStore::WriteName(const NameRecord& name) {
  return os::WriteFileAtomic(NamePath(name.name), Encode(name), 0600, os::Durability::kPowerLoss);
}

Status ImageStore::Commit(const Documents& documents, const std::vector<std::string>& layers,
                          const Reference& reference, const std::string& top_digest) {
  const std::lock_guard lock(mutex_);
  ImageRecord record{.layers = layers, .config = documents.said};
  ASSIGN_OR_RETURN(record.id, blobs_.Put(documents.config));
  FAIL_POINT("runtime.image.configuration");
  ASSIGN_OR_RETURN(record.manifest, blobs_.Put(documents.manifest));
  FAIL_POINT("runtime.image.manifest");
  RETURN_IF_ERROR(CheckUsable(record));
  if (!records_.contains(record.id)) {
    RETURN_IF_ERROR(os::WriteFileAtomic(ImagePath(record.id), Encode(record), 0600));
    FAIL_POINT("runtime.image.recorded");
    // One sync for documents, layers and record; the names follow.
    ASSIGN_OR_RETURN(const os::UniqueFd fs, os::Open(root_, O_RDONLY | O_DIRECTORY));
    if (syncfs(fs.get()) != 0) {
      const int saved = errno;
      (void)os::RemoveFile(ImagePath(record.id));
      return Error::FromErrno(saved, "sync the image's files");
    }
    FAIL_POINT("runtime.image.synced");
    records_[record.id] = record;
  }
  std::vector<NameRecord> names;
  if (!top_digest.empty()) names.push_back({reference.Digested(top_digest), true, record.id});
  if (!reference.tag.empty()) names.push_back({reference.Tagged(), false, record.id});
  Status written;
  for (const NameRecord& name : names) {
    if (const auto it = names_.find(name.name);
        it != names_.end() && it->second.image_id == name.image_id)
      continue;
    if (written = WriteName(name); !written.ok()) break;
    FAIL_POINT("runtime.image.name");
    names_[name.name] = name;
  }
  Publish();
  return written;
}

Status ImageStore::Remove(const std::string& reference) {
  const std::optional<Image> image = Find(reference);
  if (!image) return base::Ok();
  const std::lock_guard lock(mutex_);
  // The name that was given goes last: whoever is cut off finds the rest by it when it is asked
  // again.
  std::vector<std::string> names;
  for (const auto& [name, record] : names_) {
    if (record.image_id == image->id) names.push_back(name);
  }
  if (const Result<Reference> given = ParseReference(reference); given.ok()) {
    const std::string last =
        given->digest.empty() ? given->Tagged() : given->Digested(given->digest);
    std::stable_partition(names.begin(), names.end(),
                          [&last](const std::string& name) { return name != last; });
  }
  for (const std::string& name : names) {
    RETURN_IF_ERROR(os::RemoveFile(NamePath(name)));
    FAIL_POINT("runtime.image.name_gone");
    names_.erase(name);
  }
  Publish();
  CollectLocked();
  return base::Ok();
}

void ImageStore::Hold(const std::string& image_id, const std::string& container_id) {
  const std::lock_guard lock(mutex_);
  holds_[container_id] = image_id;
}

void ImageStore::Release(const std::string& container_id) {
  const std::lock_guard lock(mutex_);
  if (holds_.erase(container_id) > 0) CollectLocked();
}

bool ImageStore::CollectGarbage() {
  const std::lock_guard lock(mutex_);
  return CollectLocked();
}

bool ImageStore::CollectLocked() {
  std::set<std::string> images;
  for (const auto& [name, record] : names_) images.insert(record.image_id);
  for (const auto& [container, id] : holds_) images.insert(id);
  bool changed = false;
  std::set<std::string> layers;
  for (auto it = records_.begin(); it != records_.end();) {
    if (images.contains(it->first)) {
      layers.insert(it->second.layers.begin(), it->second.layers.end());
      ++it;
      continue;
    }
    if (const Status removed = os::RemoveFile(ImagePath(it->first)); !removed.ok()) {
      base::LogWarn("image record cannot be removed, trying again later",
                    {{"image", it->first}, {"error", removed.error()}});
      layers.insert(it->second.layers.begin(), it->second.layers.end());
      ++it;
      continue;
    }
    FAIL_POINT("runtime.image.record_gone");
    (void)blobs_.Remove(it->second.manifest);
    (void)blobs_.Remove(it->first);
    FAIL_POINT("runtime.image.documents_gone");
    it = records_.erase(it);
    changed = true;
  }
  return layers_.Collect([&layers](const std::string& digest) { return layers.contains(digest); }) >
             0 ||
         changed;
}

}  // namespace keelson::image
